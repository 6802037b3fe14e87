"""Dates are told only by a host that keeps them; one that is set disorders no sensor's readings and loses none."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.clock import HostClock, Stamp, ThisHost
from firmware_bridge.line import Line
from firmware_bridge.line_specs import LineSpec
from firmware_bridge.outbox import Outbox
from firmware_bridge.publisher import Publisher
from firmware_bridge.synchronised import chip_agrees, date_is_kept
from presence.senml import decode
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import eventually
from transport.disk_queue import DiskQueue
from transport.session import Received, Session, parse_broker

PRESENT = bytes.fromhex("f4f3f2f10d0002aa0251000000003b00005500f8f7f6f5")
T = 1_790_000_000_000


class VirtualHost:
    """A machine whose date is `off_ms` wrong."""

    def __init__(self, *, off_ms: int = 0, kept: bool = True) -> None:
        self.boot = "this start"
        self.up = 50_000
        self.off_ms = off_ms
        self.kept = kept
        self.asked = 0

    def true_ms(self) -> int:
        return T + self.up

    def date_ms(self) -> int:
        return self.true_ms() + self.off_ms

    def up_ms(self) -> int:
        return self.up

    def date_is_kept(self) -> bool:
        self.asked += 1
        return self.kept


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    queue = DiskQueue(tmp_path / "q.db", ballast_bytes=0)
    yield Outbox(queue, epoch=1, host_boot="this start")
    queue.close()


def test_a_kept_date_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert HostClock("auto", VirtualHost()).now() == Stamp(T + 50_000, "", 50_000)
    assert HostClock("dated", VirtualHost(kept=False)).now() == Stamp(T + 50_000, "", 50_000)
    assert HostClock("ages", VirtualHost()).now() == Stamp(50_000, "this start", 50_000)
    assert caplog.messages == []


def test_a_date_that_cannot_be_is_never_told() -> None:
    assert HostClock("dated", VirtualHost(off_ms=-T)).now().date_ms is None


def test_until_the_date_is_kept_ages_are_told_and_it_is_asked_every_few_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = VirtualHost(kept=False, off_ms=-86_400_000)
    clock = HostClock("auto", host)
    for _ in range(100):
        host.up += 100
        assert clock.now() == Stamp(host.up, "this start", host.up)
    assert host.asked == 2
    host.kept, host.off_ms = True, 0
    host.up += 5_000
    assert clock.now() == Stamp(host.true_ms(), "", host.up)
    host.kept = False  # a server that is away for a day makes no date wrong
    host.up += 86_400_000
    assert clock.now() == Stamp(host.true_ms(), "", host.up)
    unkept, was_set, kept = caplog.messages
    assert unkept.startswith("the date of this host is not kept by NTP or a clock chip: readings go with their ages")
    assert was_set == "the date of this host was set by +86400.0 s; what waits is dated anew"
    assert kept == "the date of this host is kept now; readings go with it, also those that wait"


def test_a_date_that_is_slewed_was_not_set(caplog: pytest.LogCaptureFixture) -> None:
    host = VirtualHost()
    clock = HostClock("dated", host)
    for _ in range(10_000):
        host.up += 100
        host.off_ms += 1
        clock.now()
    assert caplog.messages == []


def test_what_waits_is_dated_anew_when_the_date_was_set() -> None:
    host = VirtualHost(off_ms=7_200_000)
    clock = HostClock("dated", host)
    wrong = clock.now()
    host.up += 60_000
    assert clock.dated(wrong, clock.now()) == wrong
    host.off_ms = 300
    assert clock.dated(wrong, clock.now()) == Stamp(T + 50_000 + 300, "", 50_000)
    assert clock.dated(Stamp(wrong.at_ms), clock.now()) == Stamp(wrong.at_ms)  # of an earlier start of the host


def test_however_the_date_is_set_the_readings_that_wait_keep_their_order_and_get_their_dates(outbox: Outbox) -> None:
    host, generator = VirtualHost(kept=False), random.Random(5)
    clock = HostClock("auto", host)
    line = Line(LineSpec("/dev/radar", "ld2410", 256_000, {}, {None: ("a", None)}), outbox)
    line.opened(object(), host.up)  # type: ignore[arg-type]  # no bytes go to it here
    true_ms = []
    for _ in range(500):
        host.up += generator.choice((1, 90, 110, 5_000))
        if generator.random() < 0.1:
            host.off_ms = generator.choice((-86_400_000, -3_600_000, -900, 900, 3_000, 86_400_000))
        host.kept = generator.random() < 0.01 or host.kept
        line.received(PRESENT, clock.now(), host.up)
        true_ms.append(host.true_ms())
    host.off_ms, host.kept = 0, True
    host.up += 10_000
    outbox.commit()
    now = clock.now()
    stamps = [clock.dated(outbox.stamp(row_id, row), now) for row_id, row in outbox.read(0, 1_000)]
    assert len(stamps) == 500
    assert [stamp.host_boot for stamp in stamps] == [""] * 500
    # A date that was wrong by less than a second is not told from a right one.
    assert all(abs(stamp.at_ms - at_ms) <= 1_000 for stamp, at_ms in zip(stamps, true_ms, strict=True))


def test_readings_of_an_earlier_start_of_the_host_keep_their_dates(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "q.db", ballast_bytes=0)
    before = Outbox(queue, epoch=1, host_boot="before")
    before.add("a", Stamp(T, "", 9_000), {"presence": 1.0})
    before.commit()
    after = Outbox(queue, epoch=1, host_boot="after")
    after.add("a", Stamp(T + 5, "", 700), {"presence": 1.0})
    after.commit()
    again = Outbox(queue, epoch=1, host_boot="after")
    for outbox in (after, again):
        assert [outbox.stamp(*row) for row in outbox.read(0, 10)] == [Stamp(T, "", 0), Stamp(T + 5, "", 700)]
    queue.close()


def test_ages_that_wait_go_as_dates_when_the_date_is_kept_in_the_meantime(
    outbox: Outbox, mosquitto: RunningBroker
) -> None:
    host = VirtualHost(kept=False, off_ms=-86_400_000)
    clock = HostClock("auto", host)
    outbox.add("a", clock.now(), {"presence": 1.0})
    outbox.add("a", Stamp(1, "an earlier start"), {"presence": 0.0})
    host.up += 1_000
    outbox.add("a", clock.now(), {"presence": 0.0})
    outbox.commit()
    host.up, host.kept, host.off_ms = host.up + 3_600_000, True, 0
    packs: list[Received] = []
    listener = Session(
        parse_broker(mosquitto.url),
        client_id="listener",
        clean_start=True,
        session_expiry_s=60,
        subscriptions=("hadir/1/mpp/gateway/gw/readings",),
        on_message=packs.append,
        on_connected=lambda _: connected.append(True),
    )
    connected: list[bool] = []
    listener.start()
    eventually(lambda: connected)
    publisher = Publisher(outbox, address=parse_broker(mosquitto.url), site="mpp", gateway="gw", clock=clock)
    publisher.start()

    def come() -> bool:
        publisher.pump()
        return len(packs) == 2

    eventually(come)
    publisher.stop()
    listener.stop()
    readings = [
        (reading.at_ms, reading.values["seq"])
        for pack in packs
        for reading in decode(pack.payload, content_type=pack.content_type, sensor=None, received_ms=0)
    ]
    assert readings == [(T + 50_000, 1), (T + 51_000, 3)]
    assert [pack.expiry_s for pack in packs] == [None, None]
    assert all(json.loads(pack.payload)[0]["bt"] > 1e9 for pack in packs)
    assert outbox.lost == {"a": 1}


def test_a_clock_chip_is_believed_when_it_has_the_hosts_date(tmp_path: Path) -> None:
    assert not chip_agrees(tmp_path, 1_790_000_000.0)
    for chip_s, believed in (("1790000030\n", True), ("86400\n", False), ("nonsense", False)):
        (tmp_path / "since_epoch").write_text(chip_s)
        assert chip_agrees(tmp_path, 1_790_000_000.0) is believed


def test_this_host_says_something() -> None:
    assert date_is_kept() in (True, False)
    host = ThisHost()
    assert host.up_ms() > 0
    assert host.boot
