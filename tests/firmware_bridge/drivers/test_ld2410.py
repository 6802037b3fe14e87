"""What must always hold of the LD2410 decoder, and how it keeps its device in the configured mode."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.commands import Ask, decode_reply, encode_command
from firmware_bridge.dialogue import Dialogue, Outcome
from firmware_bridge.drivers import ld2410
from firmware_bridge.emulators.ld2410 import INTERVAL_MS, Ld2410Emulator
from firmware_bridge.emulators.target import Target
from firmware_bridge.hilink import LONGEST, OVERHEAD, frame
from firmware_bridge.resync import Damage, Decoded, Result
from presence.errors import BadInput, DamagedFrame

BASIC = bytes.fromhex("f4f3f2f10d0002aa0251000000003b00005500f8f7f6f5")
ENGINEERING = bytes.fromhex(
    "f4f3f2f1230001aa031e003c000039000008083c220503030403060500003910130606080460015500f8f7f6f5"
)
FRAGMENTS = st.sampled_from(
    [b"\xf4", b"\xf4\xf3\xf2\xf1", b"\x0d\x00", b"\x23\x00", b"\xfd\xfc\xfb\xfa", b"\x55\x00\xf8\xf7\xf6\xf5", BASIC]
)
STREAMS = st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS, st.just(ENGINEERING)), max_size=20)


def results(*chunks: bytes) -> list[Result]:
    decoder = ld2410.driver({})
    return [result for chunk in chunks for result in decoder.feed(chunk)]


@given(STREAMS)
def test_any_bytes_in_any_chunks_give_the_same_and_never_more_than_one_frame_is_kept(chunks: list[bytes]) -> None:
    decoder = ld2410.driver({})
    found = []
    for chunk in chunks:
        found += decoder.feed(chunk)
        assert len(decoder._unread) < LONGEST + OVERHEAD
    assert found == results(b"".join(chunks))


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([BASIC, ENGINEERING])), max_size=8))
def test_frames_in_noise_are_all_found(pieces: list[tuple[bytes, bytes]]) -> None:
    # Noise without the first byte of a header cannot claim what follows it.
    quiet = [(noise.translate(None, b"\xf4\xfd"), whole) for noise, whole in pieces]
    assert results(*(noise + whole for noise, whole in quiet)) == results(*(whole for _, whole in quiet))
    assert len(results(*(noise + whole for noise, whole in quiet))) == len(pieces)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (BASIC[:4] + b"\x10\x00", "impossible length 16"),
        (BASIC[:4] + b"\xff\xff", "impossible length 65535"),
        (b"\xfd\xfc\xfb\xfa\x01\x00", "impossible length 1"),
        (b"\xfd\xfc\xfb\xfa\x81\x00", "impossible length 129"),
        (BASIC[:8] + b"\x07" + BASIC[9:], "unknown state 7"),
        (BASIC[:7] + b"\xab" + BASIC[8:], "unknown report 02 ab"),
        (ENGINEERING[:6] + b"\x02" + ENGINEERING[7:], "length 35 does not fit report 02"),
        (BASIC[:6] + b"\x01" + BASIC[7:], "length 13 does not fit report 01"),
        (BASIC[:-1] + b"\xf4", "wrong tail"),
    ],
)
def test_damage_is_told_with_its_place_and_the_next_frame_is_read(damaged: bytes, reason: str) -> None:
    damage, reading = results(b"\0" * 10 + damaged + BASIC)
    assert damage == Damage(10, reason)
    assert reading == results(BASIC)[0]


def test_an_engineering_report_of_fewer_gates_that_do_not_fit_its_length_is_damaged() -> None:
    short = bytes.fromhex("f4f3f2f1110001aa0196002100000096000406 0908 5500f8f7f6f5")
    assert [type(result) for result in results(short)] == [Damage]


def test_a_device_without_a_configured_mode_is_left_alone() -> None:
    decoder = ld2410.driver({})
    decoder.feed(BASIC)
    assert [decoder.outgoing(at) for at in (0, 9_999)] == [b"", b""]


class Talk:
    """Both sides over a perfect line."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.radar = Ld2410Emulator(1)
        self.decoder = ld2410.driver(config)
        self.dialogue = Dialogue(ld2410, self.decoder, config)

    def go_on(self, from_ms: int, to_ms: int) -> list[Decoded]:
        """What the decoder reads in that time."""
        read: list[Decoded] = []
        for at in range(from_ms, to_ms, 10):
            arriving = self.radar.report(at) if at % INTERVAL_MS == 0 else b""
            if sent := self.dialogue.outgoing(at):
                arriving += self.radar.receive(sent)
            for result in self.decoder.feed(arriving):
                assert not isinstance(result, Damage)
                if isinstance(result, Decoded):
                    read.append(result)
                else:
                    self.dialogue.answered(result.whole)
        return read


