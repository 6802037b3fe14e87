"""What is wrong with a line is told from its bytes: wrong rates as a receiver sees them, others' frames, noise."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from firmware_bridge.diagnosis import KEPT_BYTES, Diagnosis, Finding, at_another_rate, speakers
from firmware_bridge.drivers import DRIVERS, ld2410
from firmware_bridge.emulators.ld2410 import Ld2410Emulator
from firmware_bridge.resync import Decoded, Result

REPORTS = b"".join(Ld2410Emulator(1).report(at_ms) for at_ms in range(0, 10_000, 100))
TEXT = b"".join(b"Range %d, ON\r\n" % (n * 37 % 500) for n in range(100))


def received_at(data: bytes, sent: int, taken: int, *, pause_bits: int = 0) -> bytes:
    """What a UART at `taken` baud makes of `data` sent at `sent`: a byte begins at a falling edge, bits are sampled in
    their middle, a byte without stop bit counts even so (as Linux has it without PARMRK: as 00).
    """
    bits = [1] * 20
    for byte in data:
        bits += [0, *(byte >> n & 1 for n in range(8)), 1, *[1] * pause_bits]
    bits += [1] * 200
    got, at, end = bytearray(), 0.0, float(len(bits) - 1)
    step = sent / taken

    def level(position: float) -> int:
        return bits[int(position)] if position < end else 1

    while at < end:
        if level(at) == 1:
            at = int(at) + 1.0
            continue
        value = sum(level(at + step * (1.5 + n)) << n for n in range(8))
        stop = level(at + step * 9.5)
        got.append(value if stop else 0)
        at += step * 9.5
        while at < end and not stop and level(at) == 0:
            at += step / 4
    return bytes(got)


def test_the_receiver_of_these_tests_gets_at_the_right_rate_what_was_sent() -> None:
    assert received_at(REPORTS, 256_000, 256_000) == REPORTS
    assert received_at(TEXT, 9_600, 9_600, pause_bits=3) == TEXT


@pytest.mark.parametrize("taken", [9_600, 19_200, 38_400, 57_600, 230_400, 460_800])
def test_reports_of_a_radar_at_another_rate(taken: int) -> None:
    assert at_another_rate(received_at(REPORTS, 256_000, taken, pause_bits=2)[:KEPT_BYTES])


@pytest.mark.parametrize("taken", [9_600, 38_400, 230_400, 256_000, 460_800])
def test_text_at_another_rate(taken: int) -> None:
    assert at_another_rate(received_at(TEXT, 115_200, taken)[:KEPT_BYTES])


def test_noise_and_text_do_not_look_like_another_rate() -> None:
    assert not at_another_rate(random.Random(1).randbytes(KEPT_BYTES))
    assert not at_another_rate(TEXT)
    assert not at_another_rate(b"\0" * 8)


class RangeLines:
    """A driver that reads one number a line, for a device that is not ours."""

    NAME, TITLE, BAUD, SILENT_AFTER_MS, EXAMPLE = "lines", "Lines of text", 115_200, 5_000, {"must": "be"}

    def driver(self, config: Mapping[str, Any]) -> Any:
        return SimpleNamespace(feed=self.feed)

    def feed(self, data: bytes) -> list[Result]:
        return [Decoded({"distance": 1.0}) for line in data.split(b"\r\n") if line.startswith(b"Range")]


def test_another_device_is_known_by_three_good_frames() -> None:
    known: Any = {"ld2410": ld2410, "lines": RangeLines()}
    noise = random.Random(2).randbytes(200)
    assert speakers(noise + TEXT, but="ld2410", drivers=known) == [known["lines"]]
    assert speakers(noise + REPORTS[:500], but="lines", drivers=known) == [ld2410]
    assert speakers(noise + b"Range 1\r\nRange 2\r\n", but="ld2410", drivers=known) == []
    assert speakers(REPORTS, but="ld2410", drivers=known) == []
    known["alike"] = RangeLines()
    assert speakers(TEXT, but="ld2410", drivers=known) == [known["lines"], known["alike"]]


@pytest.mark.parametrize("name", DRIVERS)
def test_no_driver_takes_noise_for_its_frames(name: str) -> None:
    generator = random.Random(3)
    for _ in range(20):
        assert speakers(generator.randbytes(KEPT_BYTES), but="", drivers={name: DRIVERS[name]}) == []


@pytest.fixture
def diagnosis() -> Diagnosis:
    return Diagnosis(ld2410, 115_200, 0)


def test_nothing_that_comes_is_silence(diagnosis: Diagnosis) -> None:
    diagnosis.received(REPORTS, good=100, bad=0)
    assert diagnosis.silence(5_000) == Finding(
        "silent", "nothing came in 5 s", "check power, and that its TX is wired to RX here"
    )


def test_noise_is_garbage(diagnosis: Diagnosis) -> None:
    diagnosis.received(random.Random(4).randbytes(500), good=0, bad=3)
    found = diagnosis.silence(5_000)
    assert found.problem == "garbage"
    assert str(found) == (
        "nothing understood in 5 s at 115200 baud, though 500 bytes came; it leaves the factory at 256000; "
        "check driver and rate with `hadir bridge probe`, then ground and cable"
    )


def test_the_wrong_rate_is_told_with_that_of_the_factory(diagnosis: Diagnosis) -> None:
    diagnosis.received(received_at(REPORTS, 256_000, 57_600), good=0, bad=0)
    found = diagnosis.silence(5_000)
    assert found.problem == "wrong_baud"
    assert found.hint == "it leaves the factory at 256000; find its rate with `hadir bridge probe`"


def test_what_is_found_is_looked_at_again_after_a_while_and_forgotten_when_it_is_understood(
    diagnosis: Diagnosis,
) -> None:
    diagnosis.received(b"\x55" * 100, good=0, bad=0)
    found = [diagnosis.silence(up_ms).problem for up_ms in (5_000, 14_900, 15_000)]
    assert found == ["garbage", "garbage", "silent"]
    diagnosis.received(b"\x55" * 100, good=1, bad=0)
    assert diagnosis.silence(15_500).problem == "silent"


def test_no_more_than_the_last_bytes_are_kept(diagnosis: Diagnosis) -> None:
    for _ in range(100):
        diagnosis.received(bytes(1000), good=0, bad=0)
    diagnosis.received(b"\x55" * KEPT_BYTES, good=0, bad=0)
    assert f"though {KEPT_BYTES} bytes came" in diagnosis.silence(5_000).says


def shares(*windows: tuple[int, int]) -> Iterator[Finding | None]:
    """What is found after each 10 s with so many good and bad frames."""
    diagnosis = Diagnosis(ld2410, 256_000, 0)
    for n, (good, bad) in enumerate(windows, 1):
        diagnosis.received(b"", good, bad)
        yield diagnosis.damage(10_000 * n - 1)
        yield diagnosis.damage(10_000 * n)


def test_a_line_that_damages_more_than_a_fifth_of_its_frames_is_told() -> None:
    hint = "use a shorter or shielded cable, and check ground and power"
    damaged = Finding("damaged", "25 % of its frames are damaged", hint)
    assert list(shares((80, 20), (75, 25), (100, 0), (1, 4))) == [None, None, None, damaged, damaged, None, None, None]
