"""LD2410 frames decoded per CPU-second, in chunks of 64 bytes, as a port gives them.

Run: .venv/bin/python benchmarks/serial_decode.py
"""

from __future__ import annotations

import random
import statistics
import time

from firmware_bridge.drivers import ld2410

FRAMES, CHUNK, RUNS = 20_000, 64, 7


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


def frames_per_cpu_second(stream: bytes) -> float:
    chunks = [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]
    decoder = ld2410.driver({})
    began = time.process_time()
    frames = sum(len(decoder.feed(chunk)) for chunk in chunks)
    spent = time.process_time() - began
    if frames != FRAMES:
        raise SystemExit(f"{frames} of {FRAMES} frames were decoded")
    return frames / spent


def main() -> None:
    numbers = random.Random(1)  # noqa: S311
    print(f"{'frames':<12} {'per CPU-second':>15}   (median of {RUNS} runs of {FRAMES}, chunks of {CHUNK} bytes)")
    for kind in (engineering, basic):
        stream = b"".join(kind(numbers) for _ in range(FRAMES))
        print(f"{kind.__name__:<12} {statistics.median(frames_per_cpu_second(stream) for _ in range(RUNS)):>15,.0f}")


if __name__ == "__main__":
    main()
