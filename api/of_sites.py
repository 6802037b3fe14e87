"""What is worked out of a site's registry, made once for as long as the site stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from presence.site import Site

Made = TypeVar("Made")


class OfSites(Generic[Made]):
    """Keeps what `make` makes of each site, and of the part of it that each agency sees."""

    def __init__(self, make: Callable[[Site], Made]) -> None:
        self._make = make
        self._kept: dict[tuple[str, str | None], tuple[Site, Made]] = {}

    def of(self, site: Site, agency: str | None = None) -> Made:
        """What is made of `site`. `agency`: whose part of the site it is; None: nobody's.

        The site itself says whether what is kept is of it, and neither a version, which may be that of the site as it
        became meanwhile, nor who asks: of a part nothing ever stands for the whole. As long as nothing changes its
        outlets are the same objects, so that comparing them costs little.
        """
        key = site.id, agency
        kept = self._kept.get(key)
        made = kept[1] if kept is not None and kept[0] == site else self._make(site)
        self._kept[key] = site, made
        return made
