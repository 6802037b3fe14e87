"""The ladder from outside: sensors by MQTT, people by the HTTP API, and the webhooks of those who are told."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.fixtures.broker import RunningBroker
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.officers import SITE, officers
from tests.fixtures.webhook import Request, WebhookReceiver

SECRET = "kata-sandi"
CONTACTS = """[
  {{id: ani, name: Ani, level: 1, channel: "{ani}"}},
  {{id: budi, name: Budi, level: 2, channel: "{budi}"}}]"""
LADDER = """
escalation:
  people:
    - {after: 0s, to: agency, level: 1, repeat: 2s}
    - {after: 3s, to: agency, level: 2}
"""


def test_a_ladder_climbs_until_somebody_answers_by_the_api(
    mosquitto: RunningBroker, webhook: WebhookReceiver, tmp_path: Path, hadir: Hadir
) -> None:
    of_two = SITE.replace('[{{id: k, name: K, channel: "{channel}"}}]', CONTACTS)
    channels = {name: webhook.url(f"/{name}", "{env:HOOK}") for name in ("ani", "budi")}
    site = tmp_path / "site.yaml"
    site.write_text(of_two.format(**channels) + LADDER)
    hadir.environment |= {"HADIR_BROKER": mosquitto.url, "HOOK": SECRET}
    applied = hadir.run("site", "apply", str(site))
    assert applied.returncode == 0, applied.stderr
    token = hadir.run("user", "token", "--name", "dinas").stdout.strip()
    children = [hadir.start("collector", "run"), hadir.start("api", "run", "--port", "0")]
    page = eventually(lambda: hadir.said_by(children[1]).partition("pages: ")[2].partition("\n")[0])
    with officers(mosquitto.url) as present:
        present["s-1"] = False
        eventually(lambda: {"firing.ani.0", "firing.budi.0", "reminder.ani.1"} <= set(told(webhook, "loket-1")))
        (stands,) = firing(page, token)
        answer = asked(f"{page}api/v1/alerts/{stands['id']}/acknowledge", token, {"reason": "break", "minutes": 1})
        assert answer["alert"]["state"] == "acknowledged"
        eventually(lambda: {"acknowledged.ani.0", "acknowledged.budi.0"} <= set(told(webhook, "loket-1")))
        until_then = reminders(webhook, "loket-1")
        # The other outlet's ladder climbs two repeats further: so long nothing more is said of this one.
        present["s-2"] = False
        eventually(lambda: "reminder.ani.1" in told(webhook, "loket-2"))
        assert reminders(webhook, "loket-1") == until_then
        present |= {"s-1": True, "s-2": True}
        eventually(lambda: all(ended(webhook, name) for name in ("loket-1", "loket-2")))
    assert [hadir.stop(child) for child in children] == [0, 0]
    assert all(signed(request) for request in webhook.requests)
    assert len({request.key for request in webhook.requests}) == len(webhook.requests)
    assert {request.key.split(".")[2] for request in webhook.requests if request.path == "/budi"} == {"budi"}
    audit = hadir.run("audit", "verify")
    assert (audit.returncode, audit.stdout) == (0, "the audit log is whole: 7 rows\n")


def told(webhook: WebhookReceiver, outlet: str) -> list[str]:
    """Event, recipient and number of each message about an outlet."""
    return [one.key.partition(".")[2] for one in webhook.requests if one.json["alert"]["outlet"] == outlet]


def reminders(webhook: WebhookReceiver, outlet: str) -> list[str]:
    return [one for one in told(webhook, outlet) if one.startswith("reminder")]


def ended(webhook: WebhookReceiver, outlet: str) -> bool:
    """Whether all who heard of it heard of its end."""
    heard = told(webhook, outlet)
    return all(one.replace("firing", "resolved") in heard for one in heard if one.startswith("firing"))


def signed(request: Request) -> bool:
    """Whether the signature is the one of the body as it came, by the secret that the environment holds."""
    at, _, given = request.headers["Hadir-Signature"].partition(",v1=")
    body = at.removeprefix("t=").encode() + b"." + request.body
    return hmac.compare_digest(given, hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest())


def firing(page: str, token: str) -> list[dict[str, Any]]:
    """The alerts that stand and that nobody has answered."""
    found: list[dict[str, Any]] = asked(f"{page}api/v1/alerts?state=firing", token)["alerts"]
    return found


def asked(address: str, token: str, body: object = None) -> Any:
    """The answer of the API, to a POST when there is a body."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=30) as answer:
        return json.load(answer)
