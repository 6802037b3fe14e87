import pytest

from hadir.output import json_line, progress, table


def test_numbers_stand_to_the_right_and_nothing_is_an_empty_cell():
    assert table(["name", "n", "note"], [("a", 5, None), ("longer", 1_000, "x")]) == (
        "name       n  note\na          5\nlonger  1000  x"
    )


def test_a_table_without_rows_is_its_head():
    assert table(["name", "n"], []) == "name  n"


def test_a_json_line_is_compact_and_keeps_letters():
    assert json_line({"a": [1, "é"]}) == '{"a":[1,"é"]}'


def test_progress_gives_its_items_and_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]):
    assert list(progress(range(3), "rows")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
