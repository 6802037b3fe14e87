"""The declarations of the site file: complete, and the JSON Schema made of them."""

import dataclasses
import json
import re

from presence import site_form
from presence.site import (
    Absence,
    Agency,
    Contact,
    DatedHours,
    Duty,
    Floor,
    Gateway,
    Maintenance,
    Outlet,
    Rule,
    Sensor,
    Site,
    Source,
    Step,
)
from presence.site_file import json_schema


def forms(shape: site_form.Shape) -> list[site_form.Form]:
    match shape:
        case site_form.Form():
            return [shape, *(form for key in shape.keys for form in forms(key.shape))]
        case site_form.ListOf():
            return forms(shape.shape)
        case site_form.OffOr():
            return forms(shape.form)
        case _:
            return []


def test_every_field_of_a_site_has_its_key() -> None:
    found: dict[type, set[str]] = {}
    for form in [*forms(site_form.SITE), *forms(site_form.TOP)]:
        if form.of is not None:
            found.setdefault(form.of, set()).update(key.field for key in form.keys)
    found[Rule].add("off")  # written in place of the mapping
    kinds = (
        Site, Agency, Outlet, Sensor, Source, Gateway, Duty,
        Contact, DatedHours, Floor, Absence, Maintenance, Rule, Step,
    )  # fmt: skip
    assert found == {kind: {field.name for field in dataclasses.fields(kind) if field.compare} for kind in kinds}


def test_the_schema_knows_what_the_parser_knows() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert schema["required"] == ["site"]
    assert list(schema["properties"]) == [
        "site", "gateways", "agencies", "outlets", "duties", "absences", "maintenance", "rules", "escalation",
    ]  # fmt: skip
    of_site = schema["properties"]["site"]
    assert of_site["required"] == ["id", "name", "timezone", "country", "service_hours"]
    assert of_site["properties"]["cuti_bersama"] == {
        "type": "boolean", "default": False, "description": "Count the government's collective leave days as PH too.",
    }  # fmt: skip
    of_sensor = schema["properties"]["outlets"]["items"]["properties"]["sensors"]["items"]
    assert of_sensor["required"] == ["id", "kind", "zone"]
    assert of_sensor["additionalProperties"] is False
    assert of_sensor["properties"]["kind"]["enum"][:2] == ["direct", "mmwave"]
    assert re.fullmatch(of_sensor["properties"]["heartbeat"]["pattern"], "10s")
    assert schema["properties"]["rules"]["properties"]["vacancy"]["oneOf"][0] == {"enum": ["off", False]}
    assert "id" not in of_site["properties"]["contacts"]["items"]["required"]
