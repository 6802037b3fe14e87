"""What is worked out of a site's registry, made once for as long as the site and who stands in for whom stay so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from presence.alerts.substitution import in_force
from presence.site import Site, Substitute

Made = TypeVar("Made")


class OfSites(Generic[Made]):
    """Keeps what `make` makes of each site, and of the part of it that each agency sees."""

    def __init__(self, make: Callable[[Site, int], Made]) -> None:
        self._make = make
        self._kept: dict[tuple[str, str | None], tuple[Site, tuple[Substitute, ...], Made]] = {}

    def of(self, site: Site, now_ms: int, agency: str | None = None) -> Made:
        """What is made of `site` as of `now_ms`. `agency`: whose part of the site it is; None: nobody's.

        The site itself says whether what is kept is of it, and neither a version, which may be that of the site as it
        became meanwhile, nor who asks: of a part nothing ever stands for the whole. As long as nothing changes its
        outlets are the same objects, so that comparing them costs little.
        """
        key, standing_in = (site.id, agency), in_force(site, now_ms)
        kept = self._kept.get(key)
        made = kept[2] if kept is not None and kept[:2] == (site, standing_in) else self._make(site, now_ms)
        self._kept[key] = site, standing_in, made
        return made
