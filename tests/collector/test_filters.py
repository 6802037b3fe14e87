from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.filters import widest


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (["a/#", "a/b", "a/+/c", "a"], ["a/#"]),
        (["a/+", "a/b", "a"], ["a", "a/+"]),
        (["+/b", "a/+"], ["+/b", "a/+"]),
        (["a/b", "a/b"], ["a/b"]),
        (["a/+", "a/#"], ["a/#"]),
        (["+/status", "esp/status", "x/esp/status"], ["+/status", "x/esp/status"]),
        (["#", "a/b", "+"], ["#"]),
        (["+/#", "a/#", "a/+/#", "+"], ["+/#"]),
        (["a/+/c", "+/b/c", "a/b/c", "a/b/d"], ["+/b/c", "a/+/c", "a/b/d"]),
        ([], []),
    ],
)
def test_what_a_wider_filter_covers_is_left_out(filters: list[str], kept: list[str]) -> None:
    assert widest(filters) == kept


LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=4)
FILTERS = st.tuples(LEVELS, st.booleans()).map(lambda made: "/".join([*made[0], "#"] if made[1] else made[0]))
TOPICS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map("/".join)


def matches(topic_filter: str, topic: str) -> bool:
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


@given(st.lists(FILTERS, max_size=8), TOPICS)
def test_the_same_topics_are_heard(filters: list[str], topic: str) -> None:
    kept = widest(filters)
    assert any(matches(one, topic) for one in kept) == any(matches(one, topic) for one in filters)
    assert set(kept) <= set(filters)


def test_a_hall_of_many_devices_is_no_trouble() -> None:
    filters = [f"hall/device-{n}/{what}" for n in range(20_000) for what in ("state", "+/status", "#")]
    assert widest(filters) == sorted(one for one in filters if one.endswith("#"))


@given(st.lists(FILTERS, max_size=8))
def test_none_is_kept_beside_a_wider_one(filters: list[str]) -> None:
    kept = widest(filters)
    for one in kept:
        assert widest([one, *kept]) == kept
        assert all(widest([one, other]) == sorted({one, other}) for other in kept)
