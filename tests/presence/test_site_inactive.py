"""What is said of the things that are kept without effect."""

from presence.site import Contact, Floor, Rule, Source, Step
from presence.site_file import inactive
from tests.builders import outlet, sensor, site


def test_a_site_of_what_this_version_does_has_nothing_inactive() -> None:
    radar = Source(gateway="gw", driver="ld2410", port="/dev/ttyUSB0")
    webhook = Contact(id="a", name="A", channel="hadir+http://localhost:1/x")
    acting = site(
        outlets=[outlet(sensors=[sensor("a", kind="mmwave", source=radar), sensor("b", zone="visitor")])],
        rules={"vacancy": Rule(), "unattended": Rule(off=True)},
        contacts=(webhook,),
        escalation={"people": (Step(after_ms=0, to="agency"),)},
        floors=(Floor(floor=1),),
    )
    assert inactive(acting) == []


def test_what_is_kept_without_effect_is_said_once_for_all_alike() -> None:
    z2m = Source(convention="zigbee2mqtt", topic="zigbee2mqtt/x")
    kept = site(
        outlets=[
            outlet("a-1", sensors=[sensor("p1", kind="pir", source=z2m), sensor("p2", kind="pir")]),
            outlet("a-2", rules={"unattended": Rule()}, sensors=[sensor("m", source=Source(driver="mysensors"))]),
        ],
        rules={"late_opening": Rule(), "low_battery": Rule()},
        contacts=(Contact(id="k", name="K", channel="tgram://{env:T}/1"),),
        escalation={
            "people": (Step(after_ms=0, to="agency", repeat_ms=1), Step(after_ms=1, to="agency")),
            "site": (Step(after_ms=0, to="technician"),),
        },
        floors=(Floor(floor=2, plan="lantai-2.svg"),),
        homeassistant=True,
    )
    assert inactive(kept) == [
        "convention zigbee2mqtt is not understood yet: nothing is read from sensor p1 (outlet a-1)",
        "driver mysensors is not understood yet: nothing is read from sensor m (outlet a-2)",
        (
            "kind pir says nothing about presence yet: readings are stored, without effect, "
            "of sensor p1 (outlet a-1), sensor p2 (outlet a-1)"
        ),
        "alerts of kind late_opening, low_battery do not fire yet: kept are the rules of the site",
        "alerts of kind unattended do not fire yet: kept are the rules of outlet a-2",
        "there is no late phase without late_opening: vacancy is armed from the opening on",
        "channel tgram:// is not served yet: nothing is sent to k of the site",
        "escalation people stops after its first step yet: kept are 1 later step",
        "escalation people does not repeat yet: kept are the repeats of 1 step",
        "escalation site does not act yet: its alerts do not fire",
        "floor plans are not shown yet: kept are those of floor 2",
        "outlets are not announced to Home Assistant yet",
    ]


def test_a_name_that_is_nearly_one_that_acts_is_asked_about() -> None:
    def said(driver: str, channel: str) -> list[str]:
        read = sensor("a", source=Source(gateway="gw", driver=driver, port="/dev/ttyUSB0"))
        told = Contact(id="k", name="K", channel=f"{channel}://host/x")
        return [text.partition("; ")[2] for text in inactive(site(outlets=[outlet(sensors=[read])], contacts=(told,)))]

    assert said("ld2411", "htps") == ['did you mean "ld2410"?', 'did you mean "hadir+https"?']
    assert said("ld241o", "hadir+htp") == ['did you mean "ld2410"?', 'did you mean "hadir+http"?']
    assert said("mysensors", "mailto") == ["", ""]
