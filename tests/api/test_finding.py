"""Counters are found by what people call what they give."""

from __future__ import annotations

import pytest

from api.finding import findable, wanted


@pytest.mark.parametrize(
    ("service", "asked"),
    [
        ("KTP-el", "e-ktp"),
        ("KTP-el", "ktpel"),
        ("SIM-STNK", "surat izin mengemudi"),
        ("SIM-STNK", "SIM-STNK"),
        ("KTP-el–KK", "kartu keluarga"),
        ("Paspor/visa", "passport"),
    ],
)
def test_by_its_own_and_other_names_also_where_a_dash_joins_two(service: str, asked: str):
    assert all(word in findable(service) for word in wanted(asked))


def test_not_by_what_it_does_not_give():
    assert not all(word in findable("SKCK") for word in wanted("paspor"))
