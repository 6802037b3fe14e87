"""How an outlet is announced to Home Assistant: one retained message, from which it makes a device with its entities.

    homeassistant/device/hadir-{site}/{outlet}/config

The keys are Home Assistant's own short ones. One that it does not know, outside the entities, makes it drop the whole
message; so does an empty address. A template that renders `None` says unknown, and so does each of ours of what is not
known: the states that it reads are the retained occupancy and health, nothing else is sent for Home Assistant.
Source: homeassistant 2025.4.4, MQTT device discovery; tests/vectors/conventions/homeassistant_facts.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from presence import topics
from presence.alerts.texts import Language
from presence.site import SLUG, Outlet, Site
from presence.status import Status

PREFIX = "homeassistant"

Platform = Literal["binary_sensor", "sensor"]

_STATE_OF = "((value_json.zones|default({})).%s|default({})).state|default('unknown')"
_OCCUPIED = "{{ {'occupied':'ON','vacant':'OFF'}.get(" + _STATE_OF + ",'None') }}"
_UNSENSED = "{{ 'ON' if " + _STATE_OF + " == 'unknown' else 'OFF' }}"
_STATUS = "{{ 'None' if value_json.status|default('unknown') == 'unknown' else value_json.status }}"
_EMPTY_SINCE = "{{ value_json.since if value_json.status|default('unknown') in ['vacant','unattended'] else 'None' }}"
_TROUBLE = (
    "{{ {'fresh':'OFF','stale':'ON','offline':'ON','stuck':'ON'}.get(value_json.state|default('unknown'),'None') }}"
)
_AVAILABLE = "{{ value_json.state }}"
# Home Assistant ignores a word that is not among them.
_STATUSES: tuple[Status, ...] = ("closed", "staffed", "serving", "unattended", "vacant", "declared", "unknown")

_WORDS: dict[Language, dict[str, str]] = {
    "id": {
        "staff": "Petugas",
        "visitor": "Pengunjung",
        "status": "Status",
        "empty_since": "Kosong sejak",
        "staff_sensing": "Pengindraan petugas",
        "sensor": "Sensor",
        "floor": "Lantai",
    },
    "en": {
        "staff": "Staff",
        "visitor": "Visitor",
        "status": "Status",
        "empty_since": "Empty since",
        "staff_sensing": "Staff sensing",
        "sensor": "Sensor",
        "floor": "Floor",
    },
}

_CONFIG = re.compile(rf"{PREFIX}/device/hadir-({SLUG.pattern})/({SLUG.pattern})/config")


def config_topic(site: str, outlet: str) -> str:
    """Where the outlet is announced; "+" for a subscription."""
    return f"{PREFIX}/device/hadir-{site}/{outlet}/config"


def parse_config_topic(topic: str) -> tuple[str, str] | None:
    """Site and outlet of a topic of `config_topic`; None for any other."""
    match = _CONFIG.fullmatch(topic)
    return None if match is None else (match[1], match[2])


def announcement(
    site: Site,
    outlet: Outlet,
    language: Language,
    base_url: str | None,
    version: str,
    gone: Mapping[str, Platform] | None = None,
) -> tuple[str, bytes]:
    """Topic and payload that announce `outlet`, equal bytes for equal things.

    `base_url`: of the pages, http or https, without a slash at its end; None when there is none to lead to. `version`:
    ours. `gone`: components that were announced before and have to be taken away; without their names they would stay.
    """
    device: dict[str, Any] = {
        "ids": [_device_id(site.id, outlet.id)],
        "name": outlet.name if outlet.service is None else f"{outlet.name} — {outlet.service}",
        "mf": "Hadir",
        "mdl": "outlet",
        "sw": version,
    }
    origin = {"name": "hadir", "sw": version}
    if outlet.floor is not None:
        device["sa"] = f"{_WORDS[language]['floor']} {outlet.floor}"
    if base_url is not None:
        device["cu"] = f"{base_url}/sites/{site.id}/outlets/{outlet.id}"
        origin["url"] = f"{base_url}/"
    removed = {name: {"p": platform} for name, platform in (gone or {}).items()}
    message = {
        "dev": device,
        "o": origin,
        # Occupancy is retained and outlives a dead collector; its own status, with a will behind it, does not.
        "avty": [{"t": topics.collector_status(site.id), "val_tpl": _AVAILABLE}],
        "avty_mode": "all",
        "stat_t": topics.outlet_occupancy(site.id, outlet.id),
        "cmps": removed | _components(site.id, outlet, _WORDS[language]),
    }
    payload = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return config_topic(site.id, outlet.id), payload


def announced(payload: bytes) -> dict[str, Platform]:
    """The components of ours that `payload` announces; none of what is no announcement, nor those that it removes."""
    try:
        components = json.loads(payload)["cmps"].items()
        found = {name: one["p"] for name, one in components if one.get("uniq_id", "").startswith("hadir.")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: platform for name, platform in found.items() if platform in get_args(Platform)}


def state_topics(site: str, outlet: Outlet) -> list[str]:
    """The retained topics from which the entities of `outlet` take their states."""
    health = (topics.sensor_topic(site, sensor.id, "health") for sensor in outlet.sensors)
    return [topics.outlet_occupancy(site, outlet.id), *health]


def _device_id(site: str, outlet: str) -> str:
    return f"hadir.{site}.{outlet}"  # no slug has a dot


def _components(site: str, outlet: Outlet, words: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every entity. Of a zone that no sensor watches there is none."""
    watched = {sensor.zone for sensor in outlet.sensors}
    device_id = _device_id(site, outlet.id)

    def entity(platform: Platform, name: str, device_class: str, template: str, **more: Any) -> dict[str, Any]:
        shown = {"p": platform, "uniq_id": f"{device_id}.{name}", "name": words[name], "dev_cla": device_class}
        return shown | {"qos": 1, "val_tpl": template} | more

    found = {
        "status": entity("sensor", "status", "enum", _STATUS, ops=list(_STATUSES)),
        "empty_since": entity("sensor", "empty_since", "timestamp", _EMPTY_SINCE),
    }
    for zone in ("staff", "visitor"):
        if zone in watched:
            found[zone] = entity("binary_sensor", zone, "occupancy", _OCCUPIED % zone)
    if "staff" in watched:
        found["staff_sensing"] = entity(
            "binary_sensor", "staff_sensing", "problem", _UNSENSED % "staff", ent_cat="diagnostic"
        )
    for sensor in outlet.sensors:
        health = topics.sensor_topic(site, sensor.id, "health")
        found[f"sensor_{sensor.id}"] = {
            **entity("binary_sensor", "sensor", "problem", _TROUBLE, ent_cat="diagnostic", stat_t=health),
            "uniq_id": f"{device_id}.sensor.{sensor.id}",
            "name": f"{words['sensor']} {sensor.id}",
        }
    return found
