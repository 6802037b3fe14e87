from __future__ import annotations

from collector.conventions.hearers import HEARS_FOR_MS, MOST_DEVICES, MOST_HEARERS, Hearers


def test_the_only_gateway_that_hears_a_device_is_its_gateway():
    hearers = Hearers()
    assert hearers.gateway_of("d") is None
    hearers.heard("d", "g1", 0)
    assert hearers.gateway_of("d") == "g1"
    hearers.said("g1", online=False)
    assert hearers.gateway_of("d") == "g1"


def test_a_device_that_two_gateways_hear_depends_on_none_of_them():
    hearers = Hearers()
    hearers.heard("d", "g1", 0)
    hearers.heard("d", "g2", 1000)
    assert hearers.gateway_of("d") is None


def test_when_one_of_two_gateways_dies_the_device_depends_on_the_other():
    hearers = Hearers()
    hearers.heard("d", "g1", 1000)
    hearers.heard("d", "g2", 0)
    hearers.said("g1", online=False)
    assert hearers.gateway_of("d") == "g2"
    hearers.said("g2", online=False)
    assert hearers.gateway_of("d") == "g2", "whoever goes last takes the device along"


def test_a_will_that_is_said_again_is_no_second_death():
    hearers = Hearers()
    hearers.heard("d", "g1", 0)
    hearers.heard("d", "g2", 0)
    hearers.said("g1", online=False)
    hearers.said("g2", online=False)
    hearers.said("g1", online=False)
    assert hearers.gateway_of("d") == "g2"


def test_who_has_not_heard_it_for_two_minutes_hears_it_no_more():
    hearers = Hearers()
    hearers.heard("d", "g2", 0)
    hearers.heard("d", "g1", HEARS_FOR_MS + 1)
    assert hearers.gateway_of("d") == "g1"


def test_a_gateway_that_passes_something_on_is_there():
    hearers = Hearers()
    hearers.heard("d", "g1", 0)
    hearers.heard("d", "g2", 0)
    hearers.said("g1", online=False)
    hearers.heard("other", "g1", 500)
    assert hearers.gateway_of("d") is None


def test_it_remembers_bounded_many_devices_and_gateways_of_each():
    hearers = Hearers()
    hearers.pin(["d"])
    for n in range(10):
        hearers.heard("d", f"g{n}", n)
    for n in range(2 * MOST_DEVICES):
        hearers.heard(f"x{n}", "g9", n)
    assert len(hearers._hearers) == MOST_DEVICES + 1
    assert hearers._hearers.get("d") == {f"g{n}": n for n in range(10 - MOST_HEARERS, 10)}
