"""The conventions of others, a line each, and who of them listens to a topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collector.conventions.bthome import Bthome
from collector.conventions.chirpstack import Chirpstack
from collector.conventions.convention import Convention
from collector.conventions.disruptive import Disruptive
from collector.conventions.esphome import Esphome
from collector.conventions.ha_discovery import HaDiscovery
from collector.conventions.homie import Homie
from collector.conventions.payload import LONGEST_TOPIC
from collector.conventions.senml import Senml
from collector.conventions.shelly import Shelly
from collector.conventions.sparkplug_b import SparkplugB
from collector.conventions.tasmota import Tasmota
from collector.conventions.theengs import Theengs
from collector.conventions.ttn_v3 import TtnV3
from collector.conventions.zigbee2mqtt import Zigbee2mqtt

# In the order in which they are asked whose a topic is: those with names of their own first, ESPHome's `+/status` last.
CONVENTIONS: Mapping[str, Callable[[], Convention]] = {
    convention.NAME: convention
    for convention in (
        HaDiscovery,
        Zigbee2mqtt,
        Tasmota,
        Shelly,
        SparkplugB,
        Homie,
        Chirpstack,
        TtnV3,
        Theengs,
        Bthome,
        Disruptive,
        Senml,
        Esphome,
    )
}

_TOPICS_KEPT = 65_536


class Listeners:
    """Which of `conventions` are to hear a topic; the answer is remembered, of bounded many topics."""

    def __init__(self, conventions: Sequence[Convention]) -> None:
        self._conventions = conventions
        self._known: dict[str, tuple[Convention, ...]] = {}

    def of(self, topic: str) -> tuple[Convention, ...]:
        """The conventions that own `topic`, in their order, up to the first exclusive one."""
        found = self._known.get(topic)
        if found is None:
            found = self._find(topic)
            if len(topic) <= LONGEST_TOPIC:
                if len(self._known) >= _TOPICS_KEPT:
                    self._known.clear()
                self._known[topic] = found
        return found

    def _find(self, topic: str) -> tuple[Convention, ...]:
        chosen: list[Convention] = []
        for convention in self._conventions:
            if convention.owns(topic):
                chosen.append(convention)
                if convention.EXCLUSIVE:
                    break
        return tuple(chosen)

    def changed(self) -> None:
        """The conventions listen to other topics than before."""
        self._known.clear()
