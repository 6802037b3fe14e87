"""What people and machines are told of an alert about people: the texts of both languages, and the webhook's JSON.

First line complete in itself, then one fact a line, then the link. Times are those of the site's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from presence.alerts.life import Alert, DutyOf, alert_id
from presence.intervals import Span
from presence.site import Agency, Outlet, Site

Event = Literal["firing", "resolved", "disproved"]
Language = Literal["id", "en"]

_MONTHS: dict[Language, str] = {
    "id": "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des",
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
}
_TEXTS: dict[Language, dict[str, str]] = {
    "id": {
        "clock": "%H.%M",
        "seconds": "{seconds} dtk",
        "minutes": "{minutes} mnt",
        "hours": "{hours} j {minutes:02} mnt",
        "days": "{days} hari {hours} j",
        "outlet": "Loket {number}",
        "subject_of_duty": "loket {agency}",
        "vacant": "{Subject} kosong sejak {since} ({lasted}).",
        "duty_vacant": "{Subject}: tidak satu pun dari {outlets} terisi sejak {since} ({lasted}).",
        "duty_short": "{Subject}: kurang dari {at_least} dari {outlets} terisi sejak {since} ({lasted}).",
        "evidence": "Bukti {age} lalu.",
        "late": "Disampaikan terlambat: seharusnya {fired}.",
        "presence": "Selesai: petugas kembali di {subject} pukul {resolved}. Kosong {lasted}.",
        "duty_presence": "Selesai: {subject} cukup terisi lagi pukul {resolved}. Kurang petugas {lasted}.",
        "unknown": "Berakhir tanpa kepastian: sensor {subject} senyap sejak {unknown_since}.",
        "duty_unknown": "Berakhir tanpa kepastian: keadaan {subject} tidak diketahui sejak {unknown_since}.",
        "closed": "Berakhir: jam layanan selesai {resolved}.",
        "declared": "Berakhir: izin berlaku mulai {resolved}.",
        "maintenance": "Berakhir: perawatan mulai {resolved}.",
        "ended": "Berakhir: aturan peringatan diubah {resolved}.",
        "was": "{Subject}: {since}–{resolved} ({lasted}).",
        "staffed": "Koreksi: {subject} ternyata ada petugas {staffed}."
        " Peringatan kami salah; catatan sudah diperbaiki. Maaf.",
        "disproved": "Koreksi: peringatan kami tentang {subject} sejak {since} ternyata salah;"
        " catatan sudah diperbaiki. Maaf.",
    },
    "en": {
        "clock": "%H:%M",
        "seconds": "{seconds} s",
        "minutes": "{minutes} min",
        "hours": "{hours} h {minutes:02}",
        "days": "{days} d {hours} h",
        "outlet": "outlet {number}",
        "subject_of_duty": "outlets of {agency}",
        "vacant": "{Subject} vacant since {since} ({lasted}).",
        "duty_vacant": "{Subject}: none of {outlets} staffed since {since} ({lasted}).",
        "duty_short": "{Subject}: fewer than {at_least} of {outlets} staffed since {since} ({lasted}).",
        "evidence": "Evidence {age} old.",
        "late": "Told late: it was due at {fired}.",
        "presence": "Resolved: {subject} staffed again at {resolved}. Vacant {lasted}.",
        "duty_presence": "Resolved: {subject} staffed again at {resolved}. Short of officers {lasted}.",
        "unknown": "Ended without certainty: the sensor of {subject} silent since {unknown_since}.",
        "duty_unknown": "Ended without certainty: {subject} not known since {unknown_since}.",
        "closed": "Ended: closing {resolved}.",
        "declared": "Ended: absence declared from {resolved}.",
        "maintenance": "Ended: maintenance from {resolved}.",
        "ended": "Ended: the alert's rules changed at {resolved}.",
        "was": "{Subject}: {since}–{resolved} ({lasted}).",
        "staffed": "Correction: {subject} was staffed {staffed}. Our alert was wrong; the record is corrected. Sorry.",
        "disproved": "Correction: our alert about {subject} since {since} was wrong; the record is corrected. Sorry.",
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One event of one alert about people, and what the alert itself does not say.

    `seen_ms`: newest evidence of the duty's staff zones. `unknown_since_ms`: for an alert resolved `unknown`.
    `staffed`: for a disproved one, the presence that it had not known of. `link`: where to read on.
    """

    event: Event
    alert: Alert
    late: bool
    now_ms: int
    seen_ms: int | None = None
    unknown_since_ms: int | None = None
    staffed: Span | None = None
    link: str | None = None


