"""docs/remote-settings.md: every command in it is run, and every form in it is what comes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from presence import topics
from presence.gateway_settings import GatewaySettings, SensorPort
from tests.firmware_bridge.test_remote_settings import Asker, asking, bridging
from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.played_device import PlayedDevice
from tests.fixtures.pseudo_terminal import PseudoTerminal
from transport.session import Message

DOCUMENT = (Path(__file__).parents[2] / "docs" / "remote-settings.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [block.split("```")[0] for block in DOCUMENT.split(f"```{language}\n")[1:]]


def commands(program: str) -> list[list[str]]:
    """The words after `program` of each command line."""
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == program]


def form(number: int) -> Any:
    return json.loads(blocks("json")[number])


def without_chance(told: Any) -> Any:
    """A form without what differs from device to device and from day to day."""
    return {**told, "at": "", "settings": {**told["settings"], "mac": ""}}


@pytest.fixture
def radar(pseudo_terminal: Callable[[str], PseudoTerminal], played_device: Callable[..., PlayedDevice]) -> PlayedDevice:
    return played_device(pseudo_terminal("radar"))


@pytest.fixture
def asker(radar: PlayedDevice, mosquitto: RunningBroker, hadir: Hadir, tmp_path: Path) -> Iterator[Asker]:
    """One who asks the radar of the document, which has a bridge and is online."""
    hadir.environment["HADIR_BROKER"] = mosquitto.url
    sensor = SensorPort(id="dk1-radar", driver="ld2410", port=str(radar.terminal.path))
    with asking(mosquitto.url, "mpp-contoh") as made, bridging(mosquitto.url, tmp_path / "bridge") as start:
        given = GatewaySettings(version=1, site="mpp-contoh", gateway="gw", sensors=(sensor,))
        topic = topics.gateway_topic("mpp-contoh", "gw", "settings")
        made.session.publish(Message(topic, msgspec.json.encode(given), retain=True))
        start(None)
        eventually(lambda: made.state("dk1-radar") == "online")
        yield made


def test_what_is_typed_by_people_works(asker: Asker, hadir: Hadir) -> None:
    examples = [words for words in commands("hadir") if "--port" not in words]
    assert len(examples) == 5
    for words in examples:
        ran = hadir.run(*words)
        assert (ran.returncode, ran.stderr) == (0, ""), words


def test_a_device_on_the_bench_is_asked_directly(radar: PlayedDevice, hadir: Hadir) -> None:
    (words,) = (words for words in commands("hadir") if "--port" in words)
    ran = hadir.run(*(str(radar.terminal.path) if word.startswith("/dev/") else word for word in words))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "max_moving_gate" in ran.stdout


def test_a_program_gets_the_answers_and_the_settings_that_stand_there(asker: Asker) -> None:
    (words,) = commands("mosquitto_rr")
    given = dict(zip(words[::2], words[1::2], strict=False))  # every option takes one word up to -D, which takes three
    message = Message(
        given["-t"],
        words[words.index("-m") + 1].encode(),
        response_topic=given["-e"],
        correlation=words[words.index("correlation-data") + 1].encode(),
    )
    assert given["-e"] == asker.mine
    asker.session.publish(message)
    (answer,) = eventually(lambda: asker.answered(b"17"))
    assert answer == form(0)
    told = eventually(lambda: asker.settings("dk1-radar"))
    assert without_chance(told) == without_chance(form(2))

    wrong = json.loads(message.payload)
    wrong["args"]["moving"] = 9
    assert asker.ask(wrong, sensor="dk1-radar") == form(1)


def test_a_program_that_wants_no_answer_is_obeyed(asker: Asker) -> None:
    (words,) = commands("mosquitto_pub")
    asker.session.publish(Message(words[words.index("-t") + 1], words[words.index("-m") + 1].encode()))
    eventually(lambda: asker.settings("dk1-radar"))
    assert asker.settings("dk1-radar")["settings"]["resolution"] == 0.2
