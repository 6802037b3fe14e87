"""The native topics, `hadir/1/…`: built from ids and parsed back.

    hadir/1/{site}/sensor/{sensor}/readings|status|command|settings|health
    hadir/1/{site}/gateway/{gateway}/readings|status|settings
    hadir/1/{site}/collector/status
    hadir/1/{site}/outlet/{outlet}/occupancy
    hadir/1/{site}/alerts/changed
    hadir/1/{site}/webhook/{kind}
    hadir/1/{site}/reply/{client}

Every level is a slug. The builders take ids from a registry that has checked them, and "+" for a subscription.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, cast

ROOT = "hadir/1"

Thing = Literal["sensor", "gateway", "collector", "outlet", "alerts", "webhook", "reply"]
SensorLeaf = Literal["readings", "status", "command", "settings", "health"]
GatewayLeaf = Literal["readings", "status", "settings"]

_SLUG = "[a-z0-9][a-z0-9_-]*"
_NATIVE = re.compile(
    rf"{ROOT}/({_SLUG})/(?:"
    rf"(sensor)/({_SLUG})/(readings|status|command|settings|health)"
    rf"|(gateway)/({_SLUG})/(readings|status|settings)"
    rf"|(outlet)/({_SLUG})/(occupancy)"
    rf"|(collector)/()(status)"
    rf"|(alerts)/()(changed)"
    rf"|(webhook|reply)/({_SLUG})())"
)
# A site has some hundred topics and a collector some hundred sites. What strangers invent pushes out the oldest, and
# is bounded in length too: MQTT allows 65,535 bytes.
_TOPICS_KEPT = 65_536
_LONGEST = 512


class Topic(NamedTuple):
    """A native topic. `id` is "" for collector and alerts, `leaf` for webhook and reply, whose id ends the topic."""

    site: str
    thing: Thing
    id: str
    leaf: str


def sensor_topic(site: str, sensor: str, leaf: SensorLeaf) -> str:
    """`hadir/1/{site}/sensor/{sensor}/{leaf}`."""
    return f"{ROOT}/{site}/sensor/{sensor}/{leaf}"


def gateway_topic(site: str, gateway: str, leaf: GatewayLeaf) -> str:
    """`hadir/1/{site}/gateway/{gateway}/{leaf}`."""
    return f"{ROOT}/{site}/gateway/{gateway}/{leaf}"


def collector_status(site: str) -> str:
    """`hadir/1/{site}/collector/status`: retained, every 10 s, with the collector's will."""
    return f"{ROOT}/{site}/collector/status"


def outlet_occupancy(site: str, outlet: str) -> str:
    """`hadir/1/{site}/outlet/{outlet}/occupancy`: the outlet's live state, retained."""
    return f"{ROOT}/{site}/outlet/{outlet}/occupancy"


def alerts_changed(site: str) -> str:
    """`hadir/1/{site}/alerts/changed`: wakes pages, not retained; body `{"revision":n}`."""
    return f"{ROOT}/{site}/alerts/changed"


def webhook(site: str, kind: str) -> str:
    """`hadir/1/{site}/webhook/{kind}`: a body that the api took by HTTP for the collector to decode."""
    return f"{ROOT}/{site}/webhook/{kind}"


def reply(site: str, client: str) -> str:
    """`hadir/1/{site}/reply/{client}`: where the answers to a client's commands go."""
    return f"{ROOT}/{site}/reply/{client}"


def parse(topic: str) -> Topic | None:
    """What `topic` names, or None when it is no valid native topic (or longer than 512 characters)."""
    return _parse(topic) if len(topic) <= _LONGEST else None


@lru_cache(maxsize=_TOPICS_KEPT)
def _parse(topic: str) -> Topic | None:
    if (match := _NATIVE.fullmatch(topic)) is None:
        return None
    # Alternatives that did not match are None, empty levels are "".
    site, thing, thing_id, leaf = (group for group in match.groups() if group is not None)
    return Topic(site, cast(Thing, thing), thing_id, leaf)
