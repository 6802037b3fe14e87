"""One thing of a site changed: what it is made of stays as it is."""

from __future__ import annotations

import pytest

from presence.registry import AGENCY, NotAsWanted, Place, changed
from presence.site import Agency, Contact
from tests.builders import outlet, site

# Of a time when a telephone was any text.
OLD = Contact(id="budi", name="Budi", phone="0812 3456 (Budi)")
BALAI = site(outlets=[outlet("a-1", agency="dinas")], agencies=(Agency(id="dinas", name="Dinas", contacts=(OLD,)),))
DINAS = Place(AGENCY, id="dinas")


def test_an_agency_is_renamed_whatever_its_contacts_were_allowed_to_be():
    (renamed,) = changed(BALAI, DINAS, {"name": "Dinas Sosial"}).site.agencies
    assert renamed == Agency(id="dinas", name="Dinas Sosial", contacts=(OLD,))


def test_its_contacts_are_not_changed_with_it():
    with pytest.raises(NotAsWanted):
        changed(BALAI, DINAS, {"contacts": []})
