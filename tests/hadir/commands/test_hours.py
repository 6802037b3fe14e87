"""`hadir hours` as people call it: the answer, the preview, the calendar, the batch of all cases, and bad input."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from hadir.cli import main
from presence.site import Agency, DatedHours
from presence.site_file import dump_site, parse_site
from tests.builders import outlet, site

CASES = Path(__file__).parents[2] / "vectors" / "hours" / "cases.csv"
JAKARTA = ["--timezone", "Asia/Jakarta", "--country", "ID"]
OFFICE = [*JAKARTA, "--hours", "Mo-Fr 08:00-12:00; PH off"]
CHRISTMAS = "2026-12-24T09:00:00+07:00"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HADIR_DATA", "HADIR_RECORD", "HADIR_CONFIG"):
        monkeypatch.delenv(name, raising=False)


class Called:
    """The exit status and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        capsys.readouterr()
        self.status = main(["hours", *words])
        self.out, self.err = capsys.readouterr()


def test_every_case_is_right_in_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, "--batch", str(CASES))
    with CASES.open(newline="") as file:
        wanted = [
            {"open": row["open"] == "true", "next_change": row["next_change"] or None} for row in csv.DictReader(file)
        ]
    assert (called.status, called.err) == (0, "")
    assert [json.loads(line) for line in called.out.splitlines()] == wanted
    assert len(wanted) == 175


def test_a_batch_is_read_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = CASES.read_text().splitlines(keepends=True)[:3]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(lines)))
    assert Called(capsys, "--batch", "-").out == (
        '{"open":false,"next_change":"2026-11-24T01:00:00.000Z"}\n'
        '{"open":true,"next_change":"2026-11-24T05:00:00.000Z"}\n'
    )


def test_one_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert Called(capsys, *OFFICE, "--at", CHRISTMAS).out == '{"open":true,"next_change":"2026-12-24T05:00:00.000Z"}\n'
    never = Called(capsys, *JAKARTA, "--hours", "off")
    assert (never.status, never.out) == (0, '{"open":false,"next_change":null}\n')


def test_flags_count(capsys: pytest.CaptureFixture[str]) -> None:
    leave = Called(capsys, *OFFICE, "--at", CHRISTMAS, "--cuti-bersama")
    assert json.loads(leave.out) == {"open": False, "next_change": "2026-12-28T01:00:00.000Z"}
    off = json.dumps([{"from": "2026-12-24", "to": "2026-12-24", "service_hours": "10:00-11:00"}])
    other = Called(capsys, *OFFICE, "--at", CHRISTMAS, "--exceptions", off)
    assert json.loads(other.out) == {"open": False, "next_change": "2026-12-24T03:00:00.000Z"}


def test_a_preview_is_a_line_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, *OFFICE, "--at", CHRISTMAS, "--days", "3")
    assert called.out.splitlines() == [
        "date        day  hours        why",
        "2026-12-24  Th   08:00-12:00  Cuti Bersama Hari Raya Natal (does not count)",
        "2026-12-25  Fr   closed       Hari Raya Natal",
        "2026-12-26  Sa   closed",
    ]
    assert called.err == ""


def test_a_preview_as_json_is_an_object_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, *OFFICE, "--at", CHRISTMAS, "--days", "2", "--json")
    assert [json.loads(line)["date"] for line in called.out.splitlines()] == ["2026-12-24", "2026-12-25"]


def test_a_preview_says_what_is_hardly_meant(capsys: pytest.CaptureFixture[str]) -> None:
    twice = [*JAKARTA, "--hours", "Mo-Fr 08:00-12:00; Mo-Fr 13:00-15:00"]
    assert Called(capsys, *twice, "--days", "1").err == (
        'hadir hours: "Mo-Fr 08:00-12:00" never counts: "Mo-Fr 13:00-15:00" stands in its place; '
        "for both write Mo-Fr 08:00-12:00,13:00-15:00\n"
    )


def test_a_calendar_is_imported_again_under_the_same_uids(capsys: pytest.CaptureFixture[str]) -> None:
    def uids(*words: str) -> list[str]:
        return re.findall(r"UID:(.*)\r\n", Called(capsys, *words, "--at", CHRISTMAS, "--ical").out)

    assert uids(*OFFICE) == uids(*OFFICE, "--exceptions", '[{from: 2026-12-24, to: 2026-12-24, service_hours: "24/7"}]')
    assert len(uids(*OFFICE)) == len(set(uids(*OFFICE))) == 7  # of 14 days: the weekdays without three holidays
    assert len(uids(*OFFICE, "--days", "1")) == 1


def test_hours_come_from_a_site_file(capsys: pytest.CaptureFixture[str]) -> None:
    off = DatedHours(first="2026-12-24", last="2026-12-24", service_hours="off", reason="Libur kantor")
    own = outlet("a-1", name="Loket 1", service_hours="09:00-10:00; PH off")
    hall = site(
        outlets=[own], service_hours="08:00-09:00", agencies=(Agency(id="dinas", name="Dinas", exceptions=(off,)),)
    )
    Path("site.yaml").write_text(dump_site(hall))

    def first_day(*words: str) -> str:
        return Called(capsys, "--site", "site.yaml", *words, "--at", CHRISTMAS, "--days", "1").out.splitlines()[1][17:]

    assert first_day() == "08:00-09:00  Cuti Bersama Hari Raya Natal (does not count)"
    assert first_day("--agency", "dinas").startswith("closed  Libur kantor; Cuti Bersama")
    calendar = Called(capsys, "--site", "site.yaml", "--outlet", "a-1", "--at", "2026-12-23T00:00Z", "--ical").out
    assert "UID:20261223-1.a-1.balai@hadir\r\n" in calendar
    assert "SUMMARY:Loket 1\r\n" in calendar


