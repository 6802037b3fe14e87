"""What a device that nobody claimed may be, by what it calls itself and what it tells: a proposal; people decide.

Names are those that makers and conventions use (`docs/conventions.md`). What gives no sign is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from presence.quantities import quantity
from presence.site import SensorKind, ZoneName

Kind = TypeVar("Kind", SensorKind, ZoneName)

_RADAR_VALUES = re.compile(r"(moving|still)_(energy|distance|strength).*|moving|still|target_count|speed\d?")
# The first that is found counts: "PIR motion sensor with mmWave" is a radar.
_NAMES: tuple[tuple[SensorKind, str], ...] = (
    ("mmwave", r"mm[- ]?wave|radar|ld2\d{3}|\bfp[12]e?\b|\b(24|60) ?ghz|human presence|still"),
    ("thermal", r"thermal|thermopile|amg88|mlx90|grid-?eye|\bpanas"),
    ("contact", r"contact|door|window|reed|magnet|pintu|\bseat|kursi|mat\b"),
    ("distance", r"distance|ultraso|\btof\b|vl53|hc-?sr04|jarak"),
    ("pir", r"\bpir\b|motion|occupancy|gerak|movement"),
)
_ZONES: tuple[tuple[ZoneName, str], ...] = (
    ("equipment", r"plug|socket|outlet power|printer|\bpc\b|power|\balat\b|komputer"),
    ("visitor", r"visitor|customer|front|queue|guest|warga|pengunjung|tamu|depan|antre"),
)


def seeming_kind(device: str, model: str | None, values: Iterable[str]) -> SensorKind:
    """What its readings say about presence. `device`: as people called it, which is trusted last."""
    told = [*values]
    if any(_RADAR_VALUES.fullmatch(name) for name in told):
        return "mmwave"
    keys = [name for name in told if quantity(name) is None]
    for text in (model or "", " ".join(keys), device):
        if kind := _first(_NAMES, text):
            return kind
    if not told or keys or "presence" in told:
        return "direct"
    return "distance" if "distance" in told else "ambient"


def seeming_zone(device: str, model: str | None) -> ZoneName:
    """The side that it watches: the officer's, unless its names say otherwise."""
    return _first(_ZONES, f"{device} {model or ''}") or "staff"


def _first(known: Iterable[tuple[Kind, str]], text: str) -> Kind | None:
    plain = text.replace("_", " ").lower()
    return next((kind for kind, pattern in known if re.search(pattern, plain)), None)
