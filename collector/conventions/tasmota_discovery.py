"""What a Tasmota device says of itself: where it speaks, its words, its switches.

    tasmota/discovery/<MAC>/config   {"t":topic,"ft":FullTopic,"tp":[cmnd,stat,tele],"onln":…,"ofln":…,
                                      "state":[OFF,ON,…],"swc":[mode, -1 for none],"swn":[name],"so":{"114":0|1},
                                      "hn":…,"mac":…,"md":…,"sw":…}

Source: tasmota/docs @9849ab9, hatasmota @ee69941.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from collector.conventions.convention import Heard, Onboard
from collector.conventions.payload import LONGEST_TOPIC, damaged

LONGEST_NAME: Final = 64  # of a word, a switch or a part of a topic; Tasmota's own limits are lower
_SWITCHES: Final = 32
TELE, STAT, CMND = "tele", "stat", "cmnd"
USUAL: Final = "%prefix%/%topic%/"
_PUSH_ON: Final = (13, 14)
_PUSH_ON_LASTS_S: Final = 1.0  # hatasmota's off delay
_SWITCH_EVENTS: Final = "114"  # the SetOption by which changes come as RESULT


class Device(msgspec.Struct, frozen=True):
    """What is known of a device. `full_topic`: learnt, None until then; `switches`: names by SwitchText -> `Switch<n>`.

    `first_switch`: the one that speaks for the whole, unless a `radar`, an LD2410 or LD2410S, was heard.
    """

    full_topic: str | None = None
    cmnd: str = CMND
    stat: str = STAT
    tele: str = TELE
    words: Mapping[str, float] = msgspec.field(default_factory=lambda: {"on": 1.0, "off": 0.0})
    online: Mapping[str, bool] = msgspec.field(default_factory=lambda: {"online": True, "offline": False})
    switches: Mapping[str, str] = {}
    first_switch: str = "Switch1"
    radar: bool = False

    def bases(self, full_topic: str, address: str) -> dict[str, str]:
        """Topics up to their last level -> what kind of message comes below."""
        kinds = {CMND: self.cmnd, STAT: self.stat, TELE: self.tele}
        return {filled(full_topic, prefix, address): kind for kind, prefix in kinds.items()}


UNKNOWN: Final = Device()


class Config(msgspec.Struct):
    """What of `tasmota/discovery/<MAC>/config` is read."""

    t: str
    ft: str
    tp: tuple[str, str, str] = (CMND, STAT, TELE)
    mac: str = ""
    hn: str = ""
    md: str | None = None
    sw: str | None = None
    onln: str = "Online"
    ofln: str = "Offline"
    state: list[str] = []
    swc: list[int] = []
    swn: list[str | None] = []
    so: dict[str, int] = {}


def is_topic(topic: str) -> bool:
    """Whether it can be the topic of a device, or a part of one."""
    return 0 < len(topic) <= LONGEST_TOPIC and not re.search(r"[+#\0]|^[$/]|/$|//", topic)


def filled(full_topic: str, prefix: str, address: str) -> str:
    """A topic up to its last level, without the slash before that."""
    return full_topic.replace("%prefix%", prefix).replace("%topic%", address).rstrip("/")


def template(full_topic: str, hostname: str = "", mac: str = "") -> str | None:
    """A FullTopic in which only %prefix% and %topic% are open; None when it has not each once, or others besides."""
    for token, known in (("%hostname%", hostname), ("%id%", mac)):
        if known:
            full_topic = full_topic.replace(token, known)
    if full_topic.count("%prefix%") != 1 or full_topic.count("%topic%") != 1:
        return None
    example = full_topic.replace("%prefix%", TELE).replace("%topic%", "t").removesuffix("/")
    return full_topic if "%" not in example and is_topic(example) else None


def config_of(body: Mapping[str, Any]) -> Config:
    """The parsed body of `config`. Raises DamagedFrame."""
    try:
        config = msgspec.convert(body, Config)
    except msgspec.ValidationError as error:
        raise damaged(f"no discovery: {error}") from None
    words = (config.t, config.onln, config.ofln, *config.tp, *config.state, *(name or "" for name in config.swn))
    if any(len(word) > LONGEST_NAME for word in words) or max(len(config.swn), len(config.swc)) > _SWITCHES:
        raise damaged("no discovery: names too long, or too many")
    if not all(is_topic(part) for part in (config.t, *config.tp)):
        raise damaged("no discovery: t or tp is no part of a topic")
    return config


def learnt(config: Config, before: Device) -> Device:
    """What is known of a device after its discovery. Raises DamagedFrame."""
    full_topic = template(config.ft, config.hn, config.mac)
    if full_topic is None:
        raise damaged("no discovery: ft is no FullTopic")
    off, on = _words(config)
    return Device(
        full_topic=full_topic,
        cmnd=config.tp[0],
        stat=config.tp[1],
        tele=config.tp[2],
        words={off.lower(): 0.0, on.lower(): 1.0},
        online={config.ofln.lower(): False, config.onln.lower(): True},
        switches={name: f"Switch{n}" for n, name in enumerate(config.swn, 1) if name},
        first_switch=next((f"Switch{n}" for n, mode in enumerate(config.swc, 1) if mode >= 0), "Switch1"),
        radar=before.radar,
    )


def _words(config: Config) -> tuple[str, str]:
    """For OFF and ON."""
    off, on = config.state[:2] if len(config.state) >= 2 else ("", "")
    return (off, on) if off and on and off.lower() != on.lower() else ("OFF", "ON")


def announced(config: Config, device: Device) -> Iterator[Heard]:
    """The switches that a device says it has; where it has none, the device."""
    named = [part for part in (config.md, f"Tasmota {config.sw}" if config.sw else None) if part]
    seems = ", ".join(named)[: 2 * LONGEST_NAME] or None
    modes = [(n, mode) for n, mode in enumerate(config.swc) if mode >= 0]
    if not modes:
        yield Heard(device=config.t, address=config.t, seems=seems)
    full_topic = device.full_topic or USUAL
    telemetry = filled(full_topic, device.tele, config.t)
    events = config.so.get(_SWITCH_EVENTS) == 1
    off, on = _words(config)
    for n, mode in modes:
        name = (config.swn[n] if n < len(config.swn) else None) or f"Switch{n + 1}"
        yield Heard(
            device=config.t,
            address=config.t,
            seems=seems,
            announced=True,
            onboard=Onboard(
                state_topic=f"{filled(full_topic, device.stat, config.t)}/RESULT" if events else f"{telemetry}/SENSOR",
                kind="switch",
                json_key=f"{name}.Action" if events else name,
                payload_on=on,
                payload_off=None if mode in _PUSH_ON else off,
                availability_topic=f"{telemetry}/LWT",
                payload_online=config.onln,
                switch=name,
                off_delay_s=_PUSH_ON_LASTS_S if mode in _PUSH_ON else None,
            ),
        )
