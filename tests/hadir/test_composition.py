from hadir.composition import unset_secrets
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
