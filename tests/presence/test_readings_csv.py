from __future__ import annotations

import pytest

from presence.errors import BadInput
from presence.readings import Reading
from presence.readings_csv import read_csv

HEADER = "time,sensor,quantity,value"


def test_rows_of_equal_time_and_sensor_are_one_reading_whatever_their_order():
    found = read_csv(
        [HEADER, "10.5,b,presence,true", "1970-01-01T07:00:09+07:00,a,distance,1.5", "10.5,b,distance,0.7"], "r.csv"
    )
    assert found.readings == [
        Reading("a", 9_000, {"distance": 1.5}),
        Reading("b", 10_500, {"presence": 1.0, "distance": 0.7}),
    ]


def test_a_spreadsheets_mark_of_utf_8_is_no_part_of_the_header():
    assert len(read_csv(["\ufeff" + HEADER, "1,a,presence,1"], "r.csv").readings) == 1


def test_what_hadir_has_no_name_for_is_left_out_and_counted():
    found = read_csv([HEADER, "1,a,presence,1", "1,a,vibes,3", "2,a,vibes,4"], "r.csv")
    assert (len(found.readings), found.unknown) == (1, {"vibes": 2})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], 'r.csv:1: is empty; the first line must be "time,sensor,quantity,value"'),
        (["a,b"], 'r.csv:1: begins with "a,b"; the first line must be "time,sensor,quantity,value"'),
        ([HEADER, "1,a,presence"], "r.csv:2: 3 columns, not 4; write time,sensor,quantity,value"),
        ([HEADER, "1,a,presence,1", "x,a,presence,1"],
         'r.csv:3: time: "x" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
        ([HEADER, "2026-11-24T09:00:00,a,presence,1"],
         'r.csv:2: time: "2026-11-24T09:00:00" has no offset; write 2026-11-24T09:00:00Z or 2026-11-24T09:00:00+07:00'),
        ([HEADER, "1,a,presence,True"], 'r.csv:2: value: "True" is no value; write "true"'),
        ([HEADER, "1,a,presence,nan"], 'r.csv:2: value: "nan" is no finite number; write a number, true or false'),
        ([HEADER, "nan,a,presence,1"],
         'r.csv:2: time: "nan" is no RFC 3339 time; write 2026-11-24T09:00:00+07:00'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_a_remedy(lines: list[str], message: str):
    with pytest.raises(BadInput) as error:
        read_csv(lines, "r.csv")
    assert str(error.value) == message
