"""What people and machines are told of an alert: the webhook's JSON, with the texts of both languages in it."""

from __future__ import annotations

from typing import Any, get_args

from presence.alerts.life import alert_id
from presence.alerts.lines import text
from presence.alerts.news import Answer, Event, Heard, News
from presence.alerts.place import agency_of, gateway_name, gateway_of, sensor_of
from presence.alerts.subjects import Subject
from presence.alerts.texts import Language
from presence.instants import rfc3339, rfc3339_or_none
from presence.site import Agency, Outlet, Site

__all__ = ["Answer", "Event", "Heard", "Language", "News", "body", "text"]


def body(site: Site, subject: Subject, news: News) -> dict[str, Any]:
    """The JSON object that our webhook posts."""
    alert = news.alert
    found: dict[str, Any] = {
        "event": news.event,
        "alert": {
            **alert.as_json(),
            "id": alert_id(site.id, alert.kind, alert.subject, alert.since_ms),
            "state": _state(news),
            "late": news.late,
            "urgent": alert.kind == "unattended",
            "acknowledged": _answer_json(news.answer),
        },
        **_subject_json(site, subject),
        "facts": _facts_json(news),
        "text": {language: text(site, subject, news, language) for language in get_args(Language)},
    }
    return {**found, "link": news.link} if news.link else found


def _state(news: News) -> str:
    if news.event in ("resolved", "disproved"):
        return news.event
    answered = news.answer is not None and news.now_ms < news.answer.until_ms
    return "acknowledged" if answered or news.event == "acknowledged" else "firing"


def _answer_json(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "at": rfc3339(answer.at_ms),
        "until": rfc3339(answer.until_ms),
        "by": answer.by,
        "reason": answer.reason,
        "note": answer.note,
    }


def _facts_json(news: News) -> dict[str, Any]:
    """What the texts know beyond the alert; what is not known is left out."""
    unknown, outlets = news.unknown_outlets or (None, None)
    facts = {
        "seen": rfc3339_or_none(news.seen_ms),
        "unknown_since": rfc3339_or_none(news.unknown_since_ms),
        "withdrawn": news.withdrawn or None,
        "staffed": news.staffed and {"from": rfc3339(news.staffed.start_ms), "to": rfc3339(news.staffed.end_ms)},
        "declared_until": rfc3339_or_none(news.declared_until_ms),
        "unknown_outlets": unknown,
        "outlets": outlets,
        "sensors": news.sensors,
        "battery": news.battery,
        "stuck": news.stuck,
        "stuck_since": rfc3339_or_none(news.stuck_since_ms),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _subject_json(site: Site, subject: Subject) -> dict[str, Any]:
    """What the alert speaks of, under its own name; each with its site, a sensor with its outlet beside it."""
    where = {"site": {"id": site.id, "name": site.name, "timezone": site.timezone}}
    whose = {"agency": _agency_json(agency_of(site, subject)), **where}
    match subject.subject_type:
        case "outlet":
            return {"outlet": {**_outlet_json(subject.outlets[0]), **whose}}
        case "duty":
            outlets = [_outlet_json(outlet) for outlet in subject.outlets]
            return {"duty": {"id": subject.id, "at_least": subject.at_least, "outlets": outlets, **whose}}
        case "sensor":
            sensor = {"sensor": {**_sensor_json(subject), **where}}
            return {**sensor, "outlet": {**_outlet_json(subject.outlets[0]), **whose}} if subject.outlets else sensor
        case "gateway":
            return {"gateway": {"id": subject.id, "name": gateway_name(site, subject), **where}}
        case "site":
            return where


def _sensor_json(subject: Subject) -> dict[str, Any]:
    sensor = sensor_of(subject)
    return {
        "id": subject.id,
        "kind": sensor and sensor.kind,
        "zone": sensor and sensor.zone,
        "gateway": sensor and gateway_of(sensor),
        "outlet": _outlet_json(subject.outlets[0]) if subject.outlets else None,
    }


def _outlet_json(outlet: Outlet) -> dict[str, Any]:
    return {"id": outlet.id, "name": outlet.name, "number": outlet.number, "service": outlet.service}


def _agency_json(agency: Agency | None) -> dict[str, Any] | None:
    return None if agency is None else {"id": agency.id, "name": agency.name, "short": agency.short}
