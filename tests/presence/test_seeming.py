from __future__ import annotations

import pytest

from presence.seeming import seeming_kind, seeming_zone


@pytest.mark.parametrize(
    ("names", "values", "kind"),
    [
        (("0x00158d0001a2b3c4", "Aqara Motion sensor P1"), ["occupancy", "battery"], "pir"),
        (("0x54ef", "Aqara Presence sensor FP1E"), ["presence"], "mmwave"),
        (("esp-im1", "ESPHome"), ["binary_sensor/zone_1_presence", "binary_sensor/moving_target"], "direct"),
        (("dk1", None), ["presence", "moving_energy", "still_energy_g3"], "mmwave"),
        (("pintu-warga", "Aqara Motion sensor P1"), ["occupancy"], "pir"),
        (("pintu-depan", "TuYa Contact sensor"), ["contact"], "contact"),
        (("sr04", "ESP32"), ["distance"], "distance"),
        (("udara", "SCD41"), ["co2", "temperature", "humidity"], "ambient"),
        (("x", None), [], "direct"),
        (("radar pir_combo", None), ["presence"], "mmwave"),
    ],
)
def test_a_kind_is_proposed_by_names_and_values(names: tuple[str, str | None], values: list[str], kind: str):
    assert seeming_kind(*names, values) == kind


@pytest.mark.parametrize(
    ("names", "zone"),
    [(("loket-3", None), "staff"), (("radar_warga", None), "visitor"), (("x", "Shelly Plug S"), "equipment")],
)
def test_a_side_is_proposed_by_names(names: tuple[str, str | None], zone: str):
    assert seeming_zone(*names) == zone