def test_engineering_mode_is_set_at_the_start_and_again_when_the_device_has_lost_it() -> None:
    talk = Talk({"engineering": True})
    talk.radar.target = Target("still", 0.8, 60)
    assert "light_raw" in talk.go_on(0, 1_000)[-1].values
    assert (talk.dialogue.firmware, talk.dialogue.trouble) == ("2.04.23022511", None)

    talk.radar.engineering = False  # a power cut
    assert "light_raw" not in talk.go_on(1_000, 30_000)[-1].values
    assert "light_raw" in talk.go_on(30_000, 32_000)[-1].values


def test_engineering_mode_can_be_switched_off() -> None:
    talk = Talk({"engineering": False})
    talk.radar.engineering = True
    assert "light_raw" not in talk.go_on(0, 1_000)[-1].values


def test_every_setting_is_written_read_back_and_told() -> None:
    talk, told = Talk({}), list[Outcome]()
    talk.dialogue.ask(
        [
            Ask("set_max_gates", {"moving": 6, "still": 4, "timeout": 30}),
            Ask("set_gate_sensitivity", {"gate": 3, "moving": 41, "still": 42}),
            Ask("set_light_control", {"function": "below", "threshold": 99, "out_default": 1}),
            *ld2410.SETTINGS,
        ],
        told.append,
    )
    talk.go_on(0, 2_000)
    (outcome,) = told
    assert outcome.problem is None
    settings = {name: value for _, reply in outcome.replies for name, value in reply.items()}
    assert (settings["max_moving_gate"], settings["max_still_gate"], settings["timeout"]) == (6, 4, 30)
    assert (settings["moving_sensitivity"][3], settings["still_sensitivity"][3]) == (41, 42)
    assert (settings["function"], settings["threshold"], settings["out_default"]) == ("below", 99, 1)
    assert len(outcome.read_back) == 3


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("fly", {}, 'ld2410: no command "fly"; known: '),
        ("set_max_gates", {"moving": 9, "still": 8, "timeout": 5}, "ld2410: set_max_gates.moving: 9 cannot be used; "),
        ("set_max_gates", {"moving": 8, "still": 8}, "ld2410: set_max_gates.timeout: is missing; give a whole number"),
        ("restart", {"now": True}, "ld2410: restart.now: not known; give no arguments"),
        ("set_baud", {"baud": 1}, "ld2410: set_baud.baud: 1 cannot be used; give one of 9600, "),
        (
            "set_gate_sensitivity",
            {"gate": 3.0, "moving": 40, "still": 40},
            "ld2410: set_gate_sensitivity.gate: 3.0 cannot be used; give one of all, 0, ",
        ),
        ("set_bluetooth_password", {"password": "rahasia"}, "ld2410: set_bluetooth_password.password: not 6 printable"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(command: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as wrong:
        encode_command(ld2410, command, args)
    assert str(wrong.value).startswith(message)


def test_a_refusal_is_no_damage_and_a_reply_to_another_command_is() -> None:
    refused = bytes.fromhex("fdfcfbfa0400a001010004030201")
    assert decode_reply(ld2410, "read_firmware", {}, refused) == {"ok": False}
    with pytest.raises(DamagedFrame):
        decode_reply(ld2410, "read_mac", {}, refused)
    with pytest.raises(DamagedFrame):
        decode_reply(ld2410, "read_firmware", {}, bytes.fromhex("fdfcfbfa0400a001000004030201"))
    with pytest.raises(DamagedFrame):
        decode_reply(ld2410, "enable_config", {}, frame(0xFF, b"\x01\x00"))


@pytest.mark.parametrize("config", [{"engineering": "yes"}, {"enginering": True}])
def test_a_configuration_that_is_not_understood_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        ld2410.driver(config)
