"""Why a message that was understood says nothing, in one line, and what to write: for whoever decodes it by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from collector.conventions.convention import Heard, Message
from collector.conventions.lorawan import PROFILES
from hadir.one_message import NATIVE, Decoders, Said
from presence.errors import DamagedFrame

_NOTHING = "understood, but nothing in it speaks of presence or a quantity"
_BATCH = "decode both with --batch, this one with `needs`"
_INPUT = re.compile(r"input:\d+", re.ASCII)


class Asked(NamedTuple):
    """As what the messages of a topic are decoded, as the command line has it."""

    topic: str
    convention: str | None = None
    profile: str | None = None
    config: Mapping[str, Any] | None = None

    def decoders(self) -> Decoders:
        """Those that decode it; they know nothing yet."""
        made = Decoders(self.convention, self.profile, self.config)
        if self.convention is not None:
            made.learn_topic(self.topic)
        return made

    def heard(self, message: Message) -> list[Heard] | None:
        """What is heard in it by who knows nothing yet; None when it is damaged."""
        try:
            return _every(self.decoders().hear(message) or [])
        except DamagedFrame:
            return None


def hint(asked: Asked, message: Message, said: Sequence[Said] | None) -> str | None:
    """What to tell of a message of which this was `said` (None: it is damaged); None when that speaks for itself."""
    heard = None if said is None else _every(said)
    if heard is not None and any(map(_speaks, heard)):
        values = [one for one in heard if one.values or one.presences]
        if message.retain and values and all(one.at_ms is None and one.age_ms is None for one in values):
            return "a retained message without a time is no evidence: the collector takes no value of it"
        return _of_names_alone(asked, message, said or ())
    if _better_without_newline(asked, message, damaged=heard is None):
        return "it ends with a newline, and is understood without: mosquitto_sub -N and printf '%s' add none"
    if said is None:
        return None  # the error says what is wrong
    reasons = (_likely(one.convention, asked, message) for one in said)
    reason = next((reason for reason in reasons if reason is not None), None)
    return _NOTHING if reason is None else f"{_NOTHING}; {reason}"


def _of_names_alone(asked: Asked, message: Message, said: Sequence[Said]) -> str | None:
    """What to write of an input that speaks by its name, and of nothing as a whole; None: it is none."""
    name = _input(message) if any(one.convention == "shelly" for one in said) else None
    if name in (None, *(asked.config or ())) or any("presence" in one.values for one in _every(said)):
        return None
    config = f"""--source-config '{{"{name}": "occupancy"}}'"""
    return f"{name} counts where it is claimed by --presence {name}, and for the whole by {config}"


def _every(said: Sequence[Said]) -> list[Heard]:
    return [one for each in said for one in each.heard]


def _speaks(heard: Heard) -> bool:
    """Whether it says more than that somebody is alive."""
    told = heard.values or heard.presences or heard.unknown or heard.online is not None
    return bool(told) or heard.announced or heard.scope != "sensor"


def _better_without_newline(asked: Asked, message: Message, *, damaged: bool) -> bool:
    if not message.payload.endswith(b"\n"):
        return False
    without = asked.heard(message._replace(payload=message.payload[:-1]))
    return without is not None and (damaged or any(map(_speaks, without)))


def _likely(convention: str, asked: Asked, message: Message) -> str | None:
    """The likely reason why `convention` heard nothing; None: none is likelier than that there is nothing."""
    topic = message.topic
    if convention == NATIVE and message.retain:
        return "a retained message without a time is no evidence"
    if convention in ("chirpstack", "ttn_v3") and topic.endswith("/up"):
        return _profile(convention, asked.profile, message)
    if convention == "homie" and "$" not in topic:
        return f"its $description or $datatype was not heard: {_BATCH}"
    if convention == "sparkplug_b" and ("/DDATA/" in topic or "/NDATA/" in topic):
        return f"its birth, which names its metrics, was not heard: {_BATCH}"
    if convention == "esphome" and "/sensor/" in topic:
        return f"its unit, which its discovery tells (homeassistant/sensor/…/config), was not heard: {_BATCH}"
    return None


def _input(message: Message) -> str | None:
    found = _INPUT.search(f"{message.topic} {message.payload.decode(errors='replace')}")
    return None if found is None else found[0]


def _profile(convention: str, profile: str | None, message: Message) -> str:
    """LoRaWAN: the profile is that of another model, or there is none. Those that find something are tried out."""
    finding: list[str] = []
    telling: list[str] = []  # of presence
    for name in PROFILES:
        heard = Asked(message.topic, convention, name).heard(message) or []
        if any(map(_speaks, heard)):
            finding.append(name)
        if any("presence" in one.values or one.presences for one in heard):
            telling.append(name)
    found = f" (something is found by {', '.join(telling or finding)})" if finding else ""
    if profile is None:
        return f"a LoRaWAN device needs --profile, that of its model{found}"
    return f"profile {profile} finds nothing on fPort {_port(message.payload)}: is it another model{found}?"


def _port(payload: bytes) -> object:
    """The fPort of an uplink, which Protobuf's JSON leaves out when it is 0."""
    body = msgspec.json.decode(payload)
    uplink = body.get("uplink_message")
    return uplink.get("f_port", 0) if isinstance(uplink, dict) else body.get("fPort", 0)
