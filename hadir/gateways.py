"""The gateways that a command is about: from a site file, or as the broker keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hadir.settings import Settings
from presence.errors import BadInput
from presence.gateway_settings import GatewaySettings, gateway_settings
from presence.site import SLUG

if TYPE_CHECKING:
    from presence.site import Site


_ANY = "+"  # as topics say it
_NOT_KEPT = "it keeps no settings: name the bridge's own file by --site FILE, or apply the site and run `hadir up`"


def from_site_file(file: str, gateway: str) -> GatewaySettings:
    """The settings of `gateway` as a site file has them. Raises BadInput."""
    site = _site(file)
    if gateway not in (each.id for each in site.gateways):
        known = ", ".join(each.id for each in site.gateways) or "none"
        raise BadInput(file, f'no gateway "{gateway}"', field="gateways", remedy=f"known: {known}")
    return _built(site, gateway)


def gateway_named(settings: Settings, site: str | None, gateway: str | None) -> GatewaySettings:
    """The one called `gateway`, or the only one. `site`: file or id. Raises BadInput, Unreachable."""
    known = _known(settings, site)
    found = [each for each in known if gateway in (None, each.gateway)]
    what = f'gateway "{gateway}"' if gateway else "gateway"
    return _only(found, known, what, flag="--site" if gateway else "--gateway", where=_where(settings, site))


def gateway_with(settings: Settings, site: str | None, sensor: str) -> GatewaySettings:
    """The one that `sensor` is on. `site`: file or id. Raises BadInput, Unreachable."""
    known, where = _known(settings, site), _where(settings, site)
    found = [each for each in known if any(port.id == sensor for port in each.sensors)]
    if not found and known:
        names = ", ".join(f"{each.site}/{port.id}" for each in known for port in each.sensors) or "none"
        raise BadInput(where, f'no sensor "{sensor}"', remedy=f"known: {names}")
    return _only(found, known, f'gateway with sensor "{sensor}"', flag="--site", where=where)


def reached_with(settings: Settings, site: str | None, sensor: str) -> GatewaySettings:
    """The same; of a broker that keeps no settings, any gateway of the site called `site`, by the name `+`.

    A bridge may have its settings from a file. Raises BadInput, Unreachable.
    """
    if site is not None and not _is_file(site) and not _known(settings, None):
        return GatewaySettings(version=1, site=site, gateway=_ANY)
    return gateway_with(settings, site, sensor)


def _only(
    found: list[GatewaySettings], known: list[GatewaySettings], what: str, *, flag: str, where: str
) -> GatewaySettings:
    names = ", ".join(f"{each.site}/{each.gateway}" for each in found or known)
    if not found:
        remedy = f"known: {names}" if names else _NOT_KEPT
        raise BadInput(where, f"no {what}", remedy=remedy)
    if len(found) > 1:
        raise BadInput(where, f"more than one {what}: {names}", remedy=f"name one by {flag}")
    return found[0]


def _known(settings: Settings, site: str | None) -> list[GatewaySettings]:
    from firmware_bridge.remote import Remote

    if _is_file(site):
        read = _site(str(site))
        return [_built(read, gateway.id) for gateway in read.gateways]
    with Remote(settings.broker_address()) as remote:
        kept = remote.settings()
    of_site = [each for each in kept if site in (None, each.site)]
    if kept and not of_site:
        sites = ", ".join(sorted({each.site for each in kept}))
        remedy = f"known: {sites}; or name the bridge's own file by --site FILE"
        raise BadInput(settings.broker_address().url, f'no site "{site}"', remedy=remedy)
    return of_site


def _where(settings: Settings, site: str | None) -> str:
    return str(site) if _is_file(site) else settings.broker_address().url


def _is_file(site: str | None) -> bool:
    return site is not None and (Path(site).is_file() or not SLUG.fullmatch(site))


def _site(file: str) -> Site:
    from hadir.commands.site import read_site_file
    from presence.site_file import parse_site

    return parse_site(read_site_file(Path(file)), file)


def _built(site: Site, gateway: str) -> GatewaySettings:
    import msgspec

    return msgspec.convert(gateway_settings(site, gateway), GatewaySettings)
