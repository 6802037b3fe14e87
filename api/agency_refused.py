"""A form of an agency's page that was not done, as it is shown again: what stood in it, and what to mend where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from api.agency_given import Fields, NotDone
from api.words import Words


class Refused(NamedTuple):
    """`form`: which one of the page's, as `absence` or `alert-4f0c2d6b9a1e8f37`; `fields`: as they came."""

    form: str
    why: NotDone
    fields: Fields


class Form(NamedTuple):
    """A form by its `name`. `wrong`: sentences by field, "" for the form itself; `again`: it was sent, and not done."""

    name: str
    fields: Fields
    wrong: Mapping[str, str]
    again: bool

    def value(self, field: str, otherwise: str = "") -> str:
        """What stands in a field: what was sent, or what the page proposes."""
        return self.fields.get(field, otherwise)

    def chose(self, field: str, value: str, otherwise: bool = False) -> bool:
        """Whether a choice is made: as it was sent, or `otherwise`."""
        return self.fields.get(field) == value if self.again else otherwise

    def marks(self, field: str, *, hint: bool = False) -> dict[str, str | None]:
        """The attributes by which a field is found, known to be wrong, and described: its hint, and what to mend."""
        name = f"{self.name}-{field}"
        by = [f"{name}-hint"] * hint + [f"{name}-wrong"] * (field in self.wrong)
        return {
            "id": name,
            "aria-invalid": "true" if field in self.wrong else None,
            "aria-describedby": " ".join(by) or None,
        }

    @property
    def at_other_time(self) -> bool:
        """Whether it was sent with times of one's own."""
        return self.again and not self.fields.get("until")


class Mend(NamedTuple):
    """What to mend, and where it stands."""

    href: str
    text: str


class Forms:
    """The forms of the page, of which at most one was refused."""

    def __init__(self, refused: Refused | None, words: Words) -> None:
        self._refused = refused
        self._wrong: dict[str, str] = {}
        for one in refused.why.wrong if refused is not None else ():
            self._wrong.setdefault(one.field, words(f"agency.wrong.{one.key}", **one.values))

    def __call__(self, name: str) -> Form:
        refused = self._refused
        if refused is None or refused.form != name:
            return Form(name, {}, {}, False)
        return Form(name, refused.fields, self._wrong, True)

    @property
    def kind(self) -> str:
        """Of the form that was refused, as texts call it; "" when none was."""
        return "" if self._refused is None else self._refused.form.partition("-")[0]

    @property
    def mends(self) -> list[Mend]:
        """All that is to be mended."""
        form = "" if self._refused is None else self._refused.form
        return [Mend(f"#{form}-{field}" if field else f"#{form}", text) for field, text in self._wrong.items()]
