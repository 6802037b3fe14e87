"""A line stamps, numbers and counts what its port says, and tells when it is silent or gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_bridge.clock import Stamp
from firmware_bridge.commands import Ask
from firmware_bridge.emulators.faults import Faulty, Rates, lines
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.emulators.ld2420 import Ld2420Emulator
from firmware_bridge.emulators.modbus import CONFIG, ModbusEmulator
from firmware_bridge.emulators.ndjson import NdjsonEmulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.line import Line
from firmware_bridge.line_specs import LineSpec, line_specs
from firmware_bridge.outbox import Outbox
from firmware_bridge.port import PortGone
from firmware_bridge.status import Status
from presence.gateway_settings import GatewaySettings, SensorPort
from transport.disk_queue import DiskQueue

RADAR = {"function": 4, "address": 0, "count": 2, "map": {"presence": {"register": 0}}}
PRESENT = bytes.fromhex("f4f3f2f10d0002aa0251000000003b00005500f8f7f6f5")
ABSENT = bytes.fromhex("f4f3f2f10d0002aa0000000000003700005500f8f7f6f5")
T = 1_790_000_000_000


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    queue = DiskQueue(tmp_path / "q.db", ballast_bytes=0)
    yield Outbox(queue, epoch=1)
    queue.close()


def line(outbox: Outbox, *, thinning_ms: int | None = None, baud: int = 256_000) -> Line:
    made = Line(LineSpec("/dev/radar", "ld2410", baud, {}, {None: ("a", thinning_ms)}), outbox)
    made.opened(None, 0)  # type: ignore[arg-type]  # no bytes go to it here
    return made


def taken(outbox: Outbox) -> list[tuple[int, float, int]]:
    """Instant, presence and number of all that was added."""
    outbox.commit()
    return [(row.at_ms, row.values["presence"], row.values["seq"]) for _, row in outbox.read(0, 100)]


def status(of: Line) -> Status:
    ((sensor, told),) = of.statuses()
    assert sensor == "a"
    return told


def test_a_frame_is_stamped_at_the_arrival_of_its_last_byte(outbox: Outbox) -> None:
    radar = line(outbox)
    radar.received(PRESENT[:10], Stamp(T), 100)
    radar.received(PRESENT[10:] + ABSENT[:5], Stamp(T + 3), 103)
    radar.received(ABSENT[5:], Stamp(T + 90), 190)
    assert taken(outbox) == [(T + 3, 1.0, 1), (T + 90, 0.0, 2)]


def test_frames_that_come_together_get_instants_of_their_own_in_order(outbox: Outbox) -> None:
    radar = line(outbox)
    radar.received(PRESENT * 3, Stamp(T), 0)
    radar.received(PRESENT * 2, Stamp(T), 0)
    assert [at - T for at, _, _ in taken(outbox)] == [-2, -1, 0, 1, 2]


def test_a_clock_that_was_set_back_is_followed(outbox: Outbox) -> None:
    radar = line(outbox)
    for at in (T, T - 400, T - 3_600_000):
        radar.received(PRESENT, Stamp(at), 0)
    assert [at - T for at, _, _ in taken(outbox)] == [0, 1, -3_600_000]


def test_a_sensor_that_hears_no_echo_is_not_silent(outbox: Outbox) -> None:
    sensor = Line(LineSpec("/dev/distance", "a02yyuw", 9_600, {}, {None: ("a", None)}), outbox)
    sensor.opened(object(), 0)  # type: ignore[arg-type]  # no bytes go to it here
    sensor.received(bytes.fromhex("ff07a1a7"), Stamp(T), 0)
    for up_ms in range(1_000, 20_000, 1_000):
        sensor.received(bytes.fromhex("ff0000ff"), Stamp(T + up_ms), up_ms)
        sensor.tick(Stamp(T + up_ms), up_ms)
    assert status(sensor).state == "online"
    sensor.tick(Stamp(T + 25_000), 25_000)
    assert status(sensor).state == "offline"


def test_thinned_readings_are_not_numbered(outbox: Outbox) -> None:
    radar = line(outbox, thinning_ms=1000)
    for at, frame in ((0, PRESENT), (100, PRESENT), (200, ABSENT), (1300, ABSENT)):
        radar.received(frame, Stamp(T + at), at)
    assert taken(outbox) == [(T, 1.0, 1), (T + 200, 0.0, 2), (T + 1300, 0.0, 3)]


def test_a_stream_lifts_thinning_until_it_ends(outbox: Outbox) -> None:
    radar = line(outbox, thinning_ms=1000)
    radar.port = object()  # type: ignore[assignment]  # it is open; no bytes go to it here
    radar.stream("a", 250)
    for at in (0, 100, 200, 300, 400):
        radar.received(PRESENT, Stamp(T + at), at)
    assert [at - T for at, _, _ in taken(outbox)] == [0, 100, 200]


def test_a_port_that_is_not_open_streams_nothing(outbox: Outbox) -> None:
    with pytest.raises(PortGone, match="is not open yet"):
        line(outbox).stream("a", 250)


def test_the_first_reading_after_a_loss_is_not_thinned_away(outbox: Outbox) -> None:
    radar = line(outbox, thinning_ms=60_000)
    radar.received(PRESENT, Stamp(T), 0)
    radar.gone(PortGone("unplugged"), Stamp(T + 5_000), 5_000)
    radar.opened(None, 6_000)  # type: ignore[arg-type]  # no bytes go to it here
    radar.received(PRESENT, Stamp(T + 6_000), 6_000)
    assert [at_ms for at_ms, _, _ in taken(outbox)] == [T, T + 6_000]


def test_a_line_is_online_from_its_first_frame_and_counts(outbox: Outbox) -> None:
    radar = line(outbox)
    assert list(radar.statuses()) == []
    radar.received(PRESENT[:-1] + b"\0" + PRESENT, Stamp(T), 50)
    assert status(radar) == Status(state="online", since_ms=T, driver="ld2410", sent=1, damaged=1)


def test_a_silent_device_is_offline_and_said_once(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    radar = line(outbox, baud=9600)
    for up in (0, 4_999, 5_000, 20_000, 30_000):
        radar.port = object()  # type: ignore[assignment]  # there is one
        radar.tick(Stamp(T + up), up)
    assert (status(radar).state, status(radar).since_ms) == ("offline", T + 5_000)
    radar.received(PRESENT, Stamp(T + 31_000), 31_000)
    assert (status(radar).state, status(radar).since_ms) == ("online", T + 31_000)
    silent, speaks = caplog.messages
    assert silent == "/dev/radar (ld2410): nothing came in 5 s; check power, and that its TX is wired to RX here"
    assert speaks == "/dev/radar (ld2410): is understood again"


def test_a_lost_port_is_tried_again_ever_later_and_said_once(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    radar = line(outbox)
    radar.received(PRESENT, Stamp(T), 0)
    pauses, up = [], 0
    for _ in range(9):
        radar.gone(PortGone("was unplugged"), Stamp(T + up), up)
        pauses.append(radar.open_at_up_ms - up)
        up = radar.open_at_up_ms
    assert pauses == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
    assert (status(radar).state, status(radar).since_ms) == ("offline", T)
    assert caplog.messages == ["/dev/radar (ld2410): was unplugged"]


def told(of: Line) -> tuple[str, str | None, int]:
    return status(of).state, status(of).problem, status(of).reconnected


def test_a_status_tells_what_is_wrong_until_it_is_right(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    radar = Line(LineSpec("/dev/radar", "ld2410", 256_000, {}, {None: ("a", None)}), outbox)
    radar.gone(PortGone("may not be opened; join dialout", "forbidden"), Stamp(T), 0)
    assert told(radar) == ("offline", "forbidden", 0)
    assert status(radar).hint == "join dialout"
    for _ in range(2):
        radar.opened(object(), 1_000)  # type: ignore[arg-type]  # no bytes go to it here
        radar.received(PRESENT, Stamp(T + 1_000), 1_000)
    assert told(radar) == ("online", None, 1)
    for up in range(1_000, 12_000, 1_000):
        radar.received((PRESENT[:-1] + b"\0" if up % 2_000 else b"") + PRESENT, Stamp(T + up), up)
        radar.tick(Stamp(T + up), up)
    assert told(radar) == ("online", "damaged", 1)
    radar.received(b"\x55" * 100, Stamp(T + 16_000), 16_000)
    radar.tick(Stamp(T + 16_500), 16_500)
    assert told(radar) == ("offline", "garbage", 1)
    radar.gone(PortGone("is not there", "missing"), Stamp(T + 17_000), 17_000)
    assert told(radar) == ("offline", "unplugged", 1)
    radar.opened(object(), 18_000)  # type: ignore[arg-type]
    radar.received(PRESENT, Stamp(T + 18_000), 18_000)
    assert told(radar) == ("online", None, 2)
    assert [message.removeprefix("/dev/radar (ld2410): ")[:20] for message in caplog.messages] == [
        "may not be opened; j",
        "is understood again",
        "33 % of its frames a",
        "nothing understood i",
        "is not there",
        "is understood again",
    ]


def test_a_part_on_a_device_without_parts_is_told(outbox: Outbox) -> None:
    radar = Line(LineSpec("/dev/radar", "ld2410", 256_000, {}, {"12/1": ("a", None)}), outbox)
    radar.received(PRESENT, Stamp(T), 0)
    assert (status(radar).state, status(radar).problem, status(radar).hint) == (
        "online",
        "wrong_part",
        'this device has no parts; leave out part: "12/1"',
    )


def test_a_port_that_comes_back_may_be_forbidden_for_a_moment(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    radar = line(outbox)
    forbidden = PortGone("may not be opened; join dialout", "forbidden")
    found = []
    for reason in (PortGone("was unplugged"), PortGone("is not there", "missing"), forbidden, forbidden, forbidden):
        radar.gone(reason, Stamp(T), 0)
        found.append(status(radar).problem)
    assert found == ["unplugged"] * 4 + ["forbidden"]
    assert [message.rpartition(": ")[2] for message in caplog.messages] == [
        "was unplugged",
        "may not be opened; join dialout",
    ]


def test_a_device_that_is_dead_is_offline_however_often_it_is_asked(outbox: Outbox) -> None:
    radar = line(outbox)
    radar.port = object()  # type: ignore[assignment]  # there is one
    radar.received(PRESENT, Stamp(T), 0)
    for up in range(0, 30_000, 100):
        if up % 3_000 == 0:
            radar.ask([Ask("read_firmware")], lambda _: None)
        radar.outgoing(up)
        radar.tick(Stamp(T + up), up)
    assert status(radar).state == "offline"


def test_a_port_whose_name_is_not_there_is_looked_for_every_second(outbox: Outbox) -> None:
    radar = line(outbox)
    for up in range(0, 60_000, 1_000):
        radar.gone(PortGone("is not there", "missing"), Stamp(T + up), up)
        assert radar.open_at_up_ms == up + 1_000


def test_without_a_date_since_is_not_known(outbox: Outbox) -> None:
    radar = line(outbox)
    radar.received(PRESENT, Stamp(5000, "boot"), 0)
    assert status(radar).since_ms is None
    outbox.commit()
    assert outbox.read(0, 1)[0][1].host_boot == "boot"


def settings(*sensors: SensorPort, thinning_ms: int | None = None) -> GatewaySettings:
    return GatewaySettings(version=1, site="mpp", gateway="gw", thinning_ms=thinning_ms, sensors=sensors)


def port(sensor: str, **fields: Any) -> SensorPort:
    return SensorPort(id=sensor, **{"driver": "ld2410", "port": f"/dev/{sensor}", **fields})


def test_settings_become_lines_with_the_defaults_of_driver_and_gateway() -> None:
    given = settings(port("a"), port("b", baud=115_200, thinning_ms=50, config={"engineering": True}), thinning_ms=1000)
    specs, problems = line_specs(given, "settings")
    assert specs == [
        LineSpec("/dev/a", "ld2410", 256_000, {}, {None: ("a", 1000)}),
        LineSpec("/dev/b", "ld2410", 115_200, {"engineering": True}, {None: ("b", 50)}),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"driver": "lt2410"}, 'settings: sensor b: no driver "lt2410"; did you mean "ld2410"?'),
        ({"config": {"unit": 1}}, "settings: sensor b config.unit: not known; known: engineering"),
        ({"port": "/dev/a"}, "settings: sensor b: /dev/a is a's already; tell them apart by port or part"),
        ({"port": ""}, "settings: sensor b port: is empty; write the port, such as /dev/serial/by-path/…"),
        (
            {"port": "socket:/x"},
            'settings: sensor b port: "socket:/x" is no URL: two slashes come after the colon; write socket://HOST:PORT',
        ),
        (
            {"port": "/dev/a", "baud": 9600},
            (
                "settings: sensor b: /dev/a is read for a as ld2410 at 256000 baud, otherwise than here; "
                "one port has one driver, baud and config"
            ),
        ),
    ],
)
def test_a_sensor_that_cannot_be_served_leaves_the_others_alone(wrong: dict[str, Any], said: str) -> None:
    specs, problems = line_specs(settings(port("a"), port("b", **wrong)), "settings")
    assert [spec.sensors for spec in specs] == [{None: ("a", None)}]
    assert [str(problem) for _, problem in problems] == [said]


def test_a_status_tells_what_the_house_has_agreed() -> None:
    told = Status(state="online", since_ms=T, driver="ld2410", firmware="1.02", sent=3, damaged=1, lost=0)
    assert msgspec.json.decode(told.encode()) == {
        "state": "online",
        "since": "2026-09-21T14:13:20.000Z",
        "driver": "ld2410",
        "firmware": "1.02",
        "sent": 3,
        "damaged": 1,
        "lost": 0,
        "missing": 0,
        "reconnected": 0,
        "problem": None,
        "hint": None,
    }
    assert not told.differs(msgspec.structs.replace(told, sent=9))
    assert told.differs(msgspec.structs.replace(told, firmware=None))
    assert told.differs(None)


def test_a_device_that_could_not_be_set_up_is_said_once_and_so_is_its_recovery(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    radar = Line(LineSpec("/dev/radar", "ld2410", 256_000, {"engineering": True}, {None: ("a", None)}), outbox)
    radar.opened(None, 0)  # type: ignore[arg-type]
    device = Ld2410Emulator(1)
    for up in range(0, 60_000, 50):
        sent = radar.outgoing(up)
        answer = device.receive(sent) if up > 20_000 else b""
        radar.received(answer + (device.report(up) if up % 100 == 0 else b""), Stamp(T + up), up)
    assert caplog.messages == [
        "/dev/radar (ld2410): could not be set up: enable_config was not answered",
        "/dev/radar (ld2410): is set up now",
    ]
    assert status(radar).firmware == "2.04.23022511"


def test_what_the_boards_own_number_shows_to_be_missing_is_counted(outbox: Outbox) -> None:
    board = Line(LineSpec("/dev/board", "ndjson", 115_200, {}, {"a": ("a", None), "b": ("b", None)}), outbox)
    board.opened(None, 0)  # type: ignore[arg-type]  # no bytes go to it here
    sent = b"".join(b'{"sensor":"a","presence":1,"seq":%d}\n' % number for number in (1, 2, 5))
    board.received(sent, Stamp(T), 0)
    assert board.missing == 2
    assert [(sensor, told.sent, told.missing) for sensor, told in board.statuses()] == [("a", 3, 2), ("b", 0, 2)]


def test_a_device_that_has_nothing_to_report_but_answers_stays_online_until_it_is_gone(outbox: Outbox) -> None:
    radar = Line(LineSpec("/dev/radar", "ld2420", 115_200, {}, {None: ("a", None)}), outbox)
    radar.opened(object(), 0)  # type: ignore[arg-type]  # no bytes go to it here
    device = Ld2420Emulator(1)
    device.reticent, device.target = True, Target("still", 1.0, 60)
    states: dict[int, str] = {}
    for up in range(0, 90_000, 100):
        if up == 1_000:
            device.target = Target()
        answer = device.receive(radar.outgoing(up)) if up < 60_000 else b""
        radar.received(answer + device.report(up), Stamp(T + up), up)
        radar.tick(Stamp(T + up), up)
        states.setdefault(up, status(radar).state)
    assert {states[up] for up in range(0, 62_000, 100)} == {"online"}
    assert states[66_000] == "offline"


def test_in_an_empty_room_a_device_that_answers_is_online_from_the_start_and_after_a_replug(outbox: Outbox) -> None:
    radar = Line(LineSpec("/dev/radar", "ld2420", 115_200, {}, {None: ("a", None)}), outbox)
    device = Ld2420Emulator(1)
    device.reticent, device.target = True, Target()
    for plugged_in in (0, 30_000):
        radar.opened(object(), plugged_in)  # type: ignore[arg-type]  # no bytes go to it here
        for up in range(plugged_in, plugged_in + 10_000, 100):
            radar.received(device.receive(radar.outgoing(up)) + device.report(up), Stamp(T + up), up)
            radar.tick(Stamp(T + up), up)
        assert (status(radar).state, status(radar).sent) == ("online", 0)
        radar.gone(PortGone("was unplugged"), Stamp(T + plugged_in + 10_000), plugged_in + 10_000)
        assert status(radar).state == "offline"


def test_one_that_only_answers_when_it_is_woken_stays_offline(outbox: Outbox) -> None:
    radar = Line(LineSpec("/dev/radar", "sen0395", 115_200, {}, {None: ("a", None)}), outbox)
    radar.opened(object(), 0)  # type: ignore[arg-type]  # no bytes go to it here
    states = set()
    for up in range(0, 60_000, 100):
        started = radar.outgoing(up)
        radar.received(started and started + b"sensor started already\r\nleapMMW:/>", Stamp(T + up), up)
        radar.tick(Stamp(T + up), up)
        states |= {told.state for _, told in radar.statuses()}
    assert states == {"offline"}


def test_what_one_sensor_of_a_line_says_of_it_holds_for_all_of_them() -> None:
    left, right = ({"unit": unit, **RADAR} for unit in (1, 2))
    config = {"units": {"left": left, "right": right}}
    first, second = (
        port("a", port="/dev/bus", driver="modbus", part="left"),
        port("b", port="/dev/bus", driver="modbus"),
    )
    second = msgspec.structs.replace(second, part="right", config=config, baud=19_200)
    specs, problems = line_specs(settings(first, second), "settings")
    assert problems == []
    assert specs == [LineSpec("/dev/bus", "modbus", 19_200, config, {"left": ("a", None), "right": ("b", None)})]


def test_each_unit_of_a_line_is_a_sensor_of_its_own(outbox: Outbox) -> None:
    spec = LineSpec("/dev/bus", "modbus", 9_600, CONFIG, {name: (f"dk-{name}", None) for name in CONFIG["units"]})
    bus, device = Line(spec, outbox), ModbusEmulator(1)
    device.target = Target("still", 0.9, 60)
    bus.opened(None, 0)  # type: ignore[arg-type]  # no bytes go to it here
    for at in range(0, 1_000, 20):
        bus.received(device.receive(bus.outgoing(at)), Stamp(T + at), at)
    outbox.commit()
    rows = [(row.sensor, row.values) for _, row in outbox.read(0, 100)]
    assert [sensor for sensor, _ in rows] == ["dk-radar", "dk-sonar", "dk-laser"] * 2
    assert rows[0][1]["presence"] == 1.0


def test_over_a_bad_cable_what_was_lost_and_what_was_stored_are_what_the_board_sent(outbox: Outbox) -> None:
    board = Line(
        LineSpec("/dev/board", "ndjson", 115_200, {}, {part: (part, None) for part in ("radar", "pir")}), outbox
    )
    device = Faulty(NdjsonEmulator(1), 1, frames=lines)
    board.opened(None, 0)  # type: ignore[arg-type]  # no bytes go to it here
    for number in range(300):
        # What is missing is seen between two lines that came.
        device.rates = Rates(cut=0.1, noise=0.2, flip=0.1, silence=0.1) if 1 <= number < 298 else Rates()
        board.received(device.report(500 * number), Stamp(T + 500 * number), 500 * number)
    stored = {sensor: told.sent for sensor, told in board.statuses()}
    assert sum(stored.values()) + board.missing == 2 * 300
    assert 0 < board.damaged <= board.missing
    assert all(told.missing == board.missing for _, told in board.statuses())


def test_all_that_is_wrong_with_a_configuration_is_told() -> None:
    _, problems = line_specs(settings(port("a", driver="modbus", config={"unit": 0, **RADAR, "count": 0})), "settings")
    assert [str(problem) for _, problem in problems] == [
        "settings: sensor a config.unit: 0 cannot be used; give a whole number from 1 to 247",
        "settings: sensor a config.count: 0 cannot be used; give a whole number from 1 to 125",
    ]