def test_a_proposal_for_ramadan_can_be_pasted_into_a_site_file(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, "--ramadan", "2027", "--hours", "perpres-21-2023")
    *remarks, entry = called.out.splitlines()
    assert called.status == 0
    assert all(remark.startswith("# ") for remark in remarks)
    assert re.search("computed.*sidang isbat.*person confirms", " ".join(remarks))
    before, after = dump_site(site(service_hours="perpres-21-2023")).split("\nagencies", 1)
    pasted = parse_site(f"{before}  exceptions:\n{called.out}\nagencies{after}", "site.yaml")
    [exception] = pasted.exceptions
    assert exception == DatedHours(
        first="2027-02-08", last="2027-03-09", service_hours="perpres-21-2023-ramadan", reason="Ramadan"
    )
    Path("site.yaml").write_text(dump_site(pasted))
    assert Called(capsys, "--site", "site.yaml", "--ramadan", "2027").out.splitlines()[-1] == entry
    assert json.loads(Called(capsys, "--ramadan", "2027", "--hours", "perpres-21-2023", "--json").out) == {
        "from": "2027-02-08", "to": "2027-03-09", "service_hours": "perpres-21-2023-ramadan", "reason": "Ramadan",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "hadir hours: lacks --timezone, --country, --hours; write what is missing, or --site FILE"),
        (["--timezone", "WIB", "--country", "ID", "--hours", "off"],
         '--timezone: "WIB" is no IANA time zone; write Asia/Jakarta'),
        (["--timezone", "Asia/Jakata", "--country", "ID", "--hours", "off"],
         '--timezone: "Asia/Jakata" is no IANA time zone; did you mean Asia/Jakarta?'),
        (["--timezone", "Asia/Jakarta", "--country", "id", "--hours", "off"],
         '--country: "id" is no country whose public holidays are known; write ID'),
        ([*JAKARTA, "--hours", "Mo-Fr 25:00-26:00"],
         ('--hours: "Mo-Fr 25:00-26:00" is not understood at "25:00-26:00"; '
          "25:00: a day begins at 00:00 and ends at 24:00; past midnight write 22:00-06:00")),
        ([*JAKARTA, "--hours", "perpres-21-2022"],
         '--hours: "perpres-21-2022" is not understood; no template has that name; did you mean "perpres-21-2023"?'),
        ([*OFFICE, "--at", "besok"], '--at: "besok" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
        ([*OFFICE, "--at", "inf"], '--at: "inf" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
        ([*OFFICE, "--at", "9e20"], '--at: "9e20" is not in the years 1970 to 2999; write another'),
        ([*OFFICE, "--days", "0"], '--days: "0" is no number of days; write 1 to 3660'),
        ([*OFFICE, "--days", "-1"], '--days: "-1" is no number of days; write 1 to 3660'),
        ([*OFFICE, "--exceptions", '[{"from": "2026-12-24", "to": "2026-12-23", "service_hours": "off"}]'],
         "--exceptions:1: exceptions[0].to: 2026-12-23 is before 2026-12-24; `to` is the last date"),
        ([*OFFICE, "--exceptions", r'[{"reason": "\ud83d"}]'],
         "--exceptions: holds half a character; write the text anew, as UTF-8"),
        ([*OFFICE, "--ical", "--json"], "hadir hours: --json: cannot stand beside --ical; leave one of them out"),
        ([*OFFICE, "--outlet", "a-1"], "hadir hours: --outlet: cannot stand alone; name a site file too: --site FILE"),
        ([*OFFICE, "--site", "site.yaml"],
         "hadir hours: --timezone: cannot stand beside --site; the site file says it"),
        (["--batch", "cases.csv", "--cuti-bersama"],
         "hadir hours: --cuti-bersama: cannot stand beside --batch; the rows of the file say it"),
        (["--batch", "none.csv"], "none.csv: No such file or directory"),
        (["--batch", "cases.csv"],
         'cases.csv:2: timezone: "Asia/Jakata" is no IANA time zone; did you mean Asia/Jakarta?'),
        (["--site", "none.yaml"], "none.yaml: cannot be read: No such file or directory; name a site file (YAML)"),
        (["--site", "site.yaml", "--outlet", "a1"],
         'site.yaml: --outlet: has no outlet "a1"; did you mean "a-1"?'),
        (["--site", "site.yaml", "--agency", "dinsa"],
         'site.yaml: --agency: has no agency "dinsa"; did you mean "dinas"?'),
        (["--ramadan", "27", "--hours", "enam-hari"],
         '--ramadan: "27" is no year whose Ramadan is known; write for example 2027'),
        (["--ramadan", "2027", "--hours", "24/7"],
         '--hours: "24/7" has no form for Ramadan; only templates have one (perpres-21-2023, enam-hari)'),
        (["--ramadan", "2027", "--hours", "enam-hari", "--country", "DE"],
         ("hadir hours: knows Ramadan's dates in Indonesia, not in DE; "
          "ask for a site with country ID, or write its dates yourself")),
        (["--ramadan", "2027", "--hours", "enam-hari", "--days", "3"],
         "hadir hours: --days: cannot stand beside --ramadan; leave it out"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_says_what_to_do(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("site.yaml").write_text(dump_site(site()))
    Path("cases.csv").write_text(
        "timezone,country,service_hours,exceptions,instant\nAsia/Jakata,ID,24/7,,2026-11-24T08:00:00Z\n"
    )
    called = Called(capsys, *words)
    assert (called.status, called.out, called.err) == (2, "", line + "\n")
