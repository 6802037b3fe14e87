from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.instants import parse_instant
from presence.readings import Reading
from storage.timeseries import Point, Series, StoreUnavailable
from storage.timeseries.sqlite import SqliteStore

RADAR = Series("mpp-contoh", "disdukcapil-1", "staff", "radar-1")
PIR = Series("mpp-contoh", "disdukcapil-1", "visitor", "pir-1")
HOUR_MS = 3_600_000
NINE = parse_instant("2026-11-24T09:00:00Z")
FOR_EVER = 1 << 50


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path)
    yield opened
    opened.close()


def _radar(at_ms: int, distance_m: float = 1.5) -> Point:
    return Point(RADAR, at_ms, {"presence": 1.0, "distance": distance_m})


def _instants(store: SqliteStore, *series: Series) -> list[int]:
    return [reading.at_ms for reading in store.read(series or [RADAR], 0, FOR_EVER)]


def _count(folder: Path, table: str, month: str = "2026-11") -> int:
    with closing(sqlite3.connect(folder / f"readings-{month}.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def test_an_hour_is_sealed_one_hour_after_its_end(store: SqliteStore, tmp_path: Path) -> None:
    store.write([_radar(NINE), _radar(NINE + 1000, 2.5), _radar(NINE + HOUR_MS)])
    before = store.read([RADAR], 0, FOR_EVER)
    assert store.seal(NINE + 2 * HOUR_MS - 1) == 0
    assert store.seal(NINE + 2 * HOUR_MS) == 2
    assert store.seal(NINE + 2 * HOUR_MS) == 0
    assert (_count(tmp_path, "hot"), _count(tmp_path, "chunk")) == (1, 2)
    assert store.read([RADAR], 0, FOR_EVER) == before


def test_a_late_reading_joins_its_sealed_hour(store: SqliteStore, tmp_path: Path) -> None:
    store.write([_radar(NINE), _radar(NINE + 2000)])
    store.seal(FOR_EVER)
    store.write([Point(RADAR, NINE + 1000, {"presence": 0.0, "battery": 80.0})])
    wanted = [
        Reading("radar-1", NINE, {"presence": 1.0, "distance": 1.5}),
        Reading("radar-1", NINE + 1000, {"presence": 0.0, "battery": 80.0}),
        Reading("radar-1", NINE + 2000, {"presence": 1.0, "distance": 1.5}),
    ]
    assert store.read([RADAR], 0, FOR_EVER) == wanted
    assert store.seal(FOR_EVER) == 1
    assert store.read([RADAR], 0, FOR_EVER) == wanted
    assert (_count(tmp_path, "hot"), _count(tmp_path, "chunk")) == (0, 3)


def test_of_two_readings_of_one_instant_the_first_counts_sealed_or_not(store: SqliteStore) -> None:
    store.write([_radar(NINE, 1.0), _radar(NINE, 2.0)])
    store.write([_radar(NINE, 3.0)])
    store.seal(FOR_EVER)
    store.write([Point(RADAR, NINE, {"distance": 4.0, "battery": 80.0})])
    first = [Reading("radar-1", NINE, {"presence": 1.0, "distance": 1.0})]
    assert store.read([RADAR], 0, FOR_EVER) == first
    store.seal(FOR_EVER)
    assert store.read([RADAR], 0, FOR_EVER) == first


def test_sealing_goes_in_slices(store: SqliteStore) -> None:
    store.write([Point(series, NINE + i, {"presence": 1.0}) for i in range(10) for series in (RADAR, PIR)])
    before = store.read([RADAR, PIR], 0, FOR_EVER)
    moved = []
    while not moved or moved[-1]:
        moved.append(store.seal(FOR_EVER, limit=7))
        assert store.read([RADAR, PIR], 0, FOR_EVER) == before
    assert moved == [7, 7, 6, 0]


def test_each_month_has_its_file(store: SqliteStore, tmp_path: Path) -> None:
    december = parse_instant("2026-12-01T00:00:00Z")
    january = parse_instant("2027-01-01T00:00:00Z")
    instants = [december - 1, december, january - 1, january]
    store.write([_radar(at_ms) for at_ms in instants])
    assert sorted(file.name for file in tmp_path.glob("*.db")) == [
        "readings-2026-11.db",
        "readings-2026-12.db",
        "readings-2027-01.db",
    ]
    assert _instants(store) == instants
    assert [r.at_ms for r in store.read([RADAR], december - 1, january)] == instants[:3]
    while store.seal(january + 3 * HOUR_MS):
        pass
    assert [_count(tmp_path, "hot", month) for month in ("2026-11", "2026-12", "2027-01")] == [0, 0, 0]
    assert _instants(store) == instants


def test_after_a_restart_all_is_there_and_what_was_left_is_sealed(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path)
    october = NINE - 30 * 24 * HOUR_MS
    first.write([_radar(october), _radar(NINE)])
    first.close()
    second = SqliteStore(tmp_path)
    assert _instants(second) == [october, NINE]
    assert (second.seal(FOR_EVER), second.seal(FOR_EVER), second.seal(FOR_EVER)) == (1, 1, 0)
    second.write([_radar(NINE, 9.0), _radar(NINE + 1)])
    assert second.read([RADAR], NINE, FOR_EVER) == [
        Reading("radar-1", NINE, {"presence": 1.0, "distance": 1.5}),
        Reading("radar-1", NINE + 1, {"presence": 1.0, "distance": 1.5}),
    ]
    second.close()


def test_nothing_but_the_month_files_and_the_lock_stays_after_closing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.write([_radar(NINE)])
    store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["readings-2026-11.db", "readings.lock"]


_steps = st.lists(
    st.one_of(
        st.just("seal"),
        st.just("reopen"),
        st.lists(
            st.builds(
                Point,
                st.sampled_from([RADAR, PIR]),
                # Around a turn of the month, few enough to meet again.
                st.integers(-40, 40).map(lambda n: parse_instant("2026-12-01T00:00:00Z") + n * 500_000),
                st.dictionaries(st.sampled_from(["presence", "distance", "seq"]), st.integers(0, 3), min_size=1),
            ),
            max_size=8,
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_steps)
def test_any_order_of_writing_sealing_and_reopening_keeps_each_first_reading(steps: list[str | list[Point]]) -> None:
    kept: dict[tuple[int, str], Reading] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder))
        for step in steps:
            if step == "seal":
                store.seal(FOR_EVER, limit=3)
            elif step == "reopen":
                store.close()
                store = SqliteStore(Path(folder))
            else:
                assert isinstance(step, list)
                assert store.write(step) == []
                for series, at_ms, values in step:
                    kept.setdefault((at_ms, series.sensor), Reading(series.sensor, at_ms, values))
        assert store.read([RADAR, PIR], 0, FOR_EVER) == [kept[key] for key in sorted(kept)]
        store.close()


# Writes ever more batches of three readings, one minute apart, says each when it is stored, and seals as it goes.
_WRITING = """
import sys
from pathlib import Path
from storage.timeseries import Point, Series
from storage.timeseries.sqlite import SqliteStore
folder, sensor, first, last, start_ms = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
store = SqliteStore(folder)
for n in range(first, last):
    at_ms = start_ms + n * 60_000
    values = [{"seq": float(n), "x1": i / 8} for i in range(3)]
    points = [Point(Series("balai", "a-1", "staff", sensor), at_ms + i, values[i]) for i in range(3)]
    assert store.write(points) == []
    print(n, flush=True)
    store.seal(at_ms + 3_600_000, limit=20)
store.close()
"""


def _writing(folder: Path, sensor: str, first: int, last: int) -> subprocess.Popen[str]:
    arguments = [str(folder), sensor, str(first), str(last), str(NINE)]
    return subprocess.Popen([sys.executable, "-c", _WRITING, *arguments], stdout=subprocess.PIPE, text=True)


def _batches(store: SqliteStore, sensor: str) -> list[Reading]:
    return store.read([Series("balai", "a-1", "staff", sensor)], 0, FOR_EVER)


def _wanted(sensor: str, batches: int) -> list[Reading]:
    return [
        Reading(sensor, NINE + n * 60_000 + i, {"seq": float(n), "x1": i / 8}) for n in range(batches) for i in range(3)
    ]


def test_what_was_said_to_be_stored_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(7)
    store = SqliteStore(tmp_path)
    first = 0
    for _ in range(5):
        with _writing(tmp_path, "s-1", first, 1_000_000) as child:
            assert child.stdout is not None
            for _ in range(chance.randrange(1, 150)):
                said = int(child.stdout.readline())
            child.kill()
            said = max([said, *(int(line) for line in child.stdout.readlines() if line.endswith("\n"))])
        readings = _batches(store, "s-1")
        stored = len(readings) // 3
        assert stored > said
        assert readings == _wanted("s-1", stored)
        first = stored
    store.close()
    for file in tmp_path.glob("*.db"):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_two_processes_write_and_seal_one_folder_while_a_third_reads(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    with _writing(tmp_path, "s-1", 0, 300) as one, _writing(tmp_path, "s-2", 0, 300) as other:
        assert one.stdout is not None
        seen = 0
        for line in one.stdout:
            stored = len(_batches(store, "s-1")) // 3
            assert stored > int(line)
            assert stored >= seen
            seen = stored
        other.communicate()
    assert (one.returncode, other.returncode) == (0, 0)
    assert _batches(store, "s-1") == _wanted("s-1", 300)
    assert _batches(store, "s-2") == _wanted("s-2", 300)
    store.close()


def test_threads_read_while_another_writes_and_seals(store: SqliteStore) -> None:
    done = threading.Event()
    counts: list[int] = []

    def read() -> None:
        while not done.is_set():
            counts.append(len(_instants(store)))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(200):
        store.write([_radar(NINE + n * 60_000)])
        store.seal(NINE + n * 60_000, limit=30)
    done.set()
    reader.join()
    assert counts == sorted(counts)
    assert len(_instants(store)) == 200


def test_a_held_reader_does_not_hold_up_the_writer(store: SqliteStore, tmp_path: Path) -> None:
    store.write([_radar(NINE)])
    uri = f"{(tmp_path / 'readings-2026-11.db').as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM hot").fetchone() == (1,)
        store.write([_radar(NINE + 1)])
        store.seal(FOR_EVER)
        assert reader.execute("SELECT count(*) FROM hot").fetchone() == (1,)
        reader.execute("ROLLBACK")
    assert _instants(store) == [NINE, NINE + 1]


def test_a_full_disk_is_told_loses_nothing_and_passes(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk, in a process of its own."""
    code = """
import json, resource, signal, sys
from pathlib import Path
from storage.timeseries import Point, Series, StoreUnavailable
from storage.timeseries.sqlite import SqliteStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(Path(sys.argv[1]))
radar = Series("balai", "a-1", "staff", "s-1")
batch = lambda n: [Point(radar, 1793000000000 + n * 1000 + i, {"seq": float(n)}) for i in range(1000)]
store.write(batch(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
stored = 1
try:
    while True:
        store.write(batch(stored))
        stored += 1
except StoreUnavailable as full:
    words, operator = str(full), full.operator
there = len(store.read([radar], 0, 1 << 50))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.write(batch(stored))
print(json.dumps([stored, there, len(store.read([radar], 0, 1 << 50)), words, operator]))
store.close()
"""
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    stored, there, after, words, operator = json.loads(child.stdout)
    assert stored >= 2
    assert (there, after) == (stored * 1000, (stored + 1) * 1000)
    assert words.startswith(f"{tmp_path}: ")
    assert operator


def test_a_file_of_a_newer_hadir_is_left_alone(store: SqliteStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "readings-2026-11.db")) as connection:
        connection.execute("PRAGMA user_version=99")
    for work in (lambda: store.write([_radar(NINE)]), lambda: store.read([RADAR], 0, FOR_EVER), store.check):
        with pytest.raises(StoreUnavailable, match=r"readings-2026-11.db has schema 99, this Hadir knows 1") as caught:
            work()
        assert caught.value.operator


def test_a_file_that_is_no_database_is_told(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "readings-2026-11.db").write_bytes(b"not SQLite" * 1000)
    with pytest.raises(StoreUnavailable, match="file is not a database") as caught:
        store.write([_radar(NINE)])
    assert caught.value.operator


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "gone")
    for work in (lambda: store.write([_radar(NINE)]), lambda: store.read([RADAR], 0, FOR_EVER), store.check):
        with pytest.raises(StoreUnavailable, match="No such file or directory"):
            work()


def test_check_tells_library_size_and_newest_reading(store: SqliteStore, tmp_path: Path) -> None:
    assert store.check() == f"{tmp_path}: SQLite {sqlite3.sqlite_version}, 0 months, 0.0 MB, newest reading none"
    store.write([_radar(NINE + 1000), _radar(NINE)])
    assert store.check().endswith(", 1 months, 0.1 MB, newest reading 2026-11-24T09:00:01.000Z")