def body(site: Site, duty: DutyOf, news: News) -> dict[str, Any]:
    """The JSON object that our webhook posts."""
    alert = news.alert
    return {
        "event": news.event,
        "alert": {
            **alert.as_json(),
            "id": alert_id(site.id, alert.kind, alert.subject, alert.since_ms),
            "state": news.event,
            "late": news.late,
        },
        duty.subject_type: {
            **(_outlet_json(duty.outlets[0]) if duty.subject_type == "outlet" else _duty_json(duty)),
            "agency": _agency_json(_agency(site, duty)),
            "site": {"id": site.id, "name": site.name, "timezone": site.timezone},
        },
        "text": {language: text(site, duty, news, language) for language in get_args(Language)},
    }


def text(site: Site, duty: DutyOf, news: News, language: Language) -> str:
    """What a person reads, lines parted by newlines; the first one is also the subject of a mail."""
    lines = _Lines(site, duty, news, language).all()
    return "\n".join([*lines, news.link] if news.link else lines)


class _Lines:
    def __init__(self, site: Site, duty: DutyOf, news: News, language: Language) -> None:
        self._texts = _TEXTS[language]
        self._language = language
        self._zone = ZoneInfo(site.timezone)
        self._duty = duty
        self._news = news
        self._named = duty.subject_type == "duty"
        agency = _agency(site, duty)
        self._agency = agency.short or agency.name
        alert = news.alert
        until_ms = news.now_ms if alert.resolved_ms is None else alert.resolved_ms
        subject = self._texts["subject_of_duty"].format(agency=self._agency) if self._named else self._places()[0]
        self._values = {
            "subject": subject,
            "Subject": subject[0].upper() + subject[1:],
            "since": self._clock(alert.since_ms),
            "fired": self._clock(alert.fired_ms),
            "resolved": self._clock(until_ms),
            "lasted": self._lasted(until_ms - alert.since_ms),
            "outlets": len(duty.outlets),
            "at_least": duty.at_least,
        }

    def all(self) -> list[str]:
        if self._news.event == "firing":
            return self._firing()
        if self._news.event == "resolved":
            return self._resolved()
        return self._disproved()

    def _firing(self) -> list[str]:
        first = "vacant" if not self._named else "duty_vacant" if self._duty.at_least == 1 else "duty_short"
        lines = [self._say(first), self._facts()]
        if self._news.late:
            lines.append(self._say("late"))
        return lines

    def _facts(self) -> str:
        """Which service or outlets, whose, and how old the evidence is."""
        what = self._places() if self._named else [self._duty.outlets[0].service, self._agency]
        fact = ", ".join(part for part in what if part) + "."
        if self._news.seen_ms is None:
            return fact[0].upper() + fact[1:]
        age = self._lasted(self._news.now_ms - self._news.seen_ms)
        return f"{fact[0].upper()}{fact[1:]} {self._say('evidence', age=age)}"

    def _resolved(self) -> list[str]:
        reason = self._news.alert.reason or "ended"
        if reason in ("presence", "unknown"):
            unknown_since = self._clock(self._news.unknown_since_ms or self._news.alert.since_ms)
            return [self._say(f"duty_{reason}" if self._named else reason, unknown_since=unknown_since)]
        return [self._say(reason), self._say("was")]

    def _disproved(self) -> list[str]:
        staffed = self._news.staffed
        if staffed is None or self._named:
            return [self._say("disproved")]
        return [self._say("staffed", staffed=f"{self._clock(staffed.start_ms)}–{self._clock(staffed.end_ms)}")]

    def _say(self, key: str, **more: str) -> str:
        return self._texts[key].format(**self._values, **more)

    def _places(self) -> Sequence[str]:
        return [
            outlet.name if outlet.number is None else self._texts["outlet"].format(number=outlet.number)
            for outlet in self._duty.outlets
        ]

    def _clock(self, at_ms: int) -> str:
        """Hours and minutes, with the date when it is not that of the message."""
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        clock = at.strftime(self._texts["clock"])
        if at.date() == datetime.fromtimestamp(self._news.now_ms / 1000, self._zone).date():
            return clock
        return f"{at.day} {_MONTHS[self._language].split()[at.month - 1]} {clock}"

    def _lasted(self, length_ms: int) -> str:
        seconds = max(0, length_ms) // 1000
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
        if days:
            return self._texts["days"].format(days=days, hours=hours % 24)
        if hours:
            return self._texts["hours"].format(hours=hours, minutes=minutes % 60)
        return self._texts["minutes" if minutes else "seconds"].format(minutes=minutes, seconds=seconds)


def _agency(site: Site, duty: DutyOf) -> Agency:
    return next(agency for agency in site.agencies if agency.id == duty.agency)


def _agency_json(agency: Agency) -> dict[str, Any]:
    return {"id": agency.id, "name": agency.name, "short": agency.short}


def _outlet_json(outlet: Outlet) -> dict[str, Any]:
    return {"id": outlet.id, "name": outlet.name, "number": outlet.number, "service": outlet.service}


def _duty_json(duty: DutyOf) -> dict[str, Any]:
    return {"id": duty.id, "at_least": duty.at_least, "outlets": [_outlet_json(outlet) for outlet in duty.outlets]}
