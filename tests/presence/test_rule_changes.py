from __future__ import annotations

import pytest

from presence.errors import BadInput
from presence.rule_changes import RuleChange, Sweep, parse_rule, parse_sweep, with_rule
from presence.site import Agency, Duty, Rule
from tests.builders import outlet, site

MINUTE = 60_000


def test_a_rule_is_written_as_in_a_site_file() -> None:
    assert parse_rule("vacancy.after=5m") == RuleChange("vacancy", "after_ms", 5 * MINUTE)
    assert parse_rule("late_opening.min_presence=0s") == RuleChange("late_opening", "min_presence_ms", 0)
    assert parse_rule("unattended=off") == RuleChange("unattended", "off", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vacancy", '--rule: "vacancy" sets nothing; write for example vacancy.after=5m, or vacancy=off'),
        ("vacency.after=5m", '--rule: no kind of alert "vacency"; did you mean "vacancy"?'),
        ("vacancy.afer=5m", '--rule: no key "afer" in vacancy; did you mean "after"?'),
        ("vacancy.after=5", '--rule: vacancy.after: "5" has no unit; write 10s, 2m or 1h'),
        ("vacancy.after=", '--rule: vacancy.after: "" is no duration; write 10s, 2m or 1h'),
        ("vacancy=5m", '--rule: "5m" is no value of vacancy; write vacancy=off, or name a key of it'),
        (
            "low_battery.at_most=20",
            (
                "--rule: low_battery.at_most decides when readings come in, and the record keeps what it decided; "
                "see what another value makes of the readings with `hadir replay`"
            ),
        ),
    ],
)
def test_what_is_no_rule_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_rule(text)
    assert str(error.value) == said


def test_a_sweep_takes_its_steps_or_about_thirty_round_ones() -> None:
    assert parse_sweep("vacancy.after=1m..5m:2m") == Sweep(
        "vacancy.after", "vacancy", "after_ms", (MINUTE, 3 * MINUTE, 5 * MINUTE)
    )
    assert parse_sweep("vacancy.after=1m..30m").values_ms == tuple(n * MINUTE for n in range(1, 31))
    assert parse_sweep("unattended.min_presence=0s..30s").values_ms == tuple(range(0, 30_001, 1000))
    assert parse_sweep("vacancy.after=5m..5m").values_ms == (5 * MINUTE,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vacancy.after=5m", '--sweep: "vacancy.after=5m" is no range of a rule; '),
        ("vacancy.after=1m..5m:", '--sweep: "vacancy.after=1m..5m:" is no range of a rule; '),
        ("vacancy.after=5m..1m", '--sweep: "5m..1m" ends before it begins; write vacancy.after=1m..5m'),
        ("vacancy.after=1m..9", '--sweep: vacancy.after: "9" has no unit; write 10s, 2m or 1h'),
        ("vacancy.after=1m..30m:1ms", "--sweep: 1,740,001 values are too many; take a longer step than 1ms"),
    ],
)
def test_what_is_no_sweep_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_sweep(text)
    assert str(error.value).startswith(said)


def test_a_rule_that_is_set_counts_at_every_level() -> None:
    levels = site(
        outlets=[
            outlet("a-1", rules={"vacancy": Rule(after_ms=1, min_presence_ms=7)}),
            outlet("a-2", rules={"vacancy": Rule(off=True)}),
        ],
        agencies=(Agency(id="dinas", name="Dinas", rules={"vacancy": Rule(after_ms=2)}),),
        duties=(Duty(id="d", outlets=("a-1",), rules={"vacancy": Rule(after_ms=3)}),),
        rules={"vacancy": Rule(off=True)},
    )
    changed = with_rule(levels, RuleChange("vacancy", "after_ms", 9))
    assert changed.rules == {"vacancy": Rule(after_ms=9)}
    assert changed.agencies[0].rules == {"vacancy": Rule()}
    assert [one.rules["vacancy"] for one in changed.outlets] == [Rule(min_presence_ms=7), Rule(off=True)]
    assert changed.duties[0].rules == {"vacancy": Rule()}


def test_a_kind_that_is_switched_off_is_off_at_every_level() -> None:
    levels = site(outlets=[outlet("a-1", rules={"vacancy": Rule(after_ms=1), "unattended": Rule()})])
    changed = with_rule(levels, RuleChange("vacancy", "off", True))
    assert changed.rules == {"vacancy": Rule(off=True)}
    assert changed.outlets[0].rules == {"unattended": Rule()}
