import signal
import subprocess
import sys
import threading

from hadir.stopping import ending_after

PROGRAM = """
import signal
from hadir.stopping import stop_at
stop = stop_at(signal.SIGINT)
print("ready", flush=True)
stop.wait()
print("over")
"""


def test_a_signal_is_heard_that_whoever_started_us_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit it, as from `sh -c "hadir … &"`
    try:
        child = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == "over\n"


def test_what_takes_too_long_is_stopped_and_what_ends_before_is_not() -> None:
    stop = threading.Event()
    with ending_after(0.01, stop):
        assert stop.wait(30)
    left = threading.Event()
    with ending_after(3600.0, left):
        pass
    with ending_after(None, left):
        pass
    assert not left.is_set()
