from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources

import pytest

from api.words import LANGUAGES, Text, Words, texts
from presence.instants import parse_instant

NOW = parse_instant("2026-11-24T10:42:07+07:00")
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


def forms(text: Text) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def placeholders(text: Text) -> list[set[str]]:
    return [set(re.findall(r"\{(\w+)\}", form)) for form in forms(text)]


def test_every_language_has_every_text_with_the_same_values():
    indonesian, english = (texts(lang) for lang in LANGUAGES)
    assert list(indonesian) == list(english)
    for key, text in indonesian.items():
        wanted = placeholders(text)[0]
        assert all(found == wanted for found in placeholders(english[key])), key


def test_a_key_stands_once_in_a_language():
    for lang in LANGUAGES:
        raw = resources.files("api").joinpath("texts", f"{lang}.json").read_text(encoding="utf-8")
        keys = json.loads(raw, object_pairs_hook=lambda pairs: [key for key, _ in pairs])
        assert [key for key, times in Counter(keys).items() if times > 1] == []


def test_plurals_have_the_forms_of_their_language():
    assert not any(isinstance(text, dict) for text in texts("id").values())  # one form is no choice
    assert all(list(text) == ["one", "other"] for text in texts("en").values() if isinstance(text, dict))
    english = Words("en", "Asia/Jakarta")
    assert english("seats", n=1, parts="x").startswith("1 outlet obliged")
    assert english("seats", n=2, parts="x").startswith("2 outlets obliged")


@pytest.mark.parametrize(
    ("ms", "indonesian", "english"),
    [
        (-5, "0 dtk", "0 s"),
        (4 * SECOND + 999, "4 dtk", "4 s"),
        (59 * SECOND, "59 dtk", "59 s"),
        (51 * MINUTE + 59 * SECOND, "51 mnt", "51 min"),
        (2 * HOUR + 42 * MINUTE, "2 j 42 mnt", "2 h 42"),
        (HOUR + 7 * MINUTE, "1 j 07 mnt", "1 h 07"),
        (3 * DAY + 4 * HOUR, "3 hari 4 j", "3 d 4 h"),
    ],
)
def test_spans(ms: int, indonesian: str, english: str):
    for lang, expected in zip(LANGUAGES, (indonesian, english), strict=True):
        assert Words(lang, "Asia/Jakarta").span(ms) == expected.replace(" ", "\u00a0")


def test_instants_are_told_in_the_sites_zone():
    jakarta, jayapura = Words("id", "Asia/Jakarta"), Words("en", "Asia/Jayapura")
    assert (jakarta.clock(NOW), jakarta.clock_s(NOW), jakarta.date(NOW)) == ("10.42", "10.42.07", "Sel 24 Nov")
    assert (jakarta.zone(NOW), jakarta.iso(NOW)) == ("WIB", "2026-11-24T10:42:07+07:00")
    assert (jayapura.clock(NOW), jayapura.clock_s(NOW), jayapura.date(NOW)) == ("12:42", "12:42:07", "Tue 24 Nov")
    assert jayapura.zone(NOW) == "WIT"


def test_what_is_to_come_says_its_day_when_it_is_not_today():
    words = Words("id", "Asia/Jakarta")
    assert words.coming(NOW + 2 * HOUR, NOW) == "12.42"
    assert words.coming(NOW + 14 * HOUR, NOW) == "Rabu 00.42"
    assert words.coming(NOW + 6 * DAY, NOW) == "Senin 10.42"
    assert words.coming(NOW + 9 * DAY, NOW) == "3 Des 10.42"
    assert words.coming(NOW - DAY, NOW) == "23 Nov 10.42"


def test_the_time_of_day_is_the_clocks_also_when_it_was_changed_that_night():
    words = Words("en", "Europe/Berlin")
    assert [words.time_of_day_ms(words.at(day, 8, 5, 7)) for day in ("2026-03-29", "2026-06-01", "2026-10-25")] == [
        *(3 * [(8 * 3600 + 5 * 60 + 7) * 1000])
    ]


def test_numbers_are_grouped_as_the_language_does():
    assert Words("id", "Asia/Jakarta").number(1162) == "1.162"
    assert Words("en", "Asia/Jakarta").number(1162) == "1,162"


def test_figures_and_shares_are_written_as_the_language_does():
    indonesian, english = (Words(lang, "Asia/Jakarta") for lang in LANGUAGES)
    assert (indonesian.percent(0.607, 1), english.percent(0.607, 1)) == ("60,7\u00a0%", "60.7%")
    assert (indonesian.percent(0.98), english.percent(0.98)) == ("98\u00a0%", "98%")
    assert (indonesian.percents(0.607, 0.65), english.percents(0.607, 0.65)) == ("60,7–65,0\u00a0%", "60.7–65.0%")
    assert [indonesian.measured(value) for value in (0.00012, 1.28449, 21, 65_535.0)] == [
        "0,00012",
        "1,284",
        "21",
        "65.540",
    ]


def test_lists_and_dates_are_written_as_the_language_does():
    indonesian, english = (Words(lang, "Asia/Jakarta") for lang in LANGUAGES)
    assert [indonesian.listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a dan b",
        "a, b, dan c",
    ]
    assert english.listed(["a", "b", "c"]) == "a, b and c"
    assert (indonesian.month(NOW), indonesian.full_date("2026-05-03")) == ("November", "Minggu, 3 Mei 2026")
    assert english.full_date("2026-05-03") == "Sunday, 3 May 2026"
    assert (indonesian.clock_of(485), english.clock_of(485)) == ("08.05", "08:05")


def test_a_day_begins_at_local_midnight_also_when_the_clock_was_set_forward():
    words = Words("id", "Europe/Berlin")
    at = parse_instant("2026-03-29T12:00:00+02:00")
    assert words.day_start_ms(at) == parse_instant("2026-03-29T00:00:00+01:00")
