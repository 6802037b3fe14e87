"""Service hours by name, for what Indonesian government offices keep.

A name stands wherever an expression may stand, alone. What a name means never changes: a new regulation brings a new
name, because the record of past days goes by it. Docs: docs/service-hours.md says what of it the regulation fixes.

Sources: Perpres 21/2023 articles 3, 4 and 7 (days, hours a week, beginning, length of breaks; units that serve the
public may differ); for six days in Ramadan the circular SE Menteri PANRB 6/2023.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from presence.hours_fault import HoursFault


class Template(NamedTuple):
    """`ramadan`: the name of the form that holds in Ramadan; a Ramadan form names itself."""

    service_hours: str
    ramadan: str


TEMPLATES: dict[str, Template] = {
    "perpres-21-2023": Template(
        "Mo-Th 07:30-12:00,13:00-16:00; Fr 07:30-11:30,13:00-16:30; PH off", "perpres-21-2023-ramadan"
    ),
    "perpres-21-2023-ramadan": Template(
        "Mo-Th 08:00-12:00,12:30-15:00; Fr 08:00-11:30,12:30-15:30; PH off", "perpres-21-2023-ramadan"
    ),
    "enam-hari": Template(
        "Mo-Th,Sa 07:30-12:00,13:00-14:45; Fr 07:30-11:30,13:00-15:15; PH off", "enam-hari-ramadan"
    ),
    "enam-hari-ramadan": Template(
        "Mo-Th,Sa 08:00-12:00,12:30-14:00; Fr 08:00-11:30,12:30-14:30; PH off", "enam-hari-ramadan"
    ),
}  # fmt: skip


def template_named(expression: str) -> Template | None:
    """The template that `expression` names; None when it is no name."""
    return TEMPLATES.get(expression.strip())


def misspelt_template(expression: str) -> HoursFault | None:
    """What to write in place of an expression that is not understood and looks like a template's name; else None."""
    name, _, rest = expression.strip().partition(";")
    name = name.strip()
    if template := TEMPLATES.get(name):
        written = template.service_hours
        says = f"a template's name stands alone; write its hours out: {written}"
        return HoursFault("template_alone", says, written) if rest else None
    close = difflib.get_close_matches(name.lower(), TEMPLATES, 1)
    says = f'no template has that name; did you mean "{close[0]}"?' if close else ""
    return HoursFault("template_near", says, close[0]) if close else None
