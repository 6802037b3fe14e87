from __future__ import annotations

from collector.conventions.hearing import HEARS_FOR_MS, MOST_DEVICES, MOST_HEARERS, Hearing


def test_the_only_gateway_that_hears_a_device_is_its_gateway():
    hearing = Hearing()
    assert hearing.gateway_of("d") is None
    hearing.heard("d", "g1", 0)
    assert hearing.gateway_of("d") == "g1"
    hearing.said("g1", online=False)
    assert hearing.gateway_of("d") == "g1"


def test_a_device_that_two_gateways_hear_depends_on_none_of_them():
    hearing = Hearing()
    hearing.heard("d", "g1", 0)
    hearing.heard("d", "g2", 1000)
    assert hearing.gateway_of("d") is None


def test_when_one_of_two_gateways_dies_the_device_depends_on_the_other():
    hearing = Hearing()
    hearing.heard("d", "g1", 1000)
    hearing.heard("d", "g2", 0)
    hearing.said("g1", online=False)
    assert hearing.gateway_of("d") == "g2"
    hearing.said("g2", online=False)
    assert hearing.gateway_of("d") == "g2", "whoever goes last takes the device along"


def test_a_will_that_is_said_again_is_no_second_death():
    hearing = Hearing()
    hearing.heard("d", "g1", 0)
    hearing.heard("d", "g2", 0)
    hearing.said("g1", online=False)
    hearing.said("g2", online=False)
    hearing.said("g1", online=False)
    assert hearing.gateway_of("d") == "g2"


def test_who_has_not_heard_it_for_two_minutes_hears_it_no_more():
    hearing = Hearing()
    hearing.heard("d", "g2", 0)
    hearing.heard("d", "g1", HEARS_FOR_MS + 1)
    assert hearing.gateway_of("d") == "g1"


def test_a_gateway_that_passes_something_on_is_there():
    hearing = Hearing()
    hearing.heard("d", "g1", 0)
    hearing.heard("d", "g2", 0)
    hearing.said("g1", online=False)
    hearing.heard("other", "g1", 500)
    assert hearing.gateway_of("d") is None


def test_it_remembers_bounded_many_devices_and_gateways_of_each():
    hearing = Hearing()
    hearing.pin(["d"])
    for n in range(10):
        hearing.heard("d", f"g{n}", n)
    for n in range(2 * MOST_DEVICES):
        hearing.heard(f"x{n}", "g9", n)
    assert len(hearing._hearers) == MOST_DEVICES + 1
    assert hearing._hearers.get("d") == {f"g{n}": n for n in range(10 - MOST_HEARERS, 10)}
