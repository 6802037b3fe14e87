"""What is said of the things that are kept without effect."""

from presence.site import Agency, Contact, Floor, Rule, Source, Step
from presence.site_file import inactive
from tests.builders import outlet, sensor, site


def test_a_site_of_what_this_version_does_has_nothing_inactive() -> None:
    radar = Source(gateway="gw", driver="ld2410", port="/dev/ttyUSB0")
    hook = "hadir+http://localhost:1/x"
    agency = Agency(id="dinas", name="Dinas", contacts=(Contact(id="a", name="A", channel=hook),))
    of_site = tuple(Contact(id=role, name=role, role=role, channel=hook) for role in ("technician", "facility_manager"))
    acting = site(
        outlets=[outlet(sensors=[sensor("a", kind="mmwave", source=radar), sensor("b", zone="visitor")])],
        agencies=(agency,),
        rules={"vacancy": Rule(), "unattended": Rule(off=True)},
        contacts=of_site,
        escalation={"people": (Step(after_ms=0, to="agency"), Step(after_ms=1, to="agency", repeat_ms=1))},
        floors=(Floor(floor=1),),
        homeassistant=True,
    )
    assert inactive(acting) == []


def test_what_is_kept_without_effect_is_said_once_for_all_alike() -> None:
    knx = Source(convention="knx", topic="knx/x")
    kept = site(
        outlets=[
            outlet("a-1", sensors=[sensor("p1", kind="ambient", source=knx), sensor("p2", kind="ambient")]),
            outlet("a-2", sensors=[sensor("m", source=Source(driver="rd03x"))]),
        ],
        contacts=(Contact(id="k", name="K", channel="tgram://{env:T}/1"),),
        escalation={
            "people": (Step(after_ms=0, to="agency", repeat_ms=1), Step(after_ms=1, to="agency")),
        },
        floors=(Floor(floor=1, plan="lantai-1.svg"), Floor(floor=2, plan="denah/lantai 2.dwg")),
    )
    assert inactive(kept) == [
        "convention knx is not understood yet: nothing is read from sensor p1 (outlet a-1)",
        "driver rd03x is not understood yet: nothing is read from sensor m (outlet a-2)",
        (
            "kind ambient says nothing about presence yet: readings are stored, without effect, "
            "of sensor p1 (outlet a-1), sensor p2 (outlet a-1)"
        ),
        "channel tgram:// is not served yet: nothing is sent to k of the site",
        "nobody is told when outlets stay empty: no contact with a channel that acts in agency dinas",
        (
            "nobody is told when sensors and gateways fail: the ladder technical leads to no contact with a channel "
            "that acts"
        ),
        "nobody is told when the whole site fails: the ladder site leads to no contact with a channel that acts",
        (
            'floor 2 is drawn without its plan: "denah/lantai 2.dwg" is not the name of an SVG or PNG file, '
            "such as lantai-1.svg"
        ),
    ]


def test_a_name_that_is_nearly_one_that_acts_is_asked_about() -> None:
    def said(driver: str, channel: str) -> list[str]:
        read = sensor("a", source=Source(gateway="gw", driver=driver, port="/dev/ttyUSB0"))
        told = Contact(id="k", name="K", channel=f"{channel}://host/x")
        kept = inactive(site(outlets=[outlet(sensors=[read])], contacts=(told,)))
        return [text.partition("; ")[2] for text in kept if not text.startswith("nobody is told")]

    assert said("lt2450", "htps") == ['did you mean "ld2450"?', 'did you mean "hadir+https"?']
    assert said("sen0359", "hadir+htp") == ['did you mean "sen0395"?', 'did you mean "hadir+http"?']
    assert said("zwave", "mailto") == ["", ""]
