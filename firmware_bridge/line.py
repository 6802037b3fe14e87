"""One port and the sensors behind it: bytes become stamped readings in the outbox; whether it speaks; what is wrong.

Time and bytes are handed in; what a line has to say is logged once at each change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from firmware_bridge.clock import Stamp
from firmware_bridge.commands import Ask
from firmware_bridge.diagnosis import Diagnosis, Finding, Problem
from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import DRIVERS, Driver
from firmware_bridge.line_specs import LineSpec
from firmware_bridge.outbox import Outbox
from firmware_bridge.port import Port, PortGone
from firmware_bridge.resync import Damage, Decoded, Gap
from firmware_bridge.status import State, Status
from firmware_bridge.thinning import Thinning

log = logging.getLogger("hadir.bridge")

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 30_000
_MISSING_PAUSE_MS = 1_000
# A clock that went back by more was set; by less, stamps wait for it.
_SET_BACK_MS = 1_000
_FORBIDDEN_AT_RETURN = 2
_UNCLAIMED_KEPT = 20
# The longest conversation, with answers that do not come, and a restart.
_CONVERSATION_MS = 15_000


class Line:
    """The state of one port. Instants in `…_up_ms` are of the clock that never steps.

    `damaged` frames and `missing` lines are known of the port alone, so that each of its sensors says them.
    """

    def __init__(self, spec: LineSpec, outbox: Outbox) -> None:
        self.spec = spec
        self.port: Port | None = None
        self.opening = False
        self.open_at_up_ms = 0
        self.damaged = self.missing = 0
        self._outbox = outbox
        self._module = DRIVERS[spec.driver]
        self._driver: Driver = self._module.driver(spec.config)
        self._dialogue = Dialogue(self._module, self._driver, spec.config)
        self._thinnings = _thinnings(spec)
        self._pause_ms = FIRST_PAUSE_MS
        # The last sign of life, and the same as far as silence counts.
        self._heard_up_ms = self._spoke_up_ms = 0
        self._newest = Stamp(0)
        self._state: State | None = None
        self._since_ms: int | None = None
        self._claimed: set[str | None] = set()
        self._unclaimed: set[str | None] = set()
        self._openings = self._forbidden = 0
        self._diagnosis = Diagnosis(self._module, spec.baud, 0)
        self._finding: Finding | None = None
        self._said: str | None = None
        self._trouble: str | None = None
        self._streamed_until_up_ms: dict[str, int] = {}

    @property
    def set_up(self) -> bool:
        """Whether the device was set up since its port was opened; never for one that is left alone."""
        return self.port is not None and self._dialogue.set_up

    @property
    def firmware(self) -> str | None:
        """As read from the device, None before."""
        return self._dialogue.firmware

    def follow(self, spec: LineSpec) -> None:
        """Goes on undisturbed with the thinnings of `spec`, whose wiring is the same."""
        if spec != self.spec:
            self.spec = spec
            self._thinnings = _thinnings(spec)

    def opened(self, port: Port, up_ms: int) -> None:
        self.opening = False
        self.port = port
        self._driver = self._module.driver(self.spec.config)
        self._dialogue = Dialogue(self._module, self._driver, self.spec.config)
        self._heard_up_ms = self._spoke_up_ms = up_ms
        self._openings += 1
        self._finding = None
        self._diagnosis = Diagnosis(self._module, self.spec.baud, up_ms)
        log.info("%s (%s): open at %d baud", self.spec.port, self.spec.driver, self.spec.baud)

    def gone(self, reason: PortGone, now: Stamp, up_ms: int) -> None:
        """The port could not be opened, or was lost: it is tried again after 0.5 s, then ever later up to 30 s.

        One whose name is not there is looked for every second, which costs next to nothing.
        """
        self.opening = False
        self.port = None
        self._dialogue.abandon(str(reason))
        if reason.kind == "missing":
            self._pause_ms = FIRST_PAUSE_MS
            self.open_at_up_ms = up_ms + _MISSING_PAUSE_MS
        else:
            self.open_at_up_ms = up_ms + self._pause_ms
            self._pause_ms = min(2 * self._pause_ms, LONGEST_PAUSE_MS)
        self._become("offline", now)
        # What comes back has its name before it has its group.
        self._forbidden = self._forbidden + 1 if reason.kind == "forbidden" else 0
        if self._openings and 0 < self._forbidden <= _FORBIDDEN_AT_RETURN:
            return
        # The name of what was unplugged is not there until it is back.
        kind = "unplugged" if reason.kind == "missing" and self._openings else reason.kind
        says, _, hint = str(reason).partition("; ")
        self._find(Finding(kind, says, hint or "it is opened as soon as it can be"), str(reason))

    def received(self, data: bytes, now: Stamp, up_ms: int) -> bool:
        """Takes what was read at `now`: its last byte came then. Whether it says anything new about presence."""
        decoded = []
        good, damaged = 0, self.damaged
        for result in self._driver.feed(data):
            if isinstance(result, Decoded):
                decoded.append(result)
            elif isinstance(result, Damage):
                self.damaged += 1
            elif isinstance(result, Gap):
                self.missing += result.lost
            else:
                good += 1
                self._dialogue.answered(result.whole)
        self._diagnosis.received(data, good + len(decoded), self.damaged - damaged)
        if not decoded and not good:
            return False
        # One that answers is there, though it may have nothing to report; but not one that is silent in between.
        speaks = bool(decoded) or up_ms - self._spoke_up_ms < self._module.SILENT_AFTER_MS
        self._heard_up_ms = self._spoke_up_ms = up_ms
        self._pause_ms = FIRST_PAUSE_MS
        if speaks and self._state != "online":
            self._become("online", now)
            self._find(None)
        if not decoded:
            return False
        news = False
        for stamp, result in zip(self._stamps(now, len(decoded)), decoded, strict=True):
            if known := self.spec.sensors.get(result.part):
                self._claimed.add(result.part)
                sensor = known[0]
                verdict = self._thinnings[sensor].judge(stamp.at_ms, result.values)
                news = news or verdict == "news"
                if verdict != "drop" or up_ms < self._streamed_until_up_ms.get(sensor, 0):
                    self._outbox.add(sensor, stamp, result.values)
            elif len(self._unclaimed) < _UNCLAIMED_KEPT:
                self._unclaimed.add(result.part)
        return news

    def ask(self, asks: Sequence[Ask], done: Callable[[Outcome], None]) -> None:
        """Has the device asked; `done` is called with what came of it. Raises BadInput, Busy, PortGone."""
        self._must_be_open()
        self._dialogue.ask(asks, done)

    def stream(self, sensor: str, until_up_ms: int) -> None:
        """Lets every report of `sensor` through until then. Raises PortGone."""
        self._must_be_open()
        self._streamed_until_up_ms[sensor] = until_up_ms

    def abandon(self, reason: str) -> None:
        """Ends all that was asked of the device without an answer."""
        self._dialogue.abandon(reason)

    @property
    def busy(self) -> bool:
        """Whether something is being said to the device."""
        return self.port is not None and self._dialogue.busy

    def break_off(self, reason: str) -> None:
        """Ends all that was asked of the device; it is `busy` until its session is closed."""
        self._dialogue.break_off(reason)

    def _must_be_open(self) -> None:
        if self.port is None:
            raise PortGone(self._said or "is not open yet")

    def outgoing(self, up_ms: int) -> bytes:
        """What the device is to be told now."""
        sending = self._dialogue.outgoing(up_ms)
        if self._dialogue.busy and up_ms - self._heard_up_ms < self._module.SILENT_AFTER_MS + _CONVERSATION_MS:
            # Many devices report nothing while they are spoken to; one that does not answer is no news for a while.
            self._spoke_up_ms = max(self._spoke_up_ms, up_ms - self._module.SILENT_AFTER_MS // 2)
        # A device that says nothing at all cannot answer either; that is said elsewhere.
        trouble = self._dialogue.trouble if self._state == "online" else self._trouble
        if trouble != self._trouble:
            self._trouble = trouble
            told = f"could not be set up: {trouble}" if trouble else "is set up now"
            log.warning("%s (%s): %s", self.spec.port, self.spec.driver, told)
        return sending

    def tick(self, now: Stamp, up_ms: int) -> None:
        """Notices what is wrong: a device that is not understood any more is offline, though its port is there."""
        if self.port is None:
            return
        damage = self._diagnosis.damage(up_ms)
        if up_ms - self._spoke_up_ms >= self._module.SILENT_AFTER_MS:
            self._become("offline", now)
            self._find(self._diagnosis.silence(up_ms))
        elif self._state == "online":
            self._find(damage)

    def statuses(self) -> Iterable[tuple[str, Status]]:
        """Sensor and status, for each of them; none before the state is known."""
        if self._state is None:
            return
        for part, (sensor, _) in self.spec.sensors.items():
            problem, hint = self._wrong(part)
            yield (
                sensor,
                Status(
                    state=self._state,
                    since_ms=self._since_ms,
                    driver=self.spec.driver,
                    firmware=self._dialogue.firmware,
                    sent=self._outbox.number(sensor),
                    damaged=self.damaged,
                    lost=self._outbox.lost[sensor],
                    missing=self.missing,
                    reconnected=max(0, self._openings - 1),
                    problem=problem,
                    hint=hint,
                ),
            )

    def _wrong(self, part: str | None) -> tuple[Problem | None, str | None]:
        """What is wrong with the sensor that has `part` of the line, and what to do."""
        if self._finding:
            return self._finding.problem, self._finding.hint
        if self._trouble:
            return "not_set_up", f"{self._trouble}; it is tried again, and at once when it is plugged in anew"
        if part in self._claimed:
            return None, None
        if part is not None and None in self._unclaimed:
            return "wrong_part", f'this device has no parts; leave out part: "{part}"'
        if part is None and self._unclaimed:
            parts = ", ".join(sorted(str(each) for each in self._unclaimed))
            return "wrong_part", f"this device has parts, heard are {parts}; write which one the sensor is"
        return None, None

    def _stamps(self, now: Stamp, count: int) -> list[Stamp]:
        """When `count` readings that were read together came: one ms apart, the last now, none as old as one before."""
        newest = self._newest
        first, first_up = now.at_ms - count + 1, max(now.up_ms - count + 1, newest.up_ms + 1)
        if newest.host_boot == now.host_boot and newest.at_ms - now.at_ms <= _SET_BACK_MS:
            first = max(first, newest.at_ms + 1)
        stamps = [Stamp(first + n, now.host_boot, first_up + n) for n in range(count)]
        self._newest = stamps[-1]
        return stamps

    def _become(self, state: State, now: Stamp) -> None:
        if state != self._state:
            self._state, self._since_ms = state, now.date_ms
            if state == "offline":
                # Who is told "offline" waits for the next report: the first one after it may not be thinned away.
                self._thinnings = _thinnings(self.spec)

    def _find(self, finding: Finding | None, said: str | None = None) -> None:
        """Takes over what is wrong, and logs it; in the words of `said`, where there are any."""
        if finding is None or self._finding is None or finding.problem != self._finding.problem:
            self._say(said or (finding and str(finding)))
        self._finding = finding

    def _say(self, trouble: str | None) -> None:
        """Logs `trouble` unless it was said last; None: all is well again."""
        if trouble == self._said:
            return
        if trouble is not None:
            log.warning("%s (%s): %s", self.spec.port, self.spec.driver, trouble)
        elif self._said is not None:
            log.warning("%s (%s): is understood again", self.spec.port, self.spec.driver)
        self._said = trouble


def _thinnings(spec: LineSpec) -> dict[str, Thinning]:
    return {sensor: Thinning(interval_ms) for sensor, interval_ms in spec.sensors.values()}
