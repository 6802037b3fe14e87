"""The status of a Shelly Gen2+ device: what its components say, laid over what is known of them.

    presencezone:2xx {"value":true,"num_objects":1}    occupancy:N {"value"}    presence {"num_objects"}
    bthomesensor:2xx {"value","last_updated_ts"}       `obj_id` of its config is what it measures, 33 motion,
                                                       35 occupancy, 37 presence, 1 battery, 5 illuminance; `addr` whose
    bthomedevice:2xx {"battery","rssi"}    devicepower:N {"battery":{"percent"}}
    illuminance:N {"lux"}    temperature:N {"tC"}    humidity:N {"rh"}
    input:N {"state"}        by its name; for the whole only where the operator says that it is a detector

A NotifyStatus tells what changed: an attribute that is missing is as it was. So the device as a whole is vacant only
when of all detectors known none sees anybody; where one is not known it is unknown. `presence` counts in all the room:
it speaks for the whole of a device without zones.

Source: shelly-api-docs.shelly.cloud gen2 (PresenceZone, BTHomeSensor, Notifications), homeassistant 2026.11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector.conventions.payload import truth, within
from collector.conventions.shelly_motion import Said, put, put_battery, put_light, seconds_ms
from collector.conventions.whole import OCCUPIED, whole

COMPONENTS: Final = 256  # of one device; the rest is not kept
FIRST_DYNAMIC: Final = 200  # components that people add have numbers from here on; GetStatus leaves them out
DETECTORS: Final = frozenset(("motion", "occupancy", "presence"))
MEANINGS: Final = DETECTORS | {"battery", "illuminance"}
_BY_OBJECT_ID: Final[Mapping[int, str]] = {
    1: "battery",
    5: "illuminance",
    33: "motion",
    35: "occupancy",
    37: "presence",
}
_ROOM: Final = "presence"
_WHOLE: Final = "presence"
_ZONE: Final = "presencezone"
_SENSOR: Final = "bthomesensor"
_DEVICE: Final = "bthomedevice"
_MOST_PEOPLE: Final = 1000
_WEAKEST_DBM, _STRONGEST_DBM = -150.0, 20.0
_NEVER: Final = float("inf")


class Known(msgspec.Struct):
    """What is known of one device. `detectors`: component -> sees somebody, None: not known.

    `meanings`, `owners`: of BTHome components, what they measure and the MAC address of whose they are; `asked`: those
    whose meaning was asked for; `batteries`: BTHome devices that were heard.
    """

    prefix: str
    gen1: bool = False
    seems: str | None = None
    detectors: dict[str, bool | None] = {}
    meanings: dict[str, str] = {}
    owners: dict[str, str] = {}
    asked: set[str] = set()
    batteries: set[str] = set()

    def lose(self) -> None:
        """Know no word of its detectors any more; that it has them stays known."""
        self.detectors = dict.fromkeys(self.detectors)


def meaning_of(said: object) -> str | None:
    """What a component measures, as an operator writes it: `motion`, `occupancy (obj_id 35)`, 33; None: no meaning."""
    if isinstance(said, str) and said.strip():
        word = said.split(maxsplit=1)[0].lower()
        return word if word in MEANINGS else None
    return _BY_OBJECT_ID.get(said) if type(said) is int else None


class Update:
    """One message laid over `known`: what it is evidence of, by the time of the evidence, for device and BLU sensors.

    `delta`: what is told has changed just now; else it is a status, of which only what is dated by itself, or measured
    by the device itself, is evidence.
    """

    def __init__(self, known: Known, configured: Mapping[str, str], at_ms: int | None, *, delta: bool) -> None:
        self._known = known
        self._configured = configured
        self._at_ms = at_ms
        self._delta = delta
        self._device: dict[int | None, Said] = {}
        self._others: dict[tuple[str, int | None], Said] = {}
        self.unexplained: set[str] = set()  # BTHome sensors of which nobody knows what they measure

    def add(self, key: str, body: Mapping[str, Any]) -> None:
        """What one component says."""
        kind, _, _ = key.partition(":")
        configured = self._configured.get(key)
        if configured in DETECTORS and kind != _SENSOR:
            self._detect(key, body, "state" if "state" in body else "value", self._at_ms)
        elif kind in (_ZONE, "occupancy"):
            self._detect(key, body, "value", self._at_ms)
            if kind == _ZONE and "num_objects" in body and self._is_only_zone(key):
                self._count(body)
        elif key == _ROOM and "num_objects" in body:
            self._see(key, _some(body["num_objects"]), self._at_ms)
            self._count(body)
        elif kind == _SENSOR:
            self._add_sensor(key, body)
        elif kind == _DEVICE:
            self._add_owner(key, body)
        elif kind in _MEASURES:
            quantity, attribute, least, most = _MEASURES[kind]
            put(self._said(self._at_ms).values, quantity, body.get(attribute), least, most)
        elif kind == "input" and (state := _bool(body.get("state"))) is not None:
            # What hangs on it nobody has said: it may be claimed by its name, and is no part of the whole.
            self._said(self._at_ms).presences[key] = float(state)
        elif kind == "devicepower" and isinstance(body.get("battery"), dict):
            put_battery(self._said(self._at_ms).values, body["battery"].get("percent"))

    def expect_configured(self) -> None:
        """Before all: the detectors that the operator named are there, though they have not spoken yet."""
        for key, meaning in self._configured.items():
            if meaning in DETECTORS:
                self._expect(key)

    def replace(self, keys: Mapping[str, Any]) -> None:
        """Before `add`: the message holds all components, `keys`; without those that people add when none is there."""
        everything = any(_is_dynamic(key) for key in keys)
        for key in [key for key in self._known.detectors if everything or not _is_dynamic(key)]:
            del self._known.detectors[key]

    def remove_all_but(self, added: Collection[str]) -> None:
        """Before `add`: of components that people add there are `added`, and no more."""
        for key in [key for key in self._known.detectors if _is_dynamic(key) and key not in added]:
            del self._known.detectors[key]

    def device(self) -> list[Said]:
        """What the device says, the oldest evidence first; at least one, and be it that it lives."""
        if not self._device:
            return [Said({}, {}, set(), self._at_ms)]
        said = _in_order(self._device.values())
        _speak_for_all(said, self._voices())
        for one in said:
            one.presences.pop(_ROOM, None)
        return said

    def _voices(self) -> Mapping[str, bool | None]:
        """The detectors that count for the device as a whole."""
        heard = self._known.detectors
        if _ROOM in heard and any(key.startswith(_ZONE) for key in heard):
            return {key: seen for key, seen in heard.items() if key != _ROOM}
        return heard

    def others(self) -> list[tuple[str, Said]]:
        """What BLU sensors say through the device, by their MAC addresses and under the names of what they measure."""
        by_owner: dict[str, list[Said]] = {}
        for (owner, _), said in self._others.items():
            by_owner.setdefault(owner, []).append(said)
        found: list[tuple[str, Said]] = []
        for owner, told in by_owner.items():
            in_order = _in_order(told)
            meanings = self._detectors_of(owner)
            _speak_for_all(in_order, {key: self._known.detectors.get(key) for key in meanings})
            found += [(owner, _renamed(one, meanings)) for one in in_order]
        return found

    def _detectors_of(self, owner: str) -> dict[str, str]:
        """Those of a BLU device, and what they measure."""
        keys = (key for key, its in self._known.owners.items() if its == owner)
        meanings = {key: self._meaning(key) for key in keys}
        return {key: meaning for key, meaning in meanings.items() if meaning in DETECTORS}

    def _meaning(self, key: str) -> str:
        return self._configured.get(key) or self._known.meanings.get(key, "")

    def _said(self, at_ms: int | None) -> Said:
        found = self._device.get(at_ms)
        if found is None:
            found = self._device[at_ms] = Said({}, {}, set(), at_ms)
        return found

    def _detect(self, key: str, body: Mapping[str, Any], attribute: str, at_ms: int | None) -> None:
        if attribute in body:
            self._see(key, _bool(body[attribute]), at_ms)

    def _see(self, key: str, seen: bool | None, at_ms: int | None) -> None:
        if not self._expect(key):
            return
        self._known.detectors[key] = seen
        said = self._said(at_ms)
        if seen is None:
            said.unknown.add(key)
        else:
            said.presences[key] = float(seen)

    def _expect(self, key: str) -> bool:
        """Know that there is this detector, whatever it says; whether there was room for it."""
        if key not in self._known.detectors:
            if len(self._known.detectors) >= COMPONENTS:
                return False
            self._known.detectors[key] = None
        return True

    def _is_only_zone(self, key: str) -> bool:
        return not any(other != key and other.startswith(_ZONE) for other in self._known.detectors)

    def _count(self, body: Mapping[str, Any]) -> None:
        people = within(body["num_objects"], 0, _MOST_PEOPLE)
        if people is not None:
            self._said(self._at_ms).values["target_count"] = people

    def _add_sensor(self, key: str, body: Mapping[str, Any]) -> None:
        meaning = self._meaning(key)
        if not meaning:
            self.unexplained.add(key)
            return
        updated_ms = seconds_ms(body.get("last_updated_ts"))
        is_evidence = updated_ms is not None or self._delta
        at_ms = updated_ms if updated_ms is not None else self._at_ms
        owner = self._known.owners.get(key)
        if meaning not in DETECTORS:
            values = self._said(at_ms).values if owner is None else self._other(owner, at_ms).values
            (put_battery if meaning == "battery" else put_light)(values, body.get("value"))
            return
        # A value that did not change is left out when its sensor was heard again.
        seen = _bool(body["value"]) if "value" in body else self._known.detectors.get(key)
        if "value" not in body and (seen is None or updated_ms is None):
            self._expect(key)
            return
        if not is_evidence and seen is not None:
            if self._expect(key):
                self._known.detectors[key] = seen
            return
        self._see(key, seen, at_ms)
        if owner is not None:
            self._see_through(owner, key, at_ms)

    def _see_through(self, owner: str, key: str, at_ms: int | None) -> None:
        """What detector `key` says, on account of the BLU device that it is of."""
        said = self._other(owner, at_ms)
        seen = self._known.detectors.get(key)
        if seen is None:
            said.unknown.add(key)
        else:
            said.presences[key] = float(seen)

    def _add_owner(self, key: str, body: Mapping[str, Any]) -> None:
        """Of a BLU device: on its own account where it is known who it is, else of the only one there is."""
        if len(self._known.batteries) < COMPONENTS:
            self._known.batteries.add(key)
        owner = self._known.owners.get(key)
        at_ms = seconds_ms(body.get("last_updated_ts")) or self._at_ms
        if owner is not None:
            values = self._other(owner, at_ms).values
            put(values, "rssi", body.get("rssi"), _WEAKEST_DBM, _STRONGEST_DBM)
            put_battery(values, body.get("battery"))
        elif len(self._known.batteries) == 1:
            put_battery(self._said(at_ms).values, body.get("battery"))

    def _other(self, owner: str, at_ms: int | None) -> Said:
        found = self._others.get((owner, at_ms))
        if found is None:
            found = self._others[owner, at_ms] = Said({}, {}, set(), at_ms)
        return found


def _in_order(told: Iterable[Said]) -> list[Said]:
    """The oldest evidence first."""
    return sorted(told, key=lambda one: _NEVER if one.at_ms is None else one.at_ms)


def _speak_for_all(told: Sequence[Said], voices: Mapping[str, bool | None]) -> None:
    """Add what `told`, the oldest first, says of the whole, which is what `voices` say together.

    Of any but the last time it is not known what the other voices said then: they can only be outdone.
    """
    spoke = [(said, (said.presences.keys() | said.unknown) & voices.keys()) for said in told]
    last = next((said for said, keys in reversed(spoke) if keys), None)
    for said, keys in spoke:
        said.unknown.discard(_ROOM)
        others = (seen for key, seen in voices.items() if key not in keys)
        found = whole([said.presences.get(key) for key in keys], others)
        if found is OCCUPIED or said is last:
            said.values.update(found.values)
            said.unknown.update(found.unknown)


def _renamed(said: Said, meanings: Mapping[str, str]) -> Said:
    """`said` of a BLU device under the names of what its components measure."""
    presences = {meanings[key]: verdict for key, verdict in said.presences.items()}
    unknown = {meanings.get(key, key) for key in said.unknown}
    if _WHOLE in said.unknown:
        presences.pop(_WHOLE, None)
    else:
        unknown.discard(_WHOLE)  # the detector of that name, where another sees somebody
    return Said(said.values, presences, unknown, said.at_ms)


_MEASURES: Final = {
    "illuminance": ("illuminance", "lux", 0.0, 200_000.0),
    "temperature": ("temperature", "tC", -100.0, 200.0),
    "humidity": ("humidity", "rh", 0.0, 100.0),
}


def _bool(value: object) -> bool | None:
    found = truth(value)
    return None if found is None else bool(found)


def _some(value: object) -> bool | None:
    found = within(value, 0, _MOST_PEOPLE)
    return None if found is None else found > 0


def _is_dynamic(key: str) -> bool:
    _, _, n = key.partition(":")
    return n.isdecimal() and len(n) < 4 and int(n) >= FIRST_DYNAMIC
