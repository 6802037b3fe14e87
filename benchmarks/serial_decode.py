"""Frames decoded per CPU-second, in chunks of 64 bytes, as a port gives them.

LD2410 beside aio-ld2410 (PyPI, MIT), in turns: its whole path from bytes to its model, as its reader takes it, without
the waking of who waits. Figures: 25 times its engineering frames, 20 times its basic ones. Then the readings of every
driver from the stream of its emulator, which is set up and polled as a bridge does it.

Run: .venv/bin/python benchmarks/serial_decode.py
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator

from aio_ld2410.models import ReportStatus, container_to_model
from aio_ld2410.protocol import Report
from aio_ld2410.stream import FrameStream

from firmware_bridge.dialogue import Dialogue
from firmware_bridge.drivers import DRIVERS, ld2410
from firmware_bridge.emulators import EMULATORS
from firmware_bridge.emulators.target import Target
from firmware_bridge.resync import Answer, Decoded
from hadir.output import table

FRAMES, CHUNK, RUNS = 20_000, 64, 7
PEER_FRAMES = 2_000
EMULATED_BYTES = 300_000
TARGETS = (Target(), Target("moving", 1.5, 80), Target("still", 2.0, 50))


def basic(numbers: random.Random) -> bytes:
    body = bytes((ld2410.BASIC, 0xAA, numbers.randrange(4))) + _target(numbers)
    return ld2410.REPORT_HEADER + b"\x0d\x00" + body + ld2410.REPORT_TAIL


def engineering(numbers: random.Random) -> bytes:
    energies = bytes(numbers.randrange(101) for _ in range(18))
    extra = bytes((8, 8)) + energies + bytes((numbers.randrange(256), numbers.randrange(2)))
    body = bytes((ld2410.ENGINEERING, 0xAA, numbers.randrange(4))) + _target(numbers) + extra
    return ld2410.REPORT_HEADER + b"\x23\x00" + body + ld2410.REPORT_TAIL


def _target(numbers: random.Random) -> bytes:
    near, far, energy = numbers.randrange(600).to_bytes(2, "little"), numbers.randrange(600), numbers.randrange(101)
    return near + bytes((energy,)) + far.to_bytes(2, "little") + bytes((energy,)) + near


def by_driver(name: str, stream: bytes) -> int:
    decoder = DRIVERS[name].driver(DRIVERS[name].EXAMPLE)
    return sum(
        isinstance(result, Decoded)
        for at in range(0, len(stream), CHUNK)
        for result in decoder.feed(stream[at : at + CHUNK])
    )


def by_peer(stream: bytes) -> int:
    frames, decoder = 0, FrameStream()
    for at in range(0, len(stream), CHUNK):
        decoder.push(stream[at : at + CHUNK])
        for frame in decoder:
            container_to_model(ReportStatus, Report.parse(frame.data).data)
            frames += 1
    return frames


def rate(decode: Callable[[], int], frames: int) -> float:
    """Frames per CPU-second."""
    began = time.process_time()
    found = decode()
    spent = time.process_time() - began
    if found != frames:
        raise SystemExit(f"{found} of {frames} frames were decoded")
    return frames / spent


def emulated(name: str) -> bytes:
    """What a device says that was set up as its driver's example; nobody, somebody moving and somebody still."""
    module, kind = DRIVERS[name], EMULATORS[name]
    driver, device, stream = module.driver(module.EXAMPLE), kind.make(1), b""
    dialogue = Dialogue(module, driver, module.EXAMPLE)
    for at_ms in _instants(kind.interval_ms):
        device.target = TARGETS[at_ms // 1_000 % len(TARGETS)]
        heard = device.receive(dialogue.outgoing(at_ms)) + device.report(at_ms)
        for result in driver.feed(heard):
            if isinstance(result, Answer):
                dialogue.answered(result.whole)
        stream += heard
        if len(stream) >= EMULATED_BYTES:
            break
    return stream


def _instants(interval_ms: int) -> Iterator[int]:
    """At most a day's."""
    return iter(range(0, 24 * 3_600_000, max(interval_ms, 100)))


def main() -> None:
    numbers = random.Random(1)  # noqa: S311
    rows = []
    for kind in (engineering, basic):
        stream = b"".join(kind(numbers) for _ in range(FRAMES))
        part = stream[: len(stream) // FRAMES * PEER_FRAMES]
        ours, peers = [], []
        for _ in range(RUNS):
            ours.append(rate(lambda stream=stream: by_driver("ld2410", stream), FRAMES))
            peers.append(rate(lambda part=part: by_peer(part), PEER_FRAMES))
        mine, theirs = statistics.median(ours), statistics.median(peers)
        rows.append((kind.__name__, f"{mine:,.0f}", f"{theirs:,.0f}", f"{mine / theirs:.1f}"))
    print(f"frames per CPU-second, median of {RUNS} runs, chunks of {CHUNK} bytes\n")
    print(table(["ld2410", "hadir", "aio-ld2410", "times"], rows))
    print()
    rows = []
    for name in sorted(EMULATORS):
        stream = emulated(name)
        readings = by_driver(name, stream)
        median = statistics.median(
            rate(lambda name=name, stream=stream: by_driver(name, stream), readings) for _ in range(RUNS)
        )
        rows.append((name, f"{median:,.0f}", f"{len(stream) / readings:.0f}"))
    print(table(["emulator", "readings per CPU-second", "bytes a reading"], rows))


if __name__ == "__main__":
    main()
