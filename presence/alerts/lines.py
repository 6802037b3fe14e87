"""The text of a message: first line complete in itself, then one fact a line, then the link.

The words are in `presence.alerts.texts`; here is decided which of them are said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from presence.alerts.answers import is_back_soon
from presence.alerts.news import Answer, News
from presence.alerts.place import agency_of, gateway_name, gateway_of, sensor_of
from presence.alerts.subjects import Subject
from presence.alerts.texts import Language
from presence.alerts.wording import Wording, capital
from presence.site import Site

_MOST_CLOCKS = 3


def text(site: Site, subject: Subject, news: News, language: Language) -> str:
    """What a person reads, lines parted by newlines; the first one is also the subject of a mail."""
    lines = _Lines(site, subject, news, Wording(language, site.timezone, news.now_ms)).all()
    return "\n".join([*lines, news.link] if news.link else lines)


class _Lines:
    def __init__(self, site: Site, subject: Subject, news: News, wording: Wording) -> None:
        self._site = site
        self._subject = subject
        self._news = news
        self._wording = wording
        self._kind = news.alert.kind
        agency = agency_of(site, subject)
        self._agency = subject.agency if agency is None else agency.short or agency.name
        self._values = {**self._what(), **self._when()}

    def all(self) -> list[str]:
        match self._news.event:
            case "firing":
                return self._firing()
            case "reminder":
                return self._reminder()
            case "acknowledged":
                return self._acknowledged()
            case "resolved":
                return self._resolved()
            case "disproved":
                return self._disproved()

    # Events

    def _firing(self) -> list[str]:
        overrun = self._variant() == "overrun"
        first = self._wording.first_of("firing" if overrun else f"firing.{self._kind}", "firing")
        clause = self._clause()
        return [self._filled(first, Clause=capital(clause)), *self._facts(), *self._late()]

    def _reminder(self) -> list[str]:
        answer = self._news.answer
        if answer is None:
            first = self._say("unanswered", clause=self._clause())
        else:
            first = self._say("asked_again", clause=self._clause(), **self._answered(answer))
        return [" ".join([first, *self._told()]), *self._facts(), *self._late()]

    def _acknowledged(self) -> list[str]:
        answer = self._news.answer
        assert answer is not None, "somebody answered"
        still = self._wording.first_of(*self._keys("still", self._kind))
        said = self._answered(answer)
        lines = [
            self._say("noted", still=still, until=self._wording.clock(answer.until_ms), **said),
            self._say("noted.by", Clause=capital(self._clause()), by=answer.by, **said),
        ]
        return [*lines, self._say("note", note=answer.note)] if answer.note else lines

    def _resolved(self) -> list[str]:
        reason = self._news.alert.reason or "ended"
        known = ("end.ended",) if self._news.withdrawn else self._keys("end", self._kind, reason)
        first = self._wording.first_of(*known)
        return [self._filled(first)] if "{subject}" in first else [self._filled(first), self._say("was")]

    def _disproved(self) -> list[str]:
        staffed = self._news.staffed
        if staffed is None or self._subject.subject_type != "outlet" or self._kind == "equipment_down":
            return [self._say("disproved")]
        clock = self._wording.clock
        return [self._say("staffed", staffed=f"{clock(staffed.start_ms)}–{clock(staffed.end_ms)}")]

    # Parts of them

    def _clause(self) -> str:
        """What is the case, as part of a sentence."""
        variant = self._variant()
        known = self._wording.first_of(f"say.{self._kind}.{variant}", f"say.{self._kind}")
        return self._filled(known)

    def _variant(self) -> str | None:
        """Which clause of the kind is said, by what is known."""
        news, subject = self._news, self._subject
        match self._kind:
            case "vacancy" | "late_opening" if subject.subject_type == "duty":
                return "none" if subject.at_least == 1 else "short"
            case "vacancy" if news.declared_until_ms is not None:
                return "overrun"
            case "sensor_stuck":
                return news.stuck if news.stuck == "flapping" or news.stuck_since_ms is not None else None
            case "low_battery":
                return None if news.battery is None else "known"
            case "gateway_offline" if news.sensors is not None:
                return "one" if news.sensors == 1 else "many"
            case "site_outage" if news.unknown_outlets is not None:
                return "known"
            case _:
                return None

    def _facts(self) -> list[str]:
        """Which service, outlets or host, whose, and how old the evidence is."""
        facts = [part for part in self._circumstances() if part]
        lines = [f"{capital(', '.join(facts))}."] if facts else []
        if self._news.seen_ms is not None and self._subject.group == "people":
            lines.append(self._say("evidence", age=self._wording.lasted(self._news.now_ms - self._news.seen_ms)))
        return [" ".join(lines)] if lines else []

    def _circumstances(self) -> Sequence[str | None]:
        match self._subject.subject_type:
            case "outlet":
                return [self._subject.outlets[0].service, self._agency]
            case "duty":
                return self._places()
            case "sensor":
                return [] if self._kind == "sensor_silent" else self._post()
            case "gateway":
                return [gateway_name(self._site, self._subject)]
            case "site":
                return [self._site.name]

    def _late(self) -> list[str]:
        return [self._say("late")] if self._news.late else []

    def _told(self) -> Iterator[str]:
        """A sentence for each who was told before, in the order of their first message."""
        clocks: dict[str, list[str]] = {}
        for name, at_ms in self._news.told:
            clocks.setdefault(name, []).append(self._wording.clock(at_ms))
        for name, told in clocks.items():
            if len(told) > _MOST_CLOCKS:
                yield self._say("told.often", name=name, times=len(told), last=told[-1])
            else:
                yield self._say("told", name=name, clocks=self._wording.listed(told))

    def _answered(self, answer: Answer) -> dict[str, str]:
        said = "back" if is_back_soon(answer) else answer.reason
        reason = self._wording.first_of(f"reason.{said}", "reason.other")
        return {"reason": reason, "answered": self._wording.clock(answer.at_ms)}

    # Values

    def _what(self) -> dict[str, object]:
        outlets = self._subject.outlets
        post = self._post()
        subject = self._named()
        return {
            "subject": subject,
            "Subject": capital(subject),
            "id": self._subject.id,
            "at_post": f" ({', '.join(post)})" if post else "",
            "outlets": len(outlets),
            "at_least": self._subject.at_least,
            "sensors": self._news.sensors,
            **self._measured(),
        }

    def _measured(self) -> dict[str, object]:
        news, found = self._news, dict[str, object]()
        if news.battery is not None:
            found["battery"] = self._wording.percent(news.battery)
        if news.stuck_since_ms is not None:
            found["stuck_for"] = self._wording.whole_hours(news.now_ms - news.stuck_since_ms)
        if news.unknown_outlets is not None:
            found["unknown"], found["all"] = news.unknown_outlets
        return found

    def _when(self) -> dict[str, object]:
        alert, now_ms, clock = self._news.alert, self._news.now_ms, self._wording.clock
        until_ms = now_ms if alert.resolved_ms is None else alert.resolved_ms
        found = {
            "since": clock(alert.since_ms),
            "fired": clock(alert.fired_ms),
            "resolved": clock(until_ms),
            "lasted": self._wording.lasted(until_ms - alert.since_ms),
            "fired_for": self._wording.lasted(now_ms - alert.fired_ms),
            "unknown_since": clock(self._news.unknown_since_ms or until_ms),
        }
        declared_ms = self._news.declared_until_ms
        return {**found, "declared_until": clock(declared_ms)} if declared_ms is not None else {**found}

    def _named(self) -> str:
        """The subject as part of a sentence."""
        subject = self._subject
        match subject.subject_type:
            case "outlet" if self._kind == "equipment_down":
                return self._wording.say("subject.equipment_down", place=self._places()[0])
            case "outlet":
                return self._places()[0]
            case "duty":
                return self._wording.say("subject.duty", agency=self._agency)
            case "sensor":
                place = f" ({self._places()[0]})" if subject.outlets else ""
                return self._wording.say("subject.sensor", id=subject.id, at_place=place)
            case "gateway":
                return self._wording.say("subject.gateway", id=subject.id)
            case "site":
                return self._site.name

    def _places(self) -> list[str]:
        return [self._wording.place(outlet.number, outlet.name) for outlet in self._subject.outlets]

    def _post(self) -> list[str]:
        """Where a sensor is: its outlet, and the gateway on which it hangs."""
        sensor = sensor_of(self._subject)
        gateway = None if sensor is None else gateway_of(sensor)
        return [*self._places(), *([gateway] if gateway else [])] if self._subject.subject_type == "sensor" else []

    def _keys(self, *parts: str) -> tuple[str, ...]:
        """The keys of a text, what is said of this kind and this sort of subject first."""
        first, kind, *rest = parts
        sort = self._subject.subject_type
        of_kind, of_all = ".".join([first, kind, *rest]), ".".join([first, *rest])
        return (f"{of_kind}.{sort}", of_kind, f"{of_all}.{sort}", of_all)

    def _say(self, key: str, **more: object) -> str:
        return self._wording.say(key, **self._values, **more)

    def _filled(self, known: str, **more: object) -> str:
        return known.format(**self._values, **more)
