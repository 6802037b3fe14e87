"""`hadir backtest` as people call it, over a record as collector and engine leave it."""

import json
from pathlib import Path

import pytest

from hadir.cli import main
from presence.alerts.life import Alert, alert_id
from presence.instants import parse_instant
from presence.intervals import Interval, Span, State, TruthInterval
from presence.pipeline import Lines, alerts_of
from presence.site import Agency, Contact, Rule, Site
from presence.site_file import dump_site
from presence.zones import ZoneKey
from storage.record import Record, conditions, intervals
from storage.record.alerts import StoredAlert, put
from storage.record.registry import apply
from tests.builders import outlet, site

MALL = site(
    outlets=[outlet("a-1"), outlet("b-1", agency="kantor")],
    agencies=(
        Agency(id="dinas", name="Dinas", contacts=(Contact(id="satu", name="Koordinator"),)),
        Agency(id="kantor", name="Kantor"),
    ),
    rules={"vacancy": Rule(after_ms=600_000), "sensor_silent": Rule()},
)
FROM, TO = "2026-11-24T00:00:00+07:00", "2026-11-25T00:00:00+07:00"
DAY = Span(parse_instant(FROM), parse_instant(TO))


def at(clock: str) -> int:
    return parse_instant(f"2026-11-24T{clock}:00+07:00")


def day(*turns: tuple[str, State]) -> list[Interval]:
    starts = [at(clock) for clock, _ in turns]
    ends = [*starts[1:], None]
    return [Interval(start, end, state, 0.5) for start, end, (_, state) in zip(starts, ends, turns, strict=True)]


HISTORY = {
    ZoneKey("a-1", "staff"): day(
        ("07:30", "occupied"), ("09:00", "vacant"), ("09:08", "occupied"), ("10:00", "vacant"), ("10:30", "occupied")
    ),
    ZoneKey("b-1", "staff"): day(("07:30", "occupied"), ("13:00", "unknown"), ("14:00", "occupied")),
}
# The sensor of b-1 is silent from 13:00 to 14:00.
SILENT = [
    TruthInterval(at("07:30"), at("13:00"), False),
    TruthInterval(at("13:00"), at("14:00"), True),
    TruthInterval(at("14:00"), None, False),
]
VACANCY = Alert("vacancy", "outlet", "a-1", at("10:00"), at("10:10"), at("10:30"), "presence")
SILENCE = Alert("sensor_silent", "sensor", "b-1-s", at("13:00"), at("13:05"), at("14:00"), "ended")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HADIR_DATA", "HADIR_RECORD", "HADIR_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def keep(wanted: Site = MALL, until: str = TO, alerts: tuple[StoredAlert, ...] = ()) -> None:
    until_ms = parse_instant(until)
    Path("hadir-data").mkdir()
    with Record.open("sqlite:///hadir-data/record.db") as record, record.writing(durable=False) as connection:
        apply(connection, wanted, prune=False, now_ms=at("07:00"))
        for key, line in HISTORY.items():
            intervals.revise(connection, "balai", *key, line[0].start_ms, line, until_ms)
        conditions.revise(connection, "balai", "b-1-s", "sensor_silent", SILENT[0].start_ms, SILENT, until_ms)
        intervals.set_progress(connection, "balai", until_ms, spool="s", spool_id=1)
        for stored in alerts:
            put(connection, "balai", stored, until_ms)


def stored(alert: Alert, disproved_ms: int | None = None) -> StoredAlert:
    name = alert_id("balai", alert.kind, alert.subject, alert.since_ms)
    return StoredAlert(name, alert, False, disproved_ms)


