"""Bridge and broker are killed with -9 at random moments: no numbered reading is lost, none has two contents."""

from __future__ import annotations

import os
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from firmware_bridge.bridge import queue_path
from firmware_bridge.outbox import Outbox
from presence.gateway_settings import GatewaySettings, SensorPort
from presence.senml import decode
from tests.firmware_bridge.test_bridge import Listener, report
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.disk_queue import DiskQueue

Terminals = Callable[[str], PseudoTerminal]

IN_THE_SUITE = 20
RADARS = ("left", "right")
EVERY_S = 0.02
NUMBERS = 65_536  # that one report can carry
STATE = 8  # its place in a report


def test_killed_at_random_moments(
    pseudo_terminal: Terminals, mosquitto: RunningBroker, receiver: Listener, hadir: Hadir
) -> None:
    kill_all_the_time(pseudo_terminal, mosquitto, receiver, hadir, IN_THE_SUITE)


@pytest.mark.soak
def test_killed_for_hours(
    pseudo_terminal: Terminals, mosquitto: RunningBroker, receiver: Listener, hadir: Hadir
) -> None:
    kill_all_the_time(pseudo_terminal, mosquitto, receiver, hadir, int(os.environ.get("N", "1000")))


@pytest.fixture
def receiver(mosquitto: RunningBroker) -> Iterator[Listener]:
    """One that is not killed and has a persistent session."""
    listening = Listener(mosquitto.url)
    yield listening
    listening.stop()


def kill_all_the_time(
    pseudo_terminal: Terminals, mosquitto: RunningBroker, receiver: Listener, hadir: Hadir, kills: int
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    terminals = [pseudo_terminal(name) for name in RADARS]
    receiver.publish(settings(terminals))
    running = hadir.start("bridge", "run", "--gateway", "gw", "--clock", "dated", HADIR_BROKER=mosquitto.url)
    with speaking(terminals) as spoken:
        for _ in range(kills):
            if dice.random() < 0.9:  # else it is killed while it starts
                eventually(lambda: all(terminal.opened for terminal in terminals))
            # Now and then so long that what was acknowledged is forgotten.
            threading.Event().wait(dice.uniform(0, 0.6) if dice.random() < 0.85 else dice.uniform(3, 4))
            if dice.random() < 0.5:
                hadir.kill(running)
                running = hadir.start(
                    "bridge", "run", "--gateway", "gw", "--clock", "dated", HADIR_BROKER=mosquitto.url
                )
            else:
                mosquitto.kill()
                threading.Event().wait(dice.uniform(0, 0.3))
                mosquitto.restart()
        eventually(lambda: all(terminal.opened for terminal in terminals))
        came = {name: len(receiver.seqs(name)) for name in RADARS}
        eventually(lambda: all(len(receiver.seqs(name)) > came[name] for name in RADARS))
    assert hadir.stop(running) == 0
    given = numbers_given(queue_path(hadir.data, "gw"))
    # A bridge that is stopped leaves in the queue what the broker has not taken within 2 s.
    running = hadir.start("bridge", "run", "--gateway", "gw", "--clock", "dated", HADIR_BROKER=mosquitto.url)
    eventually(lambda: all(terminal.opened for terminal in terminals))
    eventually(lambda: all(receiver.seqs(name) == list(range(1, given[name] + 1)) for name in RADARS))
    assert hadir.stop(running) == 0
    check(receiver, spoken)


def settings(terminals: list[PseudoTerminal]) -> GatewaySettings:
    sensors = tuple(
        SensorPort(id=name, driver="ld2410", port=str(terminal.path))
        for name, terminal in zip(RADARS, terminals, strict=True)
    )
    return GatewaySettings(version=1, site="mpp", gateway="gw", sensors=sensors)


@contextmanager
def speaking(terminals: list[PseudoTerminal]) -> Iterator[list[int]]:
    """Numbered reports, fifty a second, while somebody listens; how many there were, of each.

    Each is news, which is sent at once: something is under way at any time.
    """
    spoken = [0 for _ in terminals]
    over = threading.Event()

    def speak() -> None:
        while not over.wait(EVERY_S):
            for place, terminal in enumerate(terminals):
                if terminal.opened:
                    terminal.write(news(spoken[place]), within_s=60)
                    spoken[place] += 1

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield spoken
    finally:
        over.set()
        thread.join()


def news(number: int) -> bytes:
    """A report with another presence than the one before."""
    whole = bytearray(report(number % NUMBERS))
    whole[STATE] = number % 2
    return bytes(whole)


def numbers_given(path: Path) -> dict[str, int]:
    """The last number that the bridge gave to each radar, as its queue has it."""
    with closing(DiskQueue(path, ballast_bytes=0)) as queue:
        outbox = Outbox(queue, epoch=0)
        return {name: outbox.number(name) for name in RADARS}


def check(receiver: Listener, spoken: list[int]) -> None:
    """`spoken`: how many reports there were, of each radar."""
    contents: dict[str, dict[int, set[tuple[int, int, float]]]] = {name: defaultdict(set) for name in RADARS}
    for pack in receiver.packs:
        for reading in decode(pack.payload, content_type=pack.content_type, sensor=None, received_ms=0):
            number = round(reading.values["moving_distance"] * 100)
            contents[reading.sensor][round(reading.values["seq"])].add((reading.at_ms, number, reading.values["boot"]))
    for name, count in zip(RADARS, spoken, strict=True):
        assert all(len(said) == 1 for said in contents[name].values()), "no number has two contents"
        in_order = [min(contents[name][seq]) for seq in sorted(contents[name])]
        assert len({boot for _, _, boot in in_order}) == 1
        assert all(one < other for (one, _, _), (other, _, _) in pairwise(in_order)), "time goes on"
        # What was in the line when the bridge was killed has no number: it is skipped, never doubled or turned round.
        steps = [(other - one) % NUMBERS for (_, one, _), (_, other, _) in pairwise(in_order)]
        assert min(steps) > 0
        assert sum(steps) < count
