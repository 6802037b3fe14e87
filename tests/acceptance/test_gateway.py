"""What a gateway says of itself reaches the technician, whoever is killed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from presence import topics
from presence.instants import rfc3339
from presence.site import Contact, Gateway, Rule
from presence.site_file import dump_site
from storage.record import Record
from storage.record.conditions import condition_intervals
from tests.builders import site
from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.webhook import WebhookReceiver
from transport.session import Message, Session, parse_broker


class GatewayOfTest:
    """Its retained status alone."""

    def __init__(self, url: str) -> None:
        self._session = Session(parse_broker(url), client_id="gateway-of-test", clean_start=True, session_expiry_s=0)
        self._session.start()
        eventually(lambda: self._session.connected)

    def says(self, state: str, since_ms: int | None = None) -> None:
        body: dict[str, Any] = {"state": state, "sent": 0, "damaged": 0, "lost": 0}
        body["since"] = None if since_ms is None else rfc3339(since_ms)
        topic = topics.gateway_topic("balai", "gw", "status")
        self._session.publish(Message(topic, json.dumps(body).encode(), retain=True))

    def close(self) -> None:
        self._session.stop()


@pytest.fixture
def gateway(mosquitto: Any) -> Iterator[GatewayOfTest]:
    gateway = GatewayOfTest(mosquitto.url)
    yield gateway
    gateway.close()


def truths(hadir: Hadir) -> list[bool | None]:
    with Record.open(f"sqlite:///{hadir.data / 'record.db'}", create=False) as record, record.reading() as connection:
        line = condition_intervals(connection, "balai", "gw", "gateway_offline", 0, 2**53)
    return [one.truth for one in line]


def test_a_gateway_that_comes_back_while_nobody_collects_is_known_to_be_back(
    hadir: Hadir, mosquitto: Any, gateway: GatewayOfTest, webhook: WebhookReceiver, tmp_path: Path
) -> None:
    technician = Contact(id="teknisi", name="Teknisi", role="technician", channel=webhook.url())
    wanted = site(
        gateways=(Gateway(id="gw"),),
        contacts=(technician,),
        rules={"gateway_offline": Rule(after_ms=1000, min_presence_ms=1000)},
    )
    (tmp_path / "site.yaml").write_text(dump_site(wanted))
    hadir.environment |= {"HADIR_BROKER": mosquitto.url}
    assert hadir.run("site", "apply", str(tmp_path / "site.yaml")).returncode == 0
    collector = hadir.start("collector", "run")
    hadir.start("api", "run", "--only", "engine")
    gateway.says("online")
    eventually(lambda: truths(hadir)[-1:] == [False])
    gateway.says("offline")
    fired = webhook.wait_for(1, within_s=60)[0].json
    assert (fired["event"], fired["alert"]["kind"], fired["alert"]["gateway"]) == ("firing", "gateway_offline", "gw")

    hadir.kill(collector)
    gateway.says("online")
    hadir.start("collector", "run")
    resolved = webhook.wait_for(2, within_s=60)[1].json
    assert (resolved["event"], resolved["alert"]["reason"]) == ("resolved", "ended")
