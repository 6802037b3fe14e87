"""Of which agency at which site a page or a form speaks, as far as whoever asks sees it."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import HTTPException, Request

from api.access import Sight, sight_of
from api.answers import address, preferences
from api.words import Words
from presence.site import Agency, Outlet, Site
from storage.record.alert_list import AlertRow


class Place(NamedTuple):
    """An agency at a site."""

    site: Site
    agency: str

    @property
    def sight(self) -> Sight:
        return Sight(self.agency, self.site.id)

    @property
    def registered(self) -> Agency:
        return next(one for one in self.site.agencies if one.id == self.agency)

    @property
    def outlets(self) -> list[Outlet]:
        return [outlet for outlet in self.site.outlets if outlet.agency == self.agency]

    def speaks_of(self, row: AlertRow) -> bool:
        """Whether an alert is of its outlets or duties."""
        return self.sight.sees_subject(self.site, row.alert.subject_type, row.alert.subject)

    def address(self, **query: str | None) -> str:
        """Of its page."""
        return address("/agency", site=self.site.id, agency=self.agency, **query)


def place_of(request: Request, site: Site, wanted: str | None) -> Place | None:
    """The agency that is asked for, the own one, or the only one; None: there is a choice. Raises 404."""
    own = sight_of(request).agency
    known = [one.id for one in site.agencies if any(outlet.agency == one.id for outlet in site.outlets)]
    if (own is not None and wanted not in (None, own)) or (wanted is not None and wanted not in known):
        raise HTTPException(404, f'no agency "{wanted}" at site "{site.id}"')
    chosen = own or wanted or (known[0] if len(known) == 1 else None)
    return None if chosen is None else Place(site, chosen)


def words_of(request: Request, site: Site) -> Words:
    """In the reader's language, on the site's clock."""
    return Words(preferences(request).lang, site.timezone)
