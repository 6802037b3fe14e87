"""What `hadir bridge run` is told of its queue and its host's date."""

from __future__ import annotations

import argparse

import pytest

from hadir.commands.bridge_words import run


def told(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return parser.parse_args(["--gateway", "gw", *words])


def test_by_default_the_kernel_is_asked_for_the_date_and_the_queue_may_have_two_gibibytes() -> None:
    assert (told().clock, told().queue_size) == ("auto", 2 * 1024**3)


def test_no_clock_is_another_word_for_ages() -> None:
    assert told("--no-clock").clock == told("--clock", "ages").clock == "ages"


@pytest.mark.parametrize(
    ("text", "count"), [("16MiB", 16 * 1024**2), ("500M", 500 * 1024**2), ("2 GB", 2 * 1024**3), ("1tib", 1024**4)]
)
def test_a_size_has_a_unit(text: str, count: int) -> None:
    assert told("--queue-size", text).queue_size == count


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2", '"2" is no size; write 16MiB or more, as 500MiB or 2GiB'),
        ("-1G", '"-1G" is no size; write 16MiB or more, as 500MiB or 2GiB'),
        ("1M", '"1M" is too small; write 16MiB or more'),
    ],
)
def test_a_size_that_is_none_or_too_small_is_refused(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        told(f"--queue-size={text}")
    assert capsys.readouterr().err.endswith(f"argument --queue-size: {said}\n")
