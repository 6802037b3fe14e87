"""What in a state of Zigbee2MQTT is evidence: its states are the merged cache, of which one key is new.

A key counts when its value differs from the last one told, or is told for the first time. Against cached copies:

- *Restart.* After a live `bridge/state` each device awaits its cached copy. Its first message within `COPY_MS` of the
  `online` only says from where on changes count, unless its `last_seen` is later than that `online`. The copy may be
  older than what is known (the cache is saved every 5 min), so nothing in it is evidence, changed or not. A device of
  which nothing was known is taken so whenever it speaks first. While the bridge is offline nothing is evidence.
- *Birth of Home Assistant.* All states come again after 30 s: for `BIRTH_MS` a device of which nothing was known
  is taken as after a restart. Of the others no key differs.
- *last_seen.* It is the time of the last frame, and a cached copy repeats it. Earlier than the known one: nothing is
  evidence. Equal: only the end of presence, which a timer within Zigbee2MQTT says (`occupancy_timeout`) without any
  frame; it is as of its receipt, for last_seen is then older than the end. In whole seconds (`ISO_8601_local`)
  two frames may be equal: there every change counts, as of its receipt.
- *Question.* The first message within `ANSWER_MS` of a question of ours, when no copy is awaited and last_seen,
  where there is one, went on, speaks of the keys asked for, changed or not.

What is no evidence but contradicts a verdict that was told as evidence makes it unknown: the old one holds no longer,
unless the message is older than it. Every message moves the baseline, the older ones too: the cache that it shows is
what the next live one repeats in its other keys.

Source: zigbee2mqtt @6835cbf (2.12.1) controller.ts, state.ts, extension/homeassistant.ts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from collector.conventions.whole import Whole, whole

COPY_MS = 60_000
BIRTH_MS = 60_000
ANSWER_MS = 5_000

_WHOLES = ("presence", "occupancy")  # where a device has both, presence is the wider one


@dataclass(slots=True)
class Bridge:
    """What is known of the Zigbee2MQTT of one base. `turns`: how often it was heard to come or go."""

    offline: bool = False
    turns: int = 0
    online_ms: int | None = None

    def went(self) -> None:
        """It is gone."""
        self.offline = True
        self.turns += 1

    def came(self, at_ms: int) -> None:
        """It is there, perhaps started anew."""
        self.offline = False
        self.turns += 1
        self.online_ms = at_ms


@dataclass(slots=True)
class Known:
    """What a device told last. `verdicts`: key -> 1.0, 0.0, or None where it is not known.

    `sure`: the keys whose verdict came as evidence, and in which turn of the bridge. `turns`: those after which its
    copy is awaited no more. `copied`: the keys whose copy came since, where each has a message of its own.
    """

    verdicts: dict[str, float | None] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    sure: dict[str, int] = field(default_factory=dict)
    seen_ms: int | None = None
    turns: int = 0
    copied: set[str] = field(default_factory=set)
    asked: frozenset[str] = frozenset()
    asked_ms: int = 0

    def doubt(self) -> None:
        """Nothing that it told holds any longer; from where on changes count stays."""
        self.sure.clear()

    def keep(self, keys: frozenset[str]) -> None:
        """Know nothing of presence by any other than `keys`."""
        for key in self.verdicts.keys() - keys:
            del self.verdicts[key]
            self.sure.pop(key, None)
            self.copied.discard(key)


class Told(NamedTuple):
    """A state as a message tells it. `single`: the one key that it is about, where each has a message of its own."""

    verdicts: Mapping[str, float | None]
    measures: Mapping[str, float]
    seen_ms: int | None
    retain: bool
    received_ms: int
    single: str | None = None


class Evidence(NamedTuple):
    """What of it counts; as in `Heard`."""

    values: dict[str, float]
    presences: dict[str, float]
    unknown: frozenset[str]
    at_ms: int | None


def weigh(told: Told, known: Known, bridge: Bridge, birth_ms: int | None) -> Evidence:
    """What counts of a state, which is known afterwards."""
    before, seen_ms = known.seen_ms, told.seen_ms
    dated = before is not None and seen_ms is not None
    older = before is not None and seen_ms is not None and seen_ms < before
    repeats = dated and seen_ms == before
    only_ends = repeats and seen_ms is not None and seen_ms % 1000 != 0
    baseline = _is_baseline(told, known, bridge, birth_ms) or older
    asked = _answered(told, known) if known.asked and not (baseline or repeats) else frozenset()
    fresh: dict[str, float] = {}
    unknown: set[str] = set()
    for key, verdict in told.verdicts.items():
        same = key in known.verdicts and known.verdicts[key] == verdict
        counts = not baseline and (not same or key in asked)
        if counts and only_ends:
            counts = verdict == 0.0 and known.verdicts.get(key) == 1.0
        if verdict is None:
            known.sure.pop(key, None)
            if not older:
                unknown.add(key)
        elif counts:
            fresh[key] = verdict
            # What is retained and has no date counts for nobody.
            if told.retain and seen_ms is None:
                known.sure.pop(key, None)
            else:
                known.sure[key] = bridge.turns
        elif not same and known.sure.pop(key, None) is not None and not older:
            unknown.add(key)
        known.verdicts[key] = verdict
    values = {} if baseline or only_ends else _changed(told.measures, known.measures)
    known.measures.update(told.measures)
    known.seen_ms = seen_ms if seen_ms is not None else before
    if fresh or unknown:
        all_in_all = _whole(fresh, unknown, known, bridge.turns)
        values.update(all_in_all.values)
        unknown.update(all_in_all.unknown)
    return Evidence(values, fresh, frozenset(unknown), None if repeats else seen_ms)


def _is_baseline(told: Told, known: Known, bridge: Bridge, birth_ms: int | None) -> bool:
    """Whether a message only says from where on changes count, by restart or birth."""
    if bridge.offline:
        return True
    strange = _is_strange(told, known)
    reborn = strange and birth_ms is not None and told.received_ms - birth_ms <= BIRTH_MS
    if known.turns == bridge.turns:
        return reborn
    online_ms = bridge.online_ms
    seen_later = told.seen_ms is not None and online_ms is not None and told.seen_ms > online_ms
    recent = online_ms is not None and told.received_ms - online_ms <= COPY_MS
    if seen_later or not (strange or recent):
        _end_of_copies(known, bridge)
        return reborn
    if told.retain:
        return True
    if told.single is None:
        _end_of_copies(known, bridge)
        return True
    copied = told.single in known.copied
    known.copied.add(told.single)
    return not copied or reborn


def _is_strange(told: Told, known: Known) -> bool:
    """Whether nothing was known of what a message is about."""
    if told.single is None:
        return not known.verdicts and not known.measures
    return not (told.verdicts.keys() & known.verdicts.keys() or told.measures.keys() & known.measures.keys())


def _end_of_copies(known: Known, bridge: Bridge) -> None:
    known.turns = bridge.turns
    known.copied.clear()


def _answered(told: Told, known: Known) -> frozenset[str]:
    """The keys for which a message is the answer to a question, which is thereby answered."""
    if told.received_ms - known.asked_ms > ANSWER_MS:
        known.asked = frozenset()
    elif not told.retain:
        answered = known.asked if told.single is None else known.asked & {told.single}
        known.asked -= answered
        return answered
    return frozenset()


def _changed(told: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float]:
    return {quantity: value for quantity, value in told.items() if known.get(quantity) != value}


def _whole(fresh: Mapping[str, float], unknown: Collection[str], known: Known, turns: int) -> Whole:
    """What `fresh` verdicts, and those that became `unknown`, say of the device as a whole.

    Beside them the word of a zone counts that was evidence since the bridge came.
    """
    voices: Iterable[str] = next(([key] for key in _WHOLES if key in known.verdicts), known.verdicts)
    spoken = [fresh.get(key) for key in voices if key in fresh or key in unknown]
    others = (
        known.verdicts[key] if known.sure.get(key) == turns else None
        for key in voices
        if not (key in fresh or key in unknown)
    )
    return whole(spoken, others)
