"""How a process hears that it is to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def stop_at(*signals: signal.Signals) -> threading.Event:
    """An event that is set when one of `signals` arrives. Called once, in the main thread, before threads are started.

    The signals are blocked and a thread waits for them: a handler that sets the event itself could run while its own
    thread holds the lock of that event, and wait for ever.
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    for number in signals:
        # As shells leave SIGINT to what they start with `&`; an ignored signal need not reach who waits for it.
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)

    def wait() -> None:
        signal.sigwait(signals)
        stop.set()

    threading.Thread(target=wait, name="stopping", daemon=True).start()
    return stop


@contextmanager
def ending_after(for_s: float | None, stop: threading.Event) -> Iterator[None]:
    """Sets `stop` after `for_s`, unless that is None or what is done here ends before."""
    timer = threading.Timer(for_s or 0.0, stop.set)
    timer.daemon = True
    if for_s is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
