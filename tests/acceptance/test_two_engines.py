"""Two engines on one record in PostgreSQL: one speaks, and when it is killed or stands still the other one does."""

from __future__ import annotations

import signal
from pathlib import Path
from subprocess import Popen

import pytest

from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.officers import SITE, officers
from tests.fixtures.webhook import WebhookReceiver


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_the_other_engine_goes_on(
    end: signal.Signals,
    mosquitto: RunningBroker,
    postgresql_record: str,
    webhook: WebhookReceiver,
    tmp_path: Path,
    hadir: Hadir,
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.format(channel=webhook.url()))
    hadir.environment |= {
        "HADIR_BROKER": mosquitto.url,
        "HADIR_RECORD": postgresql_record,
        "HADIR_LOG_LEVEL": "info",
    }
    applied = hadir.run("site", "apply", str(site))
    assert applied.returncode == 0, applied.stderr
    hadir.start("collector", "run")
    with officers(mosquitto.url) as present:
        first = engine(hadir, "watching 2 outlets")
        second = engine(hadir, "another engine watches it")
        present["s-1"] = False
        told(webhook, 1)

        first.send_signal(end)
        present["s-2"] = False
        told(webhook, 2)
        first.send_signal(signal.SIGCONT)
        if end is signal.SIGSTOP:
            eventually(lambda: "the lease ran out" in hadir.said_by(first))

        present |= {"s-1": True, "s-2": True}
        told(webhook, 4)
    assert hadir.stop(second) == 0
    assert told(webhook, 4) == [(f"loket-{n}", event) for n in (1, 2) for event in ("firing", "resolved")]
    audit = hadir.run("audit", "verify")
    assert (audit.returncode, audit.stdout) == (0, "the audit log is whole: 4 rows\n")


def told(webhook: WebhookReceiver, count: int) -> list[tuple[str, str]]:
    """Outlet and event of each message, once there are `count`; one that comes again has the key that it had."""

    def messages() -> dict[str, tuple[str, str]]:
        return {one.key: (one.json["alert"]["outlet"], one.json["event"]) for one in webhook.requests}

    eventually(lambda: len(messages()) >= count)
    return sorted(messages().values())


def engine(hadir: Hadir, line: str) -> Popen[str]:
    """One that has said `line`."""
    child = hadir.start("api", "run", "--only", "engine")
    eventually(lambda: line in hadir.said_by(child))
    return child
