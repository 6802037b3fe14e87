from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hadir.cli import main
from storage.record.registry import apply
from tests.fixtures.why import EMPTY, EmptyOutlet

WHY = ["why", "--outlet", "a-1", "--at", "2026-11-24T09:06:40+07:00"]


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))


@pytest.mark.usefixtures("empty_outlet")
def test_one_kind_is_told_check_by_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WHY, "--kind", "vacancy"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a-1, Sel 24 Nov 09.06.40 WIB",
        "",
        "Belum ada peringatan kosong: jam berjalan sejak 09.00. Jatuh 09.10 bila tetap. Kemudian jatuh 09.10.",
        "  ✓ Wajib buka 08.00–12.00.",
        "  ✓ Peringatan jatuh setelah 10 mnt. Terputus kurang dari 30 dtk tidak dihitung.",
        "  ✓ Tidak ada izin.",
        "  ✓ Tidak ada perawatan.",
        "  ✓ Petugas tidak ada sejak 09.04.20 (2 mnt 20 dtk). Yakin 98\u00a0%.",
        "  ✓ Terputus 09.04–09.04.20 (20 dtk): ada petugas. Kurang dari 30 dtk, jam tidak berhenti.",
        "  ✗ Jam berjalan sejak 09.00: 6 mnt 40 dtk dari 10 mnt. Penuh 09.10.",
    ]


@pytest.mark.usefixtures("empty_outlet")
def test_technical_kinds_take_a_line_each_and_differences_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "--outlet", "a-1", "--at", "2026-11-24T09:20:00+07:00", "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  ! The record has no such alert." in lines
    assert lines[-1] == "balai: No site-outage alert: all is in order."
    assert lines[-2].startswith("a-1-s: No low-battery alert: ")


@pytest.mark.usefixtures("empty_outlet")
def test_json_is_what_the_api_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WHY, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outlet"], told["kinds"][0]["reason"]) == ("a-1", "clock_running")


@pytest.mark.usefixtures("empty_outlet")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["why", "--outlet", "a-9"], 'hadir why: no outlet "a-9"; did you mean "a-1"?\n'),
        (["why", "--outlet", "a-1", "--site", "x"], 'hadir why: no site "x"\n'),
        (["why", "--outlet", "a-1", "--at", "2026-11-24"], '--at: "2026-11-24" is a date without a time; write '),
        (
            ["why", "--outlet", "a-1", "--kind", "vacanc"],
            'hadir why: --kind: no word "vacanc"; did you mean "vacancy"?',
        ),
    ],
)
def test_wrong_words_are_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(words)
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    assert capsys.readouterr().err.startswith(said)


def test_of_several_sites_one_is_named(empty_outlet: EmptyOutlet, capsys: pytest.CaptureFixture[str]) -> None:
    with empty_outlet.record.writing() as connection:
        apply(connection, replace(EMPTY, id="second"), prune=False, now_ms=1)
    assert main(WHY) == 2
    assert capsys.readouterr().err == "--site: the record has several sites; name one of balai, second\n"
    assert main([*WHY, "--site", "balai"]) == 0
