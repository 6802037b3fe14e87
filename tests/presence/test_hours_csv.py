from __future__ import annotations

import json

import pytest

from presence.errors import BadInput
from presence.hours_csv import Question, read_questions
from presence.schedule import Schedule
from presence.site import DatedHours

HEADER = "timezone,country,service_hours,exceptions,instant"
ROW = "Asia/Jakarta,ID,24/7,,2026-11-24T08:00:00+07:00"


def read(*lines: str) -> list[Question]:
    return read_questions("".join(f"{line}\n" for line in lines).splitlines(keepends=True), "ask.csv")


def said(*lines: str) -> list[str]:
    with pytest.raises(BadInput) as refused:
        read(*lines)
    return str(refused.value).splitlines()


def test_a_question_a_row_in_order() -> None:
    exceptions = json.dumps([{"from": "2026-11-24", "to": "2026-11-25", "service_hours": "off", "reason": "Libur 🎉"}])
    quoted = exceptions.replace('"', '""')
    assert read(HEADER, "", f'Asia/Makassar,ID,"Mo,We 08:00-09:00","{quoted}",2026-11-24T08:00:00Z', ROW) == [
        Question(
            Schedule(
                timezone="Asia/Makassar", country="ID", service_hours="Mo,We 08:00-09:00",
                exceptions=(
                    DatedHours(first="2026-11-24", last="2026-11-25", service_hours="off", reason="Libur 🎉"),
                ),
            ),
            1_795_507_200_000,
        ),
        Question(Schedule(timezone="Asia/Jakarta", country="ID", service_hours="24/7"), 1_795_482_000_000),
    ]  # fmt: skip


def test_columns_stand_in_any_order_and_answers_are_left_aside() -> None:
    header = "\ufeffinstant,open,next_change,country,timezone,service_hours"
    assert read(header, "2026-11-24T01:00:00Z,true,,ID,Asia/Jakarta,24/7") == read(HEADER, ROW)


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([], "ask.csv:1: timezone: is missing; begin with timezone,country,service_hours,instant,exceptions"),
        (["timezone,country,service_hours"], "ask.csv:1: instant: is missing; begin with "),
        ([f"{HEADER},exeptions"], 'ask.csv:1: no such column "exeptions"; did you mean "exceptions"?'),
        ([f"{HEADER},instant"], "ask.csv:1: instant: is there twice; leave one out"),
        ([HEADER, ROW, "Asia/Jakarta,ID"], "ask.csv:3: has 2 cells for 5 columns; put what holds commas in quotes"),
        ([HEADER, ROW.replace("Jakarta", "Jakata")],
         'ask.csv:2: timezone: "Asia/Jakata" is no IANA time zone; did you mean Asia/Jakarta?'),
        ([HEADER, ROW.replace("ID", "id")],
         'ask.csv:2: country: "id" is no country whose public holidays are known; write ID'),
        ([HEADER, ROW.replace("24/7", "Fri 08:00-09:00")], 'ask.csv:2: service_hours: "Fri 08:00-09:00" is not under'),
        ([HEADER, ROW.removesuffix("+07:00")], 'ask.csv:2: instant: "2026-11-24T08:00:00" has no offset; write '),
        ([HEADER, ROW.replace(",,", ",[{from: 2026-11-24}],")], "ask.csv:2: exceptions[0].to: is missing; write it"),
        ([HEADER, ROW.replace(",,", ",[{,")], "ask.csv:2: is no YAML: "),
        ([HEADER, ROW.replace(",,", ',"two\nlines",'), ROW.replace("ID", "XX")], "ask.csv:4: country: "),
        ([HEADER, 'Asia/Jakarta,"ID'], "ask.csv:2: is no CSV: unexpected end of data; check the quotes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_and_column(lines: list[str], line: str) -> None:
    assert any(one.startswith(line) for one in said(*lines))


def test_all_that_is_wrong_is_told_together_up_to_a_point() -> None:
    wrong = ROW.replace("Jakarta", "Jakata").replace("24/7", "of")
    assert [one.split(" ")[0] for one in said(HEADER, wrong, ROW, wrong)] == [
        "ask.csv:2:", "ask.csv:2:", "ask.csv:4:", "ask.csv:4:",
    ]  # fmt: skip
    many = said(HEADER, *[wrong] * 1000)
    assert len(many) == 51
    assert many[-1] == "ask.csv:27: is not read from here on; put right what is above"
