"""MQTT to spool: in its order, prepared once, acknowledged when it is on disk; what is let go is said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from collector.conventions.convention import Message
from collector.intake import Intake, Own
from presence.readings import Reading
from transport.disk_queue import DiskQueue
from transport.session import Received

START = 1_795_000_000_000


def received(topic: str, qos: int = 0, payload: bytes = b"ON") -> Received:
    return Received(topic, payload, qos, retain=False, content_type=None, expiry_s=None, token=0)


def own(name: str, at_ms: int = START) -> Own:
    return Own("mpp", [Reading(name, at_ms, {"online": 0.0})])


class Kept:
    """An intake whose messages become readings named after their topics, and what it did."""

    def __init__(self, path: Path, max_bytes: int = 2**30) -> None:
        self.prepared: list[str] = []
        self.acknowledged: list[str] = []
        self.let_go: list[tuple[int, int]] = []
        self.spool = DiskQueue(path, max_bytes=max_bytes, ballast_bytes=0)
        self.intake = Intake(self.spool, self._acknowledge, self._prepare, self._lost)

    def _acknowledge(self, messages: Sequence[Received]) -> None:
        self.acknowledged += [one.topic for one in messages]

    def _prepare(self, message: Message) -> Sequence[Own]:
        self.prepared.append(message.topic)
        return [own(message.topic)] if message.payload == b"ON" else []

    def _lost(self, from_ms: int, to_ms: int) -> Sequence[Own]:
        self.let_go.append((from_ms, to_ms))
        return [own("lost")]

    def rows(self) -> list[str]:
        """The sensors of the readings that are put on disk now, in their order."""
        return [row.content.readings[0].sensor for row in self.intake.spool() if isinstance(row.content, Own)]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def make(**more: int) -> Kept:
        made.append(Kept(tmp_path / "spool.db", **more))
        return made[-1]

    yield make
    for one in made:
        one.spool.close()


def test_what_happens_to_a_session_stands_between_the_messages_before_it_and_after_it(kept: Callable[..., Kept]):
    here = kept()
    here.intake.receive(received("a"), START)
    here.intake.note(lambda: [own("gone")], START)
    here.intake.receive(received("b"), START - 3_600_000)  # the clock was set back
    assert here.rows() == ["a", "gone", "b"]
    assert here.acknowledged == ["a", "b"]


def test_until_it_is_on_disk_a_note_is_waited_for_as_a_message_is(kept: Callable[..., Kept]):
    here = kept()
    here.intake.note(lambda: [own("gone")], START)
    assert here.intake.oldest_ms == START
    assert here.rows() == ["gone"]
    assert here.intake.oldest_ms is None


def test_when_the_disk_takes_no_more_messages_wait_prepared_once_and_not_acknowledged(kept: Callable[..., Kept]):
    here = kept(max_bytes=200_000)
    for size in (1000, 1):
        while here.intake.write_down([own("x" * size)]):
            pass
    here.intake.receive(received("a", qos=1), START)
    here.intake.note(lambda: [own("gone")], START + 1)
    for _ in range(3):
        assert here.intake.spool() == []
    assert (here.prepared, here.acknowledged, here.intake.oldest_ms) == (["a"], [], START)
    last_id = here.spool.last_id()
    here.spool.drop_through(last_id)
    assert here.rows() == ["a", "gone"]
    assert (here.prepared, here.acknowledged, here.intake.oldest_ms) == (["a"], ["a"], None)


def test_whose_messages_may_have_been_let_go_is_told_behind_all_that_waited(kept: Callable[..., Kept]):
    here = kept()
    for number in range(100_002):
        here.intake.receive(received("many", payload=b""), START + number)
    here.intake.receive(received("sure", qos=1), START + 200_000)
    rows: list[str] = []
    while here.intake.oldest_ms is not None:
        rows += here.rows()
    assert rows == ["sure", "lost"]
    assert len(here.prepared) == 100_001
    assert here.let_go == [(START + 100_000, START + 100_001)]
