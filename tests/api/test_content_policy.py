"""A page may run, draw and embed what is ours alone; that the browser tests would see it otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.parts import Parts
from storage.record import Record
from tests.fixtures.hall import NOWHERE
from tests.fixtures.mall import NOW
from tests.fixtures.web import served

_BREACHES = {
    "script": "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))",
    "handler": "document.body.setAttribute('onclick', 'window.ran = 1')",
    "style": "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')",
    "image": "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))",
}


@pytest.mark.parametrize("complains", [False, True])
@pytest.mark.parametrize("breach", _BREACHES)
def test_what_the_policy_forbids_is_refused_and_seen(
    record: Record, browse: Callable[..., Page], complaints: list[str], breach: str, complains: bool
):
    with served(Parts(record=record, broker=NOWHERE, now=lambda: NOW)) as url:
        page = browse(f"{url}/login", complains=complains)
        page.evaluate(_BREACHES[breach])
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("window.ran") is None
    assert [said for said in complaints if "Content Security Policy" in said]
    complaints.clear()
