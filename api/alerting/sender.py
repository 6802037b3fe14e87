"""Delivers what is in the queue: at least once, each message of an alert to a recipient after the one before it.

A recipient who does not answer holds up nobody else: one delivery to each is under way at a time, and four in all. It
is one message, or over a channel that people read a group of them, which arrives or fails together.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from api.channels import Channel, scheme_of
from api.channels.errors import NotDelivered
from presence.alerts.escalation import Recipient, contact_of
from presence.alerts.group_message import group_body
from presence.alerts.grouping import Waiting, group_key, together
from presence.site import Contact, Site
from storage.record import Record
from storage.record.alerts import Pending, body_of, last_sent_ms, mark_failed, mark_sent, pending

_log = logging.getLogger("hadir.engine")

_AT_ONCE = 4
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_GIVE_UP_AFTER_MS = 24 * 3_600_000
_LOOK_EVERY_S = 0.5
_STOP_WITHIN_S = 5.0

# A contact at a site.
_Addressee = tuple[str, Recipient]


class Sender:
    """Delivers until it is stopped. `site_of`: the registry of a site, None for one that is another engine's business.

    `clock`: epoch ms. `random`: in [0, 1), for pauses of full jitter, from 1 s doubling to 5 min, for 24 h.
    """

    def __init__(
        self,
        record: Record,
        site_of: Callable[[str], Site | None],
        channels: Mapping[str, Channel],
        clock: Callable[[], int],
        random: Callable[[], float],
    ) -> None:
        self._record = record
        self._site_of = site_of
        self._channels = channels
        self._clock = clock
        self._random = random
        self._wake = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._under_way: dict[_Addressee, threading.Thread] = {}
        self._failing: dict[_Addressee, str] = {}
        self._last_sent_ms: dict[_Addressee, int | None] = {}
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something new in the queue."""
        self._wake.set()

    def check(self) -> None:
        """Raises what ended the sender, if something did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Begin nothing new, and wait some seconds for what is under way; what is cut off goes out again next time."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_WITHIN_S)
        with self._lock:
            under_way = list(self._under_way.values())
        for delivery in under_way:
            delivery.join(_STOP_WITHIN_S / len(under_way))

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                self._wake.wait(self._begin())
        except BaseException as error:  # noqa: BLE001 -- raised in the engine's thread, by `check`
            self._failure = error

    def _begin(self) -> float | None:
        """Begin to deliver what is due; in how many seconds to look again at what is left, None: when woken."""
        # Before the queue is read: a delivery that ends in between has left the queue's rows as they were read.
        with self._lock:
            under_way = set(self._under_way)
        with self._record.reading() as connection:
            queue = pending(connection)
        now_ms = self._clock()
        pauses: list[float] = []
        for to, line in _lines(queue).items():
            if to in under_way:
                continue
            due, pause_s = self._due(to, line, now_ms)
            with self._lock:
                if not due or len(self._under_way) >= _AT_ONCE:
                    pauses.append(pause_s)
                    continue
                delivery = threading.Thread(target=self._deliver, args=(due,), name=f"send {due[0].key}", daemon=True)
                self._under_way[to] = delivery
            delivery.start()
        return min(pauses, default=None)

    def _due(self, to: _Addressee, line: Sequence[Pending], now_ms: int) -> tuple[list[Pending], float]:
        """What goes to one recipient as one now, and if nothing does, in how many seconds to look again."""
        site_id, recipient = to
        if self._site_of(site_id) is None:
            return [], _LOOK_EVERY_S
        contact = self._contact(to)
        channel = None if contact is None else self._channel(contact)
        if channel is None or not channel.grouped:
            return _first_due(line, now_ms), _LOOK_EVERY_S
        if to not in self._last_sent_ms:
            with self._record.reading() as connection:
                self._last_sent_ms[to] = last_sent_ms(connection, site_id, recipient)
        waiting = [Waiting(message.key, message.alert, message.next_try_ms) for message in line]
        keys, look_again_ms = together(waiting, self._last_sent_ms[to], now_ms)
        pause_s = _LOOK_EVERY_S if look_again_ms is None else (look_again_ms - now_ms) / 1000
        return [message for message in line if message.key in keys], min(pause_s, _LOOK_EVERY_S)

    def _deliver(self, messages: Sequence[Pending]) -> None:
        """Try what goes together once, and note what came of it."""
        try:
            self._try(messages)
        except BaseException as error:  # noqa: BLE001 -- raised in the engine's thread, by `check`
            self._failure = error
        finally:
            with self._lock:
                del self._under_way[_addressee(messages[0])]
            self._wake.set()

    def _try(self, messages: Sequence[Pending]) -> None:
        to = _addressee(messages[0])
        with self._record.reading() as connection:
            bodies = [body_of(connection, message.key) for message in messages]
        site = self._site_of(to[0])
        if site is None:
            return  # another engine's business by now
        try:
            self._send(site, to, *self._composed(messages, bodies))
        except NotDelivered as error:
            self._note_failure(messages, error)
            return
        sent_ms = self._clock()
        # A power cut may take this back: then it is sent again, with the same key.
        with self._record.writing(durable=False) as connection:
            for message in messages:
                mark_sent(connection, message.key, sent_ms)
        self._last_sent_ms[to] = sent_ms
        if self._failing.pop(to, None):
            _log.info("%s: delivered again", _named(to))

    def _composed(self, messages: Sequence[Pending], bodies: Sequence[str]) -> tuple[str, bytes]:
        """Key and body of what goes: a message's own, or those of a group."""
        keys = [message.key for message in messages]
        if len(keys) == 1:
            return keys[0], bodies[0].encode()
        parsed = [(key, json.loads(body)) for key, body in zip(keys, bodies, strict=True)]
        body = json.dumps(group_body(parsed, self._clock()), ensure_ascii=False, separators=(",", ":"))
        return group_key(messages[0].recipient.contact, keys), body.encode()

    def _send(self, site: Site, to: _Addressee, key: str, body: bytes) -> None:
        contact = contact_of(site, to[1])
        if contact is None or contact.channel is None:
            raise NotDelivered("is not in the site's registry any more, or has no channel", again=False)
        channel = self._channel(contact)
        if channel is None:
            raise NotDelivered(f"channel {scheme_of(contact.channel)} does not act yet", again=False)
        channel.send(contact.channel, key, body, self._clock())

    def _contact(self, to: _Addressee) -> Contact | None:
        site_id, recipient = to
        site = self._site_of(site_id)
        return None if site is None else contact_of(site, recipient)

    def _channel(self, contact: Contact) -> Channel | None:
        return None if contact.channel is None else self._channels.get(scheme_of(contact.channel))

    def _note_failure(self, messages: Sequence[Pending], error: NotDelivered) -> None:
        to, why = _addressee(messages[0]), str(error)
        # The newest of a group says how long to wait: it is not held up by what has failed for hours.
        attempts = min(message.attempts for message in messages)
        pause_s = self._random() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempts, 20))
        next_try_ms = self._clock() + round(1000 * max(pause_s, error.after_s or 0.0)) if error.again else None
        noted = [(message, *_verdict(message, why, next_try_ms)) for message in messages]
        with self._record.writing(durable=False) as connection:
            for message, said, at_ms in noted:
                mark_failed(connection, message.key, said, at_ms)
        for message, said, at_ms in noted:
            if at_ms is None:
                _log.error("%s: %s: %s; not tried again", _named(to), message.key, said)
        if any(at_ms is not None for _, _, at_ms in noted) and self._failing.get(to) != why:
            _log.warning("%s: %s; trying again", _named(to), why)
        self._failing[to] = why


def _addressee(message: Pending) -> _Addressee:
    return message.site, message.recipient


def _lines(queue: Iterable[Pending]) -> dict[_Addressee, list[Pending]]:
    """The queue of each recipient, in its order."""
    lines: dict[_Addressee, list[Pending]] = {}
    for message in queue:
        lines.setdefault(_addressee(message), []).append(message)
    return lines


def _first_due(line: Iterable[Pending], now_ms: int) -> list[Pending]:
    """The first message that is due and waits for no earlier one of its alert."""
    blocked: set[str] = set()
    for message in line:
        if message.alert not in blocked and message.next_try_ms <= now_ms:
            return [message]
        blocked.add(message.alert)
    return []


def _verdict(message: Pending, why: str, next_try_ms: int | None) -> tuple[str, int | None]:
    """What is noted of a message that failed: why, and when it is tried again."""
    if next_try_ms is not None and next_try_ms - message.due_ms > _GIVE_UP_AFTER_MS:
        return f"{why}; given up after 24 h", None
    return why, next_try_ms


def _named(to: _Addressee) -> str:
    site_id, recipient = to
    return f"{site_id}: contact {recipient.contact}" + (f" of {recipient.agency}" if recipient.agency else "")
