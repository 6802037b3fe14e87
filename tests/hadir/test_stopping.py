import signal
import subprocess
import sys

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
