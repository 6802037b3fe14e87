"""What the devices of others say, as readings of our sensors: claims, availability, the time of the evidence.

A device is a sensor by its claim in the registry; the rest is noted for the inbox. What is not known is said so at
once: a device or its gateway that is gone, a verdict that the device itself calls unknown, a time in which nobody
listened, all are `online` false, after which a sensor is unknown until it next speaks of presence.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from collector.asking import Asking
from collector.claims import Claim, claims_of
from collector.conventions import CONVENTIONS, Listeners
from collector.conventions.convention import Convention, Heard, Message, Question, Subscription
from collector.filters import widest
from collector.intake import Own
from presence.errors import DamagedFrame
from presence.readings import Reading, observed_at
from presence.site import Site
from storage.record.aside import DeadLetter, Unclaimed

_log = logging.getLogger("hadir.collector")

_Place = tuple[str, str]  # site, sensor

_SAMPLE = 4096
_OFTEN = 5


class Outcome(NamedTuple):
    """What came of one message. `letter`: it could not be understood, or not used."""

    own: list[Own]
    unclaimed: list[Unclaimed]
    letter: DeadLetter | None


def letter_of(message: Message, why: str) -> DeadLetter:
    """`message` as it is kept aside, to be tried again as it came."""
    return DeadLetter(
        message.topic,
        message.payload,
        why,
        message.received_ms,
        message.content_type,
        message.expiry_s,
        message.retain,
    )


class Hearing:
    """All conventions, and the claims on their devices. Pure: `random` decides who is asked first."""

    def __init__(self, chance: random.Random) -> None:
        self._conventions = {name: make() for name, make in CONVENTIONS.items()}
        self._listeners = Listeners(list(self._conventions.values()))
        self._claims: dict[str, dict[str, list[Claim]]] = {name: {} for name in self._conventions}
        self._sites: tuple[Site, ...] = ()
        # What the sensors' last word was: of presence, or that there is none; those that are not here said neither.
        self._said: dict[_Place, Literal["presence", "nothing"]] = {}
        self._newest_ms: dict[_Place, int] = {}
        self._mute: dict[_Place, int] = {}  # how often its device was heard of which nothing was ever understood
        self._chance = chance
        self._asking = Asking(chance)
        self._told: set[str] = set()
        self._wanted: set[Subscription] = set()
        self._filters: tuple[list[str], list[str]] = ([], [])

    def follow(self, sites: Iterable[Site], now_ms: int) -> None:
        """Take over the registry; devices whose claim was not there before are asked for their state."""
        before, self._sites = bool(self._sites), tuple(sites)
        kept: set[_Place] = set()
        for name, convention in self._conventions.items():
            claimed_before, claimed = self._claims[name], dict[str, list[Claim]]()
            self._claims[name] = claimed
            for claim in claims_of(self._sites, name):
                if (address := self._address(convention, claim)) is None:
                    continue
                claimed.setdefault(address, []).append(claim)
                if claim in claimed_before.get(address, ()):
                    kept.add((claim.site, claim.sensor))
                elif before:
                    self._asking.want(convention, address, now_ms)
            convention.follow([claim.entry(address) for address, claims in claimed.items() for claim in claims])
        self._listeners.changed()
        self._said = {place: said for place, said in self._said.items() if place in kept}
        self._newest_ms = {place: at_ms for place, at_ms in self._newest_ms.items() if place in kept}
        self._mute = {place: times for place, times in self._mute.items() if place in kept}

    def _address(self, convention: Convention, claim: Claim) -> str | None:
        try:
            return convention.address(claim.source)
        except ValueError as error:
            said = f"site {claim.site}: sensor {claim.sensor}: {convention.NAME}: {error}"
            if said not in self._told:
                self._told.add(said)
                _log.warning("%s; nothing is heard of it", said)
            return None

    # What is listened to

    def subscriptions(self) -> tuple[list[str], list[str]]:
        """The filters to listen to: those for which the broker is to keep what comes while we are away, and the others.

        What has a time of its own may wait; what has none is heard when it is said, or not at all.
        """
        wanted = {one for convention in self._conventions.values() for one in convention.subscriptions()}
        if wanted != self._wanted:
            self._wanted = wanted
            self._filters = _filters(wanted, 1), _filters(wanted, 0)
            self._listeners.changed()
        return self._filters

    # What is heard

    def hear(self, message: Message) -> Outcome:
        """What `message` says of our sensors, and of devices that nobody claims."""
        readings: dict[str, list[Reading]] = {}
        unclaimed: list[Unclaimed] = []
        why: list[str] = []
        for convention in self._listeners.of(message.topic):
            try:
                heard = convention.decode(message)
            except DamagedFrame as error:
                why.append(error.reason)
                continue
            except Exception as error:  # noqa: BLE001
                # A fault of ours; but one message, retained perhaps, must not stop a building again and again.
                why.append(f"a fault in {convention.NAME}: {type(error).__name__}")
                _log.exception("a fault in %s; the message is kept as a dead letter, please report it", convention.NAME)
                continue
            for one in heard:
                for site, reading in self._said_by(convention, one, message, why):
                    readings.setdefault(site, []).append(reading)
                if (note := self._unclaimed(convention, one, message)) is not None:
                    unclaimed.append(note)
        letter = None
        # An empty payload only takes a retained message back: there is nothing to keep aside.
        if why and not readings and message.payload:
            letter = letter_of(message, why[0])
        return Outcome([Own(site, said) for site, said in readings.items()], unclaimed, letter)

    def hear_again(self, message: Message) -> Outcome:
        """As `hear`, of a message of the past: it changes nothing of what is known now.

        What no convention listens to without what it has learnt comes back as it is.
        """
        past = Hearing(self._chance)
        past._told = self._told
        past.follow(self._sites, message.received_ms)
        if not past._listeners.of(message.topic):
            return Outcome([], [], letter_of(message, "no convention listens to its topic by itself"))
        return past.hear(message)

    def _said_by(
        self, convention: Convention, heard: Heard, message: Message, why: list[str]
    ) -> Iterator[tuple[str, Reading]]:
        """By site, what one device says of our sensors; reasons why it cannot be used go to `why`."""
        claims = self._claims[convention.NAME].get(heard.address, ())
        if claims and not heard.values and not heard.unknown:
            self._doubt_profiles(claims)
        for claim in claims:
            for reading in self._readings(claim, heard, message, why):
                yield claim.site, reading
        if heard.online is None or (heard.online and message.retain):
            return
        for address in self._with(convention, heard):
            if heard.online:
                if not self._speaking(convention.NAME, address):
                    self._asking.want(convention, address, message.received_ms)
                continue
            for claim in self._claims[convention.NAME].get(address, ()):
                for reading in self._silenced((claim.site, claim.sensor), message):
                    yield claim.site, reading

    def _doubt_profiles(self, claims: Iterable[Claim]) -> None:
        """A device spoke and nothing was understood: once or twice that may be, but a wrong profile goes on so."""
        for claim in claims:
            place = (claim.site, claim.sensor)
            if claim.source.profile is None or place in self._said:
                continue
            self._mute[place] = self._mute.get(place, 0) + 1
            if self._mute[place] == _OFTEN:
                _log.warning(
                    "site %s: sensor %s: its device was heard %d times and nothing was understood by the profile %s; "
                    "look at a payload with `hadir decode mqtt`",
                    *(*place, _OFTEN, claim.source.profile),
                )

    def _readings(self, claim: Claim, heard: Heard, message: Message, why: list[str]) -> Iterator[Reading]:
        """What `heard` says of the sensor of `claim`; reasons why it cannot be used go to `why`."""
        place = (claim.site, claim.sensor)
        values = {name: value for name, value in heard.values.items() if name != "presence"}
        verdict = heard.values.get("presence") if claim.key is None else heard.presences.get(claim.key)
        if verdict is not None:
            values["presence"] = verdict
        at_ms = self._observed(place, heard, message)
        if at_ms is None and not message.retain and values:
            why.append("the reading is older than 30 days")
        if values and at_ms is not None:
            yield Reading(claim.sensor, at_ms, values)
            newest_ms = self._newest_ms.get(place, 0)
            if heard.historical:
                # What a device tells of a time after its last word: it was not to be heard then, nor is it since.
                if verdict is not None and at_ms > newest_ms:
                    self._said[place] = "nothing"
                    yield Reading(claim.sensor, at_ms + 1, {"online": 0.0})
            elif at_ms >= newest_ms:
                self._newest_ms[place] = at_ms
                if verdict is not None:
                    self._said[place] = "presence"
        if (claim.key or "presence") in heard.unknown and not heard.historical and not message.retain:
            yield from self._silenced(place, message)

    def _observed(self, place: _Place, heard: Heard, message: Message) -> int | None:
        """When the evidence was; None when it is too old, or not dated and of the past."""
        if heard.at_ms is None and heard.age_ms is None:
            return None if message.retain else self._stamp(place, message.received_ms)
        at_ms = heard.at_ms if heard.at_ms is not None else message.received_ms - (heard.age_ms or 0)
        observed = observed_at(at_ms, message.received_ms)
        if observed is None or (observed[1] and message.retain):
            return None
        return self._stamp(place, message.received_ms) if observed[1] else observed[0]

    def _stamp(self, place: _Place, received_ms: int) -> int:
        """A time of receipt that no other reading of the sensor has: the store keeps one for each instant."""
        return max(received_ms, self._newest_ms.get(place, 0) + 1)

    def _silenced(self, place: _Place, message: Message) -> Iterator[Reading]:
        """The sensor is unknown from now on; said once."""
        if self._said.get(place) != "nothing":
            self._said[place] = "nothing"
            self._newest_ms[place] = at_ms = self._stamp(place, message.received_ms)
            yield Reading(place[1], at_ms, {"online": 0.0})

    def _with(self, convention: Convention, heard: Heard) -> list[str]:
        """Who is there and gone with a device: itself, and the claimed devices that speak through it as a gateway."""
        if heard.scope != "gateway":
            return [heard.address]  # a power cut ends thousands of them: nobody looks through all claims for each
        through = heard.address
        return [
            through, *(one for one in self._claims[convention.NAME] if convention.gateway_of(one) == through)
        ]  # fmt: skip

    def _speaking(self, convention: str, address: str) -> bool:
        """Whether the last word of all sensors of a device was of presence; so it is when it has none."""
        claims = self._claims[convention].get(address, ())
        return all(self._said.get((claim.site, claim.sensor)) == "presence" for claim in claims)

    def _unclaimed(self, convention: Convention, heard: Heard, message: Message) -> Unclaimed | None:
        if heard.scope != "sensor" or heard.address in self._claims[convention.NAME]:
            return None
        if heard.onboard is not None and len(self._listeners.of(heard.onboard.state_topic)) > 0:
            return None  # it speaks on topics of another convention, which notes it when it does
        values: Mapping[str, float | None] = {
            **heard.values, **heard.presences, **dict.fromkeys(sorted(heard.unknown))
        }  # fmt: skip
        if not values and heard.onboard is None and not heard.candidate:
            return None
        site = self._sites[0].id if len(self._sites) == 1 else ""
        sample = message.payload[:_SAMPLE]
        return Unclaimed(
            site, heard.address, message.topic, message.received_ms, 1, sample, convention.NAME, heard.seems, values
        )

    # What was not heard

    def lost(self, since_ms: Callable[[str], int | None], seen: Mapping[_Place, int]) -> list[Own]:
        """Nobody listens any more to what must be heard at once: those sensors are unknown.

        `since_ms`: since when, by site (None: of which nothing was ever heard). `seen`: when the sensors were last
        heard of that ever were; of the others nothing was known anyway.
        """
        readings: dict[str, list[Reading]] = {}
        for place, newest_ms in self._ever_heard(seen):
            if (lost_ms := since_ms(place[0])) is None:
                continue
            self._said.pop(place, None)
            # A device whose clock is ahead said nothing after its last word either.
            self._newest_ms[place] = at_ms = max(lost_ms, newest_ms + 1)
            readings.setdefault(place[0], []).append(Reading(place[1], at_ms, {"online": 0.0}))
        return [Own(site, said) for site, said in readings.items()]

    def back(self, now_ms: int, seen: Mapping[_Place, int]) -> list[Own]:
        """What must be heard at once is listened to again, after `lost`: all are asked.

        No word of before is held against what comes from here on.
        """
        readings: dict[str, list[Reading]] = {}
        for convention in self._conventions.values():
            if _at_once(convention):
                convention.missed(now_ms)
        for convention, address, _ in self._claimed_at_once():
            self._asking.want(convention, address, now_ms)
        for place, newest_ms in self._ever_heard(seen):
            self._newest_ms[place] = at_ms = max(now_ms, newest_ms + 1)
            readings.setdefault(place[0], []).append(Reading(place[1], at_ms, {"online": 1.0}))
        return [Own(site, said) for site, said in readings.items()]

    def _ever_heard(self, seen: Mapping[_Place, int]) -> Iterator[tuple[_Place, int]]:
        """The sensors that must be heard at once and ever were, with their newest word."""
        for place in self.heard_at_once():
            if newest_ms := max(self._newest_ms.get(place, 0), seen.get(place, 0)):
                yield place, newest_ms

    def heard_at_once(self) -> Collection[_Place]:
        """The sensors of conventions of which the broker keeps nothing."""
        return dict.fromkeys((claim.site, claim.sensor) for _, _, claim in self._claimed_at_once()).keys()

    def _claimed_at_once(self) -> Iterator[tuple[Convention, str, Claim]]:
        for name, convention in self._conventions.items():
            if self._claims[name] and _at_once(convention):
                for address, claims in self._claims[name].items():
                    for claim in claims:
                        yield convention, address, claim

    def questions(self, now_ms: int) -> list[Question]:
        """What is to be asked now."""
        asked = [one for convention in self._conventions.values() for one in convention.questions(now_ms)]
        for convention, address in self._asking.due(now_ms, self._is_waited_for):
            asked.extend(convention.ask(address, now_ms))
        return asked

    def _is_waited_for(self, convention: Convention, address: str) -> bool:
        return address in self._claims[convention.NAME] and not self._speaking(convention.NAME, address)


def _at_once(convention: Convention) -> bool:
    """Whether something of it is heard when it is said, or not at all."""
    return any(one.qos == 0 for one in convention.subscriptions())


def _filters(wanted: Iterable[Subscription], qos: int) -> list[str]:
    return widest(one.topic_filter for one in wanted if one.qos == qos)
