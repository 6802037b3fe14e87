"""A sensor is recognised by whole frames, at its rate, and is written to only when it is silent."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from firmware_bridge import hilink
from firmware_bridge.drivers import DRIVERS
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.play import set_up
from firmware_bridge.emulators.target import Target
from firmware_bridge.probe import END, RATES, Attempt, Finding, Probe, Recognised, recognise, why_nothing

ABSENT = bytes.fromhex("f4f3f2f10d0002aa0000000000003700005500f8f7f6f5")


class Device:
    """An emulated device at one rate, played through the attempts of a probe; at other rates it arrives as rubbish.

    `mute`: it answers, and reports nothing.
    """

    def __init__(self, baud: int, name: str = "ld2410", *, mute: bool = False) -> None:
        self.device = EMULATORS[name].make(1)
        self.device.target = Target("still", 1.2, 60)
        self.written: list[tuple[int, bytes]] = []
        self._interval_ms = EMULATORS[name].interval_ms
        self._baud = baud
        self._mute = mute
        self._at_ms = 0

    def __call__(self, attempt: Attempt) -> bytes:
        if attempt.sending:
            self.written.append((attempt.baud, attempt.sending))
        said = self.device.receive(attempt.sending) if attempt.baud == self._baud else b""
        for _ in range(round(attempt.for_s * 1000 / self._interval_ms)):
            self._at_ms += self._interval_ms
            said += b"" if self._mute else self.device.report(self._at_ms)
        return said if attempt.baud == self._baud else bytes(byte & 0x80 for byte in said)


def found_by(probe: Probe, device: Callable[[Attempt], bytes]) -> Finding:
    for attempt in probe.attempts():
        attempt.ear.hear(device(attempt))
    return probe.finding


def silence(_: Attempt) -> bytes:
    return b""


def test_a_stream_is_recognised_by_three_whole_frames() -> None:
    assert recognise([ABSENT * 2]) is None
    assert recognise([ABSENT[5:], ABSENT * 2, ABSENT]) == Recognised("ld2410", 3)


def test_more_damage_than_frames_is_nobodys_stream() -> None:
    torn = ABSENT[:-1] + b"\0"
    assert recognise([(ABSENT + torn) * 3]) is None
    assert recognise([(ABSENT + torn) * 2 + ABSENT]) == Recognised("ld2410", 3)


def test_noise_is_nobodys_stream() -> None:
    assert recognise([random.Random(3).randbytes(20_000)]) is None


@pytest.mark.parametrize("name", sorted(set(EMULATORS) - {"modbus"}))
def test_each_kind_is_known_by_what_it_says_of_somebody(name: str) -> None:
    finding = found_by(Probe(), Device(115_200, name))
    assert (finding.driver, finding.baud, finding.also, finding.asked) == (name, 115_200, (), False)


def test_two_kinds_of_frames_that_are_of_one_length_are_told_apart() -> None:
    device = Device(115_200)
    set_up(device.device, DRIVERS["ld2410"], {"engineering": True})
    finding = found_by(Probe(), device)
    assert (finding.driver, finding.also) == ("ld2410", ())


def test_two_that_say_the_same_of_nobody_are_both_named() -> None:
    either = recognise([b"OFF\r\n" * 5])
    assert either is not None
    assert {either.driver, *either.also} == {"ld2402", "ld2420"}
    assert recognise([b"OFF\r\n" * 5, b"ON\r\n"]) == Recognised("ld2420", 6)


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("ld2410s", ()),
        ("ld2410", ("ld2412", "ld2450")),
        ("tfmini", ()),
        ("sen0395", ()),
        ("c4001", ()),
        ("mr24hpc1", ("mr60bha",)),
    ],
)
def test_one_that_reports_nothing_is_known_by_its_answer(name: str, also: tuple[str, ...]) -> None:
    finding = found_by(Probe(), Device(115_200, name, mute=True))
    assert (finding.driver, finding.baud, finding.also, finding.asked) == (name, 115_200, also, True)


def test_modbus_is_never_looked_for() -> None:
    device = Device(9_600, "modbus")
    assert found_by(Probe(), device).driver is None


@pytest.mark.parametrize("baud", [256_000, 9_600, 460_800])
def test_a_radar_is_found_at_its_rate_without_a_word_to_it(baud: int) -> None:
    device = Device(baud)
    finding = found_by(Probe(), device)
    assert (finding.driver, finding.baud, finding.also, finding.asked) == ("ld2410", baud, (), False)
    assert device.written == []


def test_the_rates_before_were_heard_as_rubbish() -> None:
    finding = found_by(Probe(), Device(256_000))
    assert set(finding.heard) == {115_200, 256_000}
    assert finding.heard[115_200] > 0


def test_a_radar_left_in_its_configuration_is_woken() -> None:
    device = Device(256_000)
    device.device.receive(hilink.frame(hilink.ENABLE_CONFIG, b"\x01\x00"))
    finding = found_by(Probe(), device)
    assert (finding.driver, finding.baud, finding.woken) == ("ld2410", 256_000, True)
    assert device.written == [(115_200, END), (256_000, END)]


def test_a_silent_radar_is_left_alone_when_nothing_may_be_written() -> None:
    device = Device(256_000)
    device.device.receive(hilink.frame(hilink.ENABLE_CONFIG, b"\x01\x00"))
    assert found_by(Probe(passive=True), device) == Finding(heard=dict.fromkeys(RATES, 0))
    assert device.written == []


def test_one_that_speaks_once_a_second_is_waited_for() -> None:
    def slow(attempt: Attempt) -> bytes:
        return ABSENT * round(attempt.for_s) if attempt.baud == 256_000 else b""

    finding = found_by(Probe(), slow)
    assert (finding.driver, finding.baud) == ("ld2410", 256_000)


def test_one_that_answers_its_session_and_reports_nothing_is_told_by_the_answer() -> None:
    answers = {hilink.ENABLE_CONFIG: b"\x01\x00\x40\x00", hilink.END_CONFIG: b""}

    def mute(attempt: Attempt) -> bytes:
        if attempt.baud != 256_000 or not attempt.sending.startswith(hilink.HEADER) or attempt.sending == END:
            return b""
        word, _ = hilink.parse_frame(attempt.sending)
        return hilink.reply_frame(word, answers[word])

    finding = found_by(Probe(), mute)
    assert (finding.driver, finding.baud, finding.asked) == ("ld2410", 256_000, True)


def test_a_session_that_may_be_open_is_ended_by_whoever_leaves_early() -> None:
    probe = Probe()
    parting = {attempt.sending: probe.parting for attempt in probe.attempts()}
    assert parting[b""] == b""
    assert parting[hilink.frame(hilink.ENABLE_CONFIG, b"\x01\x00")] == END
    assert probe.parting == b""


def test_joined_wires_are_found_out_before_more_is_written() -> None:
    written = []

    def loop(attempt: Attempt) -> bytes:
        written.append(attempt.sending)
        return attempt.sending

    finding = found_by(Probe(), loop)
    assert finding.echo
    assert [each for each in written if each] == [END]
    assert why_nothing("/dev/x", finding).startswith("/dev/x: what is written comes straight back")


def test_silence_and_rubbish_are_told_apart() -> None:
    assert why_nothing("/dev/x", found_by(Probe(), silence)).startswith(
        "/dev/x: silent at every rate, and no question was answered; is the sensor powered"
    )
    rubbish = found_by(Probe(), lambda attempt: b"\x80\xfe" * (300 if attempt.baud == 9_600 else 0))
    assert rubbish.asked is False
    assert why_nothing("/dev/x", rubbish).startswith("/dev/x: bytes came that no driver understands: 600 at 9600;")
