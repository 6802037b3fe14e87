import pytest
from hypothesis import given
from hypothesis import strategies as st

from presence import topics
from presence.topics import Topic

SLUGS = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")


@pytest.mark.parametrize("leaf", ["readings", "status", "command", "settings", "health"])
@given(site=SLUGS, sensor=SLUGS)
def test_a_sensors_topics_come_back_as_they_were_built(leaf, site, sensor):
    assert topics.parse(topics.sensor_topic(site, sensor, leaf)) == Topic(site, "sensor", sensor, leaf)


@pytest.mark.parametrize(
    ("built", "text", "parsed"),
    [
        (
            topics.gateway_topic("mpp", "gw1", "readings"),
            "hadir/1/mpp/gateway/gw1/readings",
            Topic("mpp", "gateway", "gw1", "readings"),
        ),
        (topics.collector_status("mpp"), "hadir/1/mpp/collector/status", Topic("mpp", "collector", "", "status")),
        (
            topics.outlet_occupancy("mpp", "a-1"),
            "hadir/1/mpp/outlet/a-1/occupancy",
            Topic("mpp", "outlet", "a-1", "occupancy"),
        ),
        (topics.alerts_changed("mpp"), "hadir/1/mpp/alerts/changed", Topic("mpp", "alerts", "", "changed")),
        (topics.webhook("mpp", "dt"), "hadir/1/mpp/webhook/dt", Topic("mpp", "webhook", "dt", "")),
        (topics.reply("mpp", "api-1"), "hadir/1/mpp/reply/api-1", Topic("mpp", "reply", "api-1", "")),
    ],
)
def test_every_native_topic_is_built_as_designed_and_parsed_back(built, text, parsed):
    assert built == text
    assert topics.parse(text) == parsed


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "hadir/1",
        "hadir/2/mpp/sensor/s1/readings",
        "hadir/1/MPP/sensor/s1/readings",
        "hadir/1/mpp/sensor/s 1/readings",
        "hadir/1/mpp/sensor/-s1/readings",
        "hadir/1/mpp/sensor//readings",
        "hadir/1/mpp/sensor/s1/readings/",
        "hadir/1/mpp/sensor/s1/readings\n",
        "hadir/1/mpp/sensor/s1/set",
        "hadir/1/mpp/sensor/s1",
        "hadir/1/mpp/gateway/gw1/health",
        "hadir/1/mpp/collector/x/status",
        "hadir/1/mpp/outlet/a-1/readings",
        "hadir/1/mpp/sensor/s٣/readings",
        "hadir/1/mpp/sensor/" + "s" * 600 + "/readings",
        "/hadir/1/mpp/sensor/s1/readings",
        "zigbee2mqtt/bridge/state",
    ],
)
def test_what_is_no_native_topic_is_none(topic):
    assert topics.parse(topic) is None
