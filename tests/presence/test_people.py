from __future__ import annotations

import pytest

from presence.people import LONGEST_NAME, name_problem, phone_problem


@pytest.mark.parametrize(
    "phone",
    ["0812 3456 7890", "+62 21 5550 101", "(0231) 555-0101", "0231.555/12", "110", "0200 555 0122", "+6281234567890"],
)
def test_what_can_be_dialled_is_a_number(phone: str) -> None:
    assert phone_problem(phone) is None


@pytest.mark.parametrize(
    "phone",
    ["", "12", "besok", "08", "+", "0812 3456 7890 1234 56", "0812; ext 4", "tel:0812", "٠٨١٢٣", "0812\n345", "+" * 9],
)
def test_what_cannot_be_dialled_is_none(phone: str) -> None:
    problem = phone_problem(phone)
    assert problem is not None
    assert "write 3 to 15 digits" in problem


def test_a_name_can_be_shown_and_has_an_end() -> None:
    assert name_problem("Koordinator loket – Disdukcapil") is None
    for name in ("", "  ", "x" * (LONGEST_NAME + 1), "a\u202eb", "a\x07b"):
        assert name_problem(name) is not None