class Called:
    """The exit status and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        capsys.readouterr()
        self.status = main(["backtest", *words])
        self.out, self.err = capsys.readouterr()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


ALL_DAY = ("--from", FROM, "--to", TO)


def test_with_unchanged_rules_nothing_differs_from_what_replay_says(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(HISTORY, {}, at("07:30"))
    replayed = [alert for alert in alerts_of(MALL, lines, DAY) if alert.kind == "vacancy"]
    assert replayed == [VACANCY]
    keep(alerts=(stored(VACANCY), stored(SILENCE)))
    called = Called(capsys, "--json")
    assert (called.status, called.err) == (0, "")
    assert called.lines == [
        {
            "type": "backtest", "site": "balai", "from": "2026-11-24T00:30:00.000Z", "to": "2026-11-24T17:00:00.000Z",
            "obliged_s": 43200.0, "unknown_s": 3600.0,
        },
        {**VACANCY.as_json(), "in": "both", "agency": "dinas", "disproved": None},
        {**SILENCE.as_json(), "in": "both", "agency": "kantor", "disproved": None},
    ]  # fmt: skip
    assert "No difference: every alert is in the record" in Called(capsys).out


def test_another_rule_is_set_beside_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = Alert("vacancy", "outlet", "b-1", at("13:10"), at("13:20"), at("13:30"), "presence")
    keep(alerts=(stored(VACANCY), stored(wrong, at("15:00")), stored(SILENCE)))
    called = Called(capsys, "--json", "--rule", "vacancy.after=5m", "--rule", "sensor_silent=off", *ALL_DAY)
    found = [(line["in"], line["since"], line["fired"]) for line in called.lines[1:]]
    assert found == [
        ("backtest", "2026-11-24T02:00:00.000Z", "2026-11-24T02:05:00.000Z"),
        ("both", "2026-11-24T03:00:00.000Z", "2026-11-24T03:05:00.000Z"),
        ("record", "2026-11-24T06:00:00.000Z", "2026-11-24T06:05:00.000Z"),
        ("record", "2026-11-24T06:10:00.000Z", "2026-11-24T06:20:00.000Z"),
    ]
    assert called.lines[2]["recorded"] == {
        "since": "2026-11-24T03:00:00.000Z", "fired": "2026-11-24T03:10:00.000Z",
        "resolved": "2026-11-24T03:30:00.000Z", "reason": "presence",
    }  # fmt: skip
    assert called.lines[4]["disproved"] == "2026-11-24T08:00:00.000Z"

    told = Called(capsys, "--rule", "vacancy.after=5m", *ALL_DAY)
    begins = "--from: the history of balai begins 2026-11-24T00:30:00.000Z; nothing is known before\n"
    assert (told.status, told.err) == (0, begins)
    assert "Of 12.0 obliged hours 1.0 are unknown (8.3 %): no alert of people fires in them." in told.out
    assert "Of the recorded ones 1 was disproved by late data." in told.out
    (dinas,) = (line for line in told.out.splitlines() if line.startswith("Dinas"))
    assert dinas.split()[:6] == ["Dinas", "2", "1", "1", "0", "1"]
    assert dinas.endswith("Koordinator")


def test_a_site_file_says_how_it_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    keep(alerts=(stored(VACANCY),))
    Path("other.yaml").write_text(dump_site(site(outlets=MALL.outlets, service_hours="Mo-Fr 08:00-10:05")))
    called = Called(capsys, "--json", "--site", "other.yaml")
    assert [(line["in"], line["kind"]) for line in called.lines[1:]] == [
        ("record", "vacancy"),
        ("backtest", "sensor_silent"),
    ]
    assert called.lines[0]["obliged_s"] == 2 * 7500.0


def test_a_day_off_has_nothing_to_tell(capsys: pytest.CaptureFixture[str]) -> None:
    keep()
    called = Called(capsys, "--from", "2026-11-24T16:00:00+07:00", "--rule", "sensor_silent=off")
    assert called.out.splitlines() == [
        "balai, 2026-11-24 16:00 to 2026-11-25 00:00 (Asia/Jakarta), by 2 outlets",
        "Nobody had to be there in this time.",
        "",
        "No alert, neither in the backtest nor in the record.",
    ]


def test_a_sweep_is_drawn_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    keep()
    called = Called(capsys, "--sweep", "vacancy.after=5m..35m:10m", "--csv", "sweep.csv")
    assert called.status == 0
    assert Path("sweep.csv").read_text() == (
        "value_s,alerts,alert_minutes\n300.0,2,28.0\n900.0,1,15.0\n1500.0,1,5.0\n2100.0,0,0.0\n"
    )
    assert [line.split()[:2] for line in called.out.splitlines()[-4:]] == [
        ["5m", "2"], ["15m", "1"], ["25m", "1"], ["35m", "0"],
    ]  # fmt: skip
    assert called.out.splitlines()[-4].endswith("█" * 40)
    called = Called(capsys, "--json", "--sweep", "vacancy.after=5m..5m")
    assert called.lines == [
        {"type": "sweep", "rule": "vacancy.after", "value_s": 300.0, "alerts": 2, "alert_minutes": 28.0}
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rule", "vacency.after=5m"], '--rule: no kind of alert "vacency"; did you mean "vacancy"?'),
        (["--csv", "x.csv"], "--csv: holds the numbers of a sweep; name one with --sweep, or use --json"),
        (
            ["--sweep", "vacancy.after=1m..2m", "--csv", "no/x.csv"],
            "no/x.csv: its folder is not there; make it, or name another file",
        ),
        (["--from", TO, "--to", FROM], "--to: lies not after --from; exchange the two"),
        (["--from", "2026-11-24"], '--from: "2026-11-24" is a date without a time; write 2026-11-24T00:00:00+07:00'),
        (
            ["--from", "2027-01-01T00:00:00Z", "--to", "2027-02-01T00:00:00Z"],
            "--from: the record ends 2026-11-24T17:00:00.000Z; name an earlier time",
        ),
        (
            ["--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z"],
            "--to: the record begins 2026-11-24T00:30:00.000Z; name a later time",
        ),
        (["--site", "other.yaml"], 'other.yaml: the record knows no site "balia"; did you mean "balai"?'),
    ],
)
def test_what_cannot_be_is_told_in_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    keep()
    Path("other.yaml").write_text(dump_site(site(id="balia")))
    called = Called(capsys, *words)
    assert (called.status, called.out, called.err) == (2, "", f"{said}\n")


def test_a_site_without_history_has_no_backtest(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hadir-data").mkdir()
    with Record.open("sqlite:///hadir-data/record.db") as record, record.writing(durable=False) as connection:
        apply(connection, MALL, prune=False, now_ms=at("07:00"))
    called = Called(capsys)
    assert (called.status, called.err) == (
        2,
        "site balai: the record holds no history of it; let a collector run, or name another --data\n",
    )
