"""Tables as files: what is in them, for whom, and what a spreadsheet makes of them."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest

from api.sheets import CSV_TYPE, XLSX_TYPE, Line, as_csv, as_xlsx
from presence.alerts.life import Alert
from presence.intervals import Interval
from storage.record.acknowledgements import Answer, add
from storage.record.alerts import StoredAlert, put
from storage.record.intervals import revise
from storage.record.users import make_account, make_token
from tests.builders import outlet, site
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

EXPORT = "/api/v1/sites/balai/export"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "＝1"]


@pytest.fixture
def told(web: Web) -> Web:
    """Two agencies with an outlet each; intervals of both, an alert of each, one answered with a formula."""
    outlets = [outlet("a-1", agency="dukcapil", name="=Loket 1"), outlet("b-1", agency="imigrasi")]
    web.apply(site(outlets=outlets))
    with web.record.writing(durable=False) as connection:
        for name in ("a-1", "b-1"):
            states = [
                Interval(NOW - 60 * MINUTE, NOW - 30 * MINUTE, "occupied", 0.98),
                Interval(NOW - 30 * MINUTE, None, "vacant", 0.02),
            ]
            revise(connection, "balai", name, "staff", 0, states, NOW)
            alert = Alert("vacancy", "outlet", name, NOW - 20 * MINUTE, NOW - 10 * MINUTE)
            put(connection, "balai", StoredAlert(f"x-{name}", alert, False, None), NOW)
        add(connection, "balai", "x-a-1", Answer("other", "=1+1", MINUTE), author="ani", now_ms=NOW)
    return web


def program(web: Web, **account: Any) -> Browser:
    with web.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW, **account)
        token = make_token(connection, "ani", "", NOW, scope="read")
    return web.ask(host="hadir.example", client="10.0.0.7", authorization=f"Bearer {token}")


def lines(browser: Browser, name: str, **asked: str) -> list[dict[str, str]]:
    answer = browser.get(f"{EXPORT}/{name}", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, CSV_TYPE), answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="balai-')
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_intervals_have_the_time_of_the_site_with_its_offset(told: Web):
    first, second, *_ = lines(program(told), "intervals.csv")
    assert (first["outlet"], first["zone"], first["state"], first["seconds"]) == ("a-1", "staff", "occupied", "1800.0")
    assert first["start"] == "2026-11-24T09:42:07.000+07:00"
    assert (second["start"], second["end"], second["seconds"]) == (first["end"], "", "")


def test_a_name_that_looks_like_a_formula_is_none(told: Web):
    browser = program(told)
    assert {line["name"] for line in lines(browser, "intervals.csv")} == {"'=Loket 1", "Loket b-1"}
    assert "'=1+1" in {line["acknowledged_note"] for line in lines(browser, "alerts.csv")}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(text: str):
    table: list[Line] = [(text, -1.5, None)]
    ((_, (cell, number, nothing)),) = [
        list(csv.reader(io.StringIO(b"".join(as_csv("abc", table)).decode(), newline="")))
    ]
    assert (cell, number, nothing) == (f"'{text}", "-1.5", "")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(as_xlsx("t", "abc", table))))
    _, (shown, counted, empty) = book.active.iter_rows()
    assert (shown.data_type, counted.value, empty.value) == ("s", -1.5, None)
    assert str(shown.value).endswith(text.strip())


def test_a_sheet_that_is_full_goes_on_in_a_further_one():
    table: list[Line] = [(n, "\x00x") for n in range(5)]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(as_xlsx("t", ("n", "x"), table, rows=3))))
    found = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    assert book.sheetnames == ["t", "t 2", "t 3"]
    assert found == [
        [("n", "x"), (0, "x"), (1, "x")],
        [("n", "x"), (2, "x"), (3, "x")],
        [("n", "x"), (4, "x")],
    ]


@pytest.mark.parametrize("table", ["intervals", "alerts", "ledger"])
def test_a_workbook_says_what_the_csv_says(told: Web, table: str):
    browser = program(told)
    answer = browser.get(f"{EXPORT}/{table}.xlsx")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX_TYPE)
    head, *rows = openpyxl.load_workbook(io.BytesIO(answer.content)).active.values
    written = lines(browser, f"{table}.csv")
    assert len(rows) == len(written)
    for row, line in zip(rows, written, strict=True):
        assert list(head) == list(line)
        said = ["" if cell is None else str(cell) for cell in row]
        assert said[0] == line["site"]
        assert [cell for cell in said if cell.startswith("2026")] == [
            cell for cell in line.values() if cell.startswith("2026")
        ]


def test_an_agency_takes_home_its_own(told: Web):
    browser = program(told, role="agency", agency="dukcapil")
    assert {line["outlet"] for line in lines(browser, "intervals.csv")} == {"a-1"}
    assert {line["subject"] for line in lines(browser, "alerts.csv")} == {"a-1"}
    assert {line["outlet"] for line in lines(browser, "ledger.csv")} <= {"a-1"}


def test_only_the_dates_that_are_asked_for(told: Web):
    browser = program(told)
    assert lines(browser, "alerts.csv", **{"from": "2026-11-20", "to": "2026-11-23"}) == []
    assert len(lines(browser, "alerts.csv", **{"from": "2026-11-24", "to": "2026-11-24"})) == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{EXPORT}/alerts.csv?from=kemarin", 400),
        (f"{EXPORT}/alerts.csv?from=2024-01-01&to=2026-01-01", 400),
        (f"{EXPORT}/alerts.pdf", 400),
        (f"{EXPORT}/users.csv", 400),
        ("/api/v1/sites/sana/export/alerts.csv", 404),
    ],
)
def test_what_cannot_be_exported_is_told(told: Web, path: str, status: int):
    answer = program(told).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
