"""What of a site's registry an open page needs to know as it changes, so that it makes itself anew only when it must.

An absence that is declared, maintenance, and who stands in for a contact change the registry many times a day. None of
them changes what is where on a page: they come by the feed. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from presence.alerts.substitution import in_force
from presence.intervals import Span, union
from presence.site import Absence, Maintenance, Site

_DIGEST_LENGTH = 12


def layout(site: Site) -> str:
    """A digest of what pages are made of; whose page was made with another one loads it anew."""
    return _digest(replace(site, absences=(), maintenance=(), substitutes=()))


def answering(site: Site, now_ms: int) -> str:
    """A digest of who stands in at `now_ms`, and of who ever did: whom to call, and the names of who was told."""
    return _digest((in_force(site, now_ms), site.substitutes))


def answers_otherwise(site: Site, before_ms: int, now_ms: int) -> bool:
    """Whether somebody began or ended to stand in since `before_ms`, of which the record says nothing."""
    return any(before_ms < edge_ms <= now_ms for one in site.substitutes for edge_ms in (one.from_ms, one.to_ms))


def muted(site: Site, now_ms: int) -> Mapping[str, Sequence[Span]]:
    """When no alert comes of an outlet, from `now_ms` on; outlets of which none does are left out."""
    found: dict[str, list[Span]] = {}
    declared: Iterable[Absence | Maintenance] = (*site.absences, *site.maintenance)
    for one in declared:
        if one.outlet is not None and one.to_ms > now_ms:
            found.setdefault(one.outlet, []).append(Span(one.from_ms, one.to_ms))
    return {outlet: union(spans) for outlet, spans in found.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:_DIGEST_LENGTH]
