import pytest

from hadir.composition import idle_webhook_secrets, relying_party, unset_secrets
from hadir.settings import Settings
from presence.errors import BadInput
from presence.site import Contact
from tests.builders import site


def test_contacts_whose_secrets_are_not_set_are_named() -> None:
    channels = {
        "both": "hadir+https://:{env:A}@host/{env:B}/{env:A}",
        "one": "hadir+https://:{env:B}@host/{env:SET}",
        "none": "hadir+https://:{env:SET}@host/",
        "other": "tgram://{env:A}/1",
    }
    contacts = tuple(Contact(id=name, name=name, channel=channel) for name, channel in channels.items())
    of = "of the site cannot be told of anything"
    assert list(unset_secrets(site(contacts=(*contacts, Contact(id="x", name="X"))), {"SET": "s", "B": ""})) == [
        f"contact both {of}: A, B are not set in the environment",
        f"contact one {of}: B is not set in the environment",
    ]


def test_the_secret_of_an_issuers_client_is_looked_up_and_shown_nowhere() -> None:
    settings = Settings(
        oidc_issuer="https://sso.example/kota", oidc_client_id="hadir", oidc_client_secret="{env:OIDC_SECRET}"
    )
    made = relying_party(settings, {"OIDC_SECRET": "rahasia"})
    assert made is not None
    assert made.name == "sso.example"
    assert "rahasia" not in repr(vars(made))
    with pytest.raises(BadInput, match=r"^HADIR_OIDC_CLIENT_SECRET: \{env:OIDC_SECRET\} names no environment variable"):
        relying_party(settings, {})
    assert relying_party(Settings(), {}) is None


def test_a_webhook_secret_of_no_site_is_told():
    name = "HADIR_WEBHOOK_SECRET"
    environ = {f"{name}_MPP_CONTOH": "a", f"{name}_MPP_u_CONTOH": "b", f"{name}_MPP_CONTHO": "c", "HADIR_DATA": "d"}
    assert list(idle_webhook_secrets(["mpp-contoh"], environ)) == [
        f"{one} belongs to no registered site; docs/configuration.md says how it is named"
        for one in (f"{name}_MPP_CONTHO", f"{name}_MPP_u_CONTOH")
    ]
    assert list(idle_webhook_secrets(["mpp-contoh", "mpp_contoh", "mpp-contho"], environ)) == []
