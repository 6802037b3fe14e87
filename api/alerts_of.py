"""Which alerts somebody is shown: those of a site, of an outlet with its duties and sensors, and of what he sees."""

from __future__ import annotations

from fastapi import HTTPException, Request

from api.access import Sight, sight_of
from api.asked import site_of, sites_of
from presence.alerts.subjects import SubjectType
from presence.site import Site
from storage.record.alert_list import Among


def among_of(request: Request, site_id: str | None, outlet_id: str | None) -> Among | None:
    """What the alerts are about; None: everything, sites that are no longer registered too. Raises 404."""
    sight = sight_of(request)
    if site_id is None and outlet_id is None and sight == Sight():
        return None
    sites = [*sites_of(request).values()] if site_id is None else [site_of(request, site_id)]
    if outlet_id is None:
        return {site.id: seen_of(sight, site) for site in sites}
    its = [site for site in sites if any(one.id == outlet_id for one in site.outlets)]
    found = {site.id: of_outlet(sight, site, outlet_id) for site in its if sight.sees_outlet(site, outlet_id)}
    if not found:
        raise HTTPException(404, f'no outlet "{outlet_id}"' + (f' at site "{site_id}"' if site_id else ""))
    return found


def seen_of(sight: Sight, site: Site) -> dict[SubjectType, set[str]] | None:
    """What of `site` is seen; None: all of it."""
    if sight.agency is None:
        return None
    return {
        "outlet": {one.id for one in site.outlets if sight.sees_subject(site, "outlet", one.id)},
        "duty": {one.id for one in site.duties if sight.sees_subject(site, "duty", one.id)},
    }


def of_outlet(sight: Sight, site: Site, outlet_id: str) -> dict[SubjectType, set[str]]:
    """What concerns the outlet and is seen: itself, duties that it is part of, its sensors."""
    duties = {one.id for one in site.duties if outlet_id in one.outlets}
    sensors = {one.id for outlet in site.outlets if outlet.id == outlet_id for one in outlet.sensors}
    found: dict[SubjectType, set[str]] = {"outlet": {outlet_id}, "duty": duties, "sensor": sensors}
    return {kind: {one for one in ids if sight.sees_subject(site, kind, one)} for kind, ids in found.items()}
