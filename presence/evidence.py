"""Evidence: what one reading says about presence, as a natural-log likelihood ratio; positive favours presence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from presence.site import Sensor, SensorKind


@dataclass(frozen=True, slots=True)
class Model:
    """How the reports of one kind of sensor are weighed.

    `llr_*`: natural-log likelihood ratio of one independent report that says moving, present without moving, absent.
    Reports that say the same again are not independent: one counts for `elapsed / independent_after_ms` of a report, at
    most `longest_run`, whatever the rate at which they come. `silence_repeats`: a sensor of this kind speaks when
    something changes, so while its last word is one of these (1.0 present, 0.0 absent) every `independent_after_ms` of
    silence says it once more.
    """

    llr_moving: float
    llr_present: float
    llr_absent: float
    independent_after_ms: int
    longest_run: float
    silence_repeats: tuple[float, ...] = ()

    def llr(self, values: dict[str, float]) -> float | None:
        """The ratio of one report by itself; None when it does not speak of presence."""
        present = values.get("presence")
        if present is None:
            return None
        if not present:
            return self.llr_absent
        return self.llr_moving if values.get("moving") else self.llr_present


# A radar seldom sees somebody where nobody is, and then for seconds; it does lose a person who sits still, for half a
# minute and more. So presence is believed after a second or two, absence after some ten seconds of nothing else.
_RADAR = Model(llr_moving=3.5, llr_present=2.5, llr_absent=-1.2, independent_after_ms=3_000, longest_run=4.0)

# A PIR hardly sees motion where nobody moves, and does not see who sits still: a minute without motion says little, ten
# of them say that nobody is there. One motion is believed at once, however long it was quiet before.
_PIR = Model(
    llr_moving=5.5,
    llr_present=5.5,
    llr_absent=-0.5,
    independent_after_ms=60_000,
    longest_run=1.0,
    silence_repeats=(0.0,),
)

# Seat mats, contacts and thermal arrays see who sits still; each report is believed, either way.
_SURE = Model(llr_moving=5.5, llr_present=5.5, llr_absent=-5.5, independent_after_ms=10_000, longest_run=4.0)

DEFAULT_MODELS: dict[SensorKind, Model] = {"mmwave": _RADAR, "pir": _PIR, "contact": _SURE, "thermal": _SURE}
# Our bridges hand on report after report; the dialects of others say what changed and are silent.
_RADAR_ON_CHANGE = replace(_RADAR, silence_repeats=(0.0, 1.0))


def default_model(sensor: Sensor) -> Model | None:
    """How the reports of a sensor without a calibration are weighed; None: not at all, or it is taken at its word."""
    on_change = sensor.source is not None and sensor.source.convention not in (None, "native")
    return _RADAR_ON_CHANGE if on_change and sensor.kind == "mmwave" else DEFAULT_MODELS.get(sensor.kind)
