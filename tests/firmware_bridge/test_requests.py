"""A request becomes what a device is asked, and what came of it a reply; all that is wrong is one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firmware_bridge.commands import Ask
from firmware_bridge.dialogue import Busy, Outcome
from firmware_bridge.drivers import DRIVERS, ld2410
from firmware_bridge.port import PortGone
from firmware_bridge.requests import (
    DeviceWork,
    ListCommands,
    ReadSettings,
    Stream,
    asked_in,
    error_reply,
    list_reply,
    outcome_reply,
    settings_asks,
    settings_in,
    settings_message,
    settings_reply,
    work_of,
)
from presence.errors import BadInput

GATES = {"moving": 8, "still": 7, "timeout": 5}


def work(payload: Any) -> Any:
    return work_of(ld2410, asked_in(json.dumps(payload).encode()))


def test_a_command_is_asked_with_its_arguments() -> None:
    assert work({"command": "read_mac"}) == DeviceWork((Ask("read_mac"),), False)
    assert work({"command": "set_max_gates", "args": GATES}) == DeviceWork((Ask("set_max_gates", GATES),), True)


def test_several_commands_go_in_one_session() -> None:
    asked = work({"commands": [{"command": "set_max_gates", "args": GATES}, {"command": "restart"}]})
    assert asked == DeviceWork((Ask("set_max_gates", GATES), Ask("restart")), True)


def test_what_every_driver_can_be_asked() -> None:
    assert work({"command": "stream", "args": {"seconds": 60}}) == Stream(60)
    assert work({"command": "list"}) == ListCommands()
    asked = work({"command": "read_settings"})
    assert isinstance(asked, ReadSettings)
    assert [ask.command for ask in asked.asks] == [ask.command for ask in ld2410.SETTINGS]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"on", "command: no request: JSON is malformed"),
        (b"\xff\xfe", "command: no request: "),
        (b'{"command":"calibrate","args":{"seconds":' + b"[" * 300, "command: no request: too many brackets"),
        (b'{"command":"calibrate","args":{"seconds":' + b"[" * 250 + b"]" * 250 + b"}}", "ld2410: calibrate.seconds: "),
        (b"[]", "command: no request: Expected `object`"),
        (b"{}", 'command: no request; give "command" with its "args", or "commands"'),
        (b'{"command":"list","commands":[]}', "command: no request; give"),
        (b'{"command":"list","arguments":{}}', "command: no request: Object contains unknown field `arguments`"),
        (b'{"command":"set_bluetooth_password","args":"hush"}', "command: no request: Expected `object`, got `str`"),
        (b'{"commands":[]}', "command: commands: 0 commands; give 1 to 32"),
        (b'{"command":"explode\\n"}', 'ld2410: no command "explode\\n"; known: set_max_gates, '),
        (b'{"command":"end_config"}', 'ld2410: no command "end_config"; known: '),
        (b'{"command":"set_max_gates","args":{"moving":9}}', "ld2410: set_max_gates.moving: 9 cannot be used; give"),
        (b'{"command":"read_mac","args":{"x":1}}', "ld2410: read_mac.x: not known; give no arguments"),
        (b'{"command":"stream"}', "ld2410: stream.seconds: cannot be used; give seconds alone, a whole number from 1"),
        (b'{"command":"stream","args":{"seconds":3601}}', "ld2410: stream.seconds: cannot be used"),
        (b'{"command":"stream","args":{"seconds":true}}', "ld2410: stream.seconds: cannot be used"),
        (b'{"command":"list","args":{"x":1}}', "ld2410: list: takes no arguments; leave them out"),
        (b'{"commands":[{"command":"list"},{"command":"read_mac"}]}', "ld2410: list: cannot go with other commands"),
        (b'{"commands":[{"command":"restart"},{"command":"read_mac"}]}', "ld2410: restart: ends the session; ask for"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(payload: bytes, said: str) -> None:
    with pytest.raises(BadInput) as wrong:
        work_of(ld2410, asked_in(payload))
    assert str(wrong.value).startswith(said)


def test_a_password_is_in_no_error() -> None:
    ask = Ask("set_bluetooth_password", {"password": "much too long"})
    with pytest.raises(BadInput) as wrong:
        work_of(ld2410, (ask,))
    assert "much" not in str(error_reply("a", (ask,), wrong.value, "/dev/radar"))


READ = {"ok": True, "max_moving_gate": 8}


def test_a_reply_tells_what_each_command_told_and_what_was_read_back() -> None:
    asks = (Ask("set_max_gates", GATES),)
    outcome = Outcome([(asks[0], {"ok": True})], [(Ask("read_parameters"), READ)], None)
    replies = [{"command": "set_max_gates", "ok": True}]
    read_back = [{"command": "read_parameters", **READ}]
    assert outcome_reply("a", asks, outcome) == {
        "ok": True, "sensor": "a", "command": "set_max_gates", "replies": replies, "read_back": read_back
    }  # fmt: skip
    failed = outcome._replace(problem="set_max_gates was acknowledged, but read back moving is 7, not 8")
    assert outcome_reply("a", asks, failed) == {
        "ok": False, "sensor": "a", "command": "set_max_gates", "error": failed.problem, "cause": "device",
        "replies": replies, "read_back": read_back,
    }  # fmt: skip


def test_a_reply_to_several_commands_names_them_all() -> None:
    told = outcome_reply("a", (Ask("read_mac"), Ask("restart")), Outcome([], [], None))
    assert told == {"ok": True, "sensor": "a", "commands": ["read_mac", "restart"], "replies": [], "read_back": []}


def test_a_port_that_was_lost_is_named() -> None:
    told = outcome_reply("a", (Ask("read_mac"),), Outcome([], [], "was unplugged"), "/dev/radar")
    assert (told["error"], told["cause"]) == ("/dev/radar was unplugged", "port")


@pytest.mark.parametrize(
    ("error", "said", "cause"),
    [
        (PortGone("is not there"), "/dev/radar is not there", "port"),
        (Busy("16 requests wait"), "16 requests wait", "busy"),
        (BadInput("ld2410", "x" * 1000), "ld2410: " + "x" * 291 + "…", "request"),
        (BadInput("ld2410", "two\nlines"), "ld2410: two lines", "request"),
    ],
)
def test_an_error_is_one_line_with_its_cause(error: Any, said: str, cause: str) -> None:
    told = error_reply("a", (), error, "/dev/radar")
    assert told == {"ok": False, "sensor": "a", "command": None, "error": said, "cause": cause}


def test_settings_are_what_all_answers_tell_together() -> None:
    replies = [
        (Ask("read_firmware", optional=True), {"ok": True, "type": 256, "firmware": "2.04"}),
        (Ask("read_mac", optional=True), {"ok": False}),
        (Ask("read_parameter", {"n": 1}, "timeout"), {"ok": True, "value": 5}),
        (Ask("read_gate", {"gate": 1}, "gate_1"), {"ok": True, "moving": 4, "still": 5}),
    ]
    gate_1 = {"moving": 4, "still": 5}
    assert settings_in(replies) == {"type": 256, "firmware": "2.04", "timeout": 5, "gate_1": gate_1}
    told = settings_message(ld2410, {"timeout": 5}, firmware="2.04", at_ms=None)
    assert json.loads(told) == {"at": None, "driver": "ld2410", "firmware": "2.04", "settings": {"timeout": 5}}
    assert settings_reply("a", (Ask("read_settings"),), Outcome(replies[1:3], [], None)) == {
        "ok": True, "sensor": "a", "command": "read_settings",
        "replies": [{"command": "read_mac", "ok": False}, {"command": "read_parameter", "ok": True, "value": 5}],
        "read_back": [], "settings": {"timeout": 5},
    }  # fmt: skip


def test_the_list_tells_what_each_argument_may_be() -> None:
    told = list_reply(ld2410, "a", (Ask("list"),))
    listed = {one["command"]: one for one in told["commands"]}
    assert listed["set_gate_sensitivity"] == {
        "command": "set_gate_sensitivity",
        "args": {
            "gate": "one of all, 0, 1, 2, 3, 4, 5, 6, 7, 8",
            "moving": "a whole number from 0 to 100",
            "still": "a whole number from 0 to 100",
        },
        "writes": True,
    }
    assert listed["stream"]["args"] == {"seconds": "a whole number from 1 to 3600"}
    assert "enable_config" not in listed


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_can_be_listed_and_asked_for_its_settings(driver: str) -> None:
    module = DRIVERS[driver]
    json.dumps(list_reply(module, "a", (Ask("list"),)))
    if module.SETTINGS:
        assert work_of(module, (Ask("read_settings"),)) == ReadSettings(settings_asks(module))
