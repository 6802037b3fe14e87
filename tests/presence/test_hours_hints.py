from __future__ import annotations

import pytest

from presence.hours_hints import hints
from presence.service_hours import check_expression

DAYS = "(days are Mo Tu We Th Fr Sa Su, holidays PH)"
COLON = "write times with a colon, such as 08:00-12:00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Fri 08:00-12:00", [f"write Fr for Fri {DAYS}"]),
        ("Mon-Thurs 08:00-12:00", [f"write Mo for Mon, Th for Thurs {DAYS}"]),
        ("Saturdays 08:00-12:00; Sunday off", [f"write Sa for Saturdays, Su for Sunday {DAYS}"]),
        ("Senin-Kamis 08.00-12.00", [f"write Mo for Senin, Th for Kamis {DAYS}", COLON]),
        ("Jum'at 08:00-11:00; Sab-Min off", [f"write Fr for Jum'at, Sa for Sab, Su for Min {DAYS}"]),
        ("Mo-Fr 8am-5pm", ["write 08:00 for 8am, 17:00 for 5pm"]),
        ("Mo-Fr 12:30 AM-12 p.m", ["write 00:30 for 12:30 AM, 12:00 for 12 p.m"]),
        ("Mo-Fr 0800-1200", [COLON]),
        ("Mo-Fr 8-17", ["write hours and minutes, such as 08:00-17:00"]),
        ("Mo-Fr 08:00–12:00", ['write "-" for the long dash']),
        ("Mo-Fr 08:00 s/d 12:00", ['write "-" between two days or times']),
        ("Mo to Fr 08:00-12:00 and 13:00-15:00",
         ['write "-" between two days or times', 'write "," between several days or times']),
        ("Mo-Fr: 08:00-12:00", ["leave out the colon behind the days"]),
        ("Mo-Fr 25:00-26:00", ["25:00: a day begins at 00:00 and ends at 24:00; past midnight write 22:00-06:00"]),
        ("Mo-Fr 08:60-09:00", ["08:60: minutes go up to 59"]),
        ("Mo-Fr 08:00-12:00; tanggal merah off", ["write PH for public holidays"]),
        ("Mo-Fr 08:00-12:00; Sa tutup", ["write off for closed"]),
        ("setiap hari 08:00-12:00", ["write the times alone for every day"]),
        ("buka 24 jam", ["write 24/7 for always open"]),
    ],
)  # fmt: skip
def test_a_habit_is_told_what_to_write_instead(text: str, said: list[str]) -> None:
    assert [hint.says for hint in hints(text)] == said
    problem = check_expression(text)
    assert problem is not None
    assert problem.endswith("; ".join(said))


def test_what_is_right_has_no_hint() -> None:
    assert hints("Mo-Th 08:00-12:00,13:00-15:00; Fr 22:00-30:00; PH off") == []
