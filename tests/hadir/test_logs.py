import json
import logging
from collections.abc import Iterator

import pytest

from hadir import logs


@pytest.fixture
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def warn() -> None:
    logging.getLogger("hadir.collector").warning("lost %d", 3, extra={"broker": "h:1883", "why": "timed out"})


@pytest.mark.usefixtures("root_logger")
def test_text_says_when_how_bad_who_what_and_the_pairs(capsys: pytest.CaptureFixture[str]):
    logs.configure("warning", "text")
    warn()
    at, rest = capsys.readouterr().err.split(" ", 1)
    assert at.endswith("Z")
    assert rest == 'WARNING collector: lost 3 broker=h:1883 why="timed out"\n'


@pytest.mark.usefixtures("root_logger")
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]):
    logs.configure("warning", "json")
    warn()
    entry = json.loads(capsys.readouterr().err)
    del entry["at"]
    assert entry == {
        "level": "warning",
        "part": "collector",
        "message": "lost 3",
        "broker": "h:1883",
        "why": "timed out",
    }


@pytest.mark.usefixtures("root_logger")
def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]):
    logs.configure("warning", "text")
    logging.getLogger("hadir.collector").info("connected")
    assert capsys.readouterr().err == ""
