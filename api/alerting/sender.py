"""Delivers what is in the queue: at least once, each message of an alert to a recipient after the one before it.

A recipient who does not answer holds up nobody else: one message to each is under way at a time, and four in all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from api.channels import Channel, scheme_of
from api.channels.errors import NotDelivered
from presence.alerts.escalation import Recipient, contact_of
from presence.site import Site
from storage.record import Record
from storage.record.alerts import Pending, body_of, mark_failed, mark_sent, pending

_log = logging.getLogger("hadir.engine")

_AT_ONCE = 4
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_GIVE_UP_AFTER_MS = 24 * 3_600_000
_LOOK_EVERY_S = 0.5
_STOP_WITHIN_S = 5.0


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
        self._under_way: dict[tuple[str, Recipient], threading.Thread] = {}
        self._failing: dict[tuple[str, Recipient], str] = {}
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
                waiting = self._begin()
                self._wake.wait(_LOOK_EVERY_S if waiting else None)
        except BaseException as error:  # noqa: BLE001 -- raised in the engine's thread, by `check`
            self._failure = error

    def _begin(self) -> bool:
        """Begin to deliver what is due; whether anything is left that is not under way."""
        # Before the queue is read: a delivery that ends in between has left the queue's rows as they were read.
        with self._lock:
            under_way = set(self._under_way)
        with self._record.reading() as connection:
            queue = pending(connection)
        now_ms = self._clock()
        blocked: set[tuple[str, Recipient]] = set()
        waiting = False
        for message in queue:
            if self._site_of(message.site) is None:
                waiting = True
                continue
            line = (message.alert, message.recipient)
            to = (message.site, message.recipient)
            first, due = line not in blocked, message.next_try_ms <= now_ms
            blocked.add(line)
            if to in under_way:
                continue
            with self._lock:
                if not (first and due) or len(self._under_way) >= _AT_ONCE:
                    waiting = True
                    continue
                delivery = threading.Thread(
                    target=self._deliver, args=(message,), name=f"send {message.key}", daemon=True
                )
                self._under_way[to] = delivery
            under_way.add(to)
            delivery.start()
        return waiting

    def _deliver(self, message: Pending) -> None:
        """Try one message once, and note what came of it."""
        to = (message.site, message.recipient)
        try:
            self._try(message)
        except BaseException as error:  # noqa: BLE001 -- raised in the engine's thread, by `check`
            self._failure = error
        finally:
            with self._lock:
                del self._under_way[to]
            self._wake.set()

    def _try(self, message: Pending) -> None:
        with self._record.reading() as connection:
            body = body_of(connection, message.key)
        try:
            self._send(message, body.encode())
        except NotDelivered as error:
            self._note_failure(message, error)
            return
        # A power cut may take this back: then it is sent again, with the same key.
        with self._record.writing(durable=False) as connection:
            mark_sent(connection, message.key, self._clock())
        if self._failing.pop((message.site, message.recipient), None):
            _log.info("%s: delivered again", _named(message))

    def _send(self, message: Pending, body: bytes) -> None:
        site = self._site_of(message.site)
        contact = None if site is None else contact_of(site, message.recipient)
        if contact is None or contact.channel is None:
            raise NotDelivered("is not in the site's registry any more, or has no channel", again=False)
        channel = self._channels.get(scheme_of(contact.channel))
        if channel is None:
            raise NotDelivered(f"channel {scheme_of(contact.channel)} does not act yet", again=False)
        channel.send(contact.channel, message.key, body, self._clock())

    def _note_failure(self, message: Pending, error: NotDelivered) -> None:
        now_ms = self._clock()
        pause_s = self._random() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(message.attempts, 20))
        next_try_ms: int | None = now_ms + round(1000 * max(pause_s, error.after_s or 0.0))
        why = str(error)
        if not error.again:
            next_try_ms = None
        elif next_try_ms is not None and next_try_ms - message.due_ms > _GIVE_UP_AFTER_MS:
            next_try_ms, why = None, f"{why}; given up after 24 h"
        with self._record.writing(durable=False) as connection:
            mark_failed(connection, message.key, why, next_try_ms)
        if next_try_ms is None:
            _log.error("%s: %s: %s; not tried again", _named(message), message.key, why)
        elif self._failing.get((message.site, message.recipient)) != why:
            _log.warning("%s: %s; trying again", _named(message), why)
        self._failing[message.site, message.recipient] = why


def _named(message: Pending) -> str:
    recipient = message.recipient
    return f"{message.site}: contact {recipient.contact}" + (f" of {recipient.agency}" if recipient.agency else "")
