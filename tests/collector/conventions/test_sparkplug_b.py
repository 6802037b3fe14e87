from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.conventions import CONVENTIONS, Listeners
from collector.conventions.convention import Entry, Heard, Message, Question
from collector.conventions.payload import LONGEST_TOPIC
from collector.conventions.protobuf_wire import rebirth_request
from collector.conventions.sparkplug_b import ASK_EVERY_MS, DEVICES_KEPT, EDGES_KEPT, REORDER_MS, SparkplugB
from collector.conventions.sparkplug_metrics import LONGEST_NAME, METRICS_KEPT
from presence.errors import DamagedFrame
from presence.site import Source
from tests.collector.conventions.payload_vectors import PAYLOADS, convention_for, message_of, said, wrong
from tests.collector.conventions.sparkplug_encoder import BOOLEAN, FLOAT, INT32, STRING, metric, payload

T0 = 1_795_000_000_000
EDGE, DEVICE = "g1/edge2", "g1/edge2/dev3"
OCCUPIED = metric("Presence/Occupied", False, alias=10, datatype=BOOLEAN)
DISTANCE = metric("Presence/Distance", 120.0, alias=11, datatype=FLOAT, said={"engUnit": "cm"})


class Node:
    """An edge node, as one hears it: its messages, numbered, a second apart."""

    def __init__(self, convention: SparkplugB, edge: str = EDGE, bdseq: int = 0) -> None:
        self.convention, self.bdseq, self.seq, self.now_ms = convention, bdseq, 0, T0
        self.group, self.name = edge.split("/")

    def hear(self, kind: str, metrics=(), *, device: str | None = "dev3", numbered=True, retain=False) -> list[Heard]:
        self.now_ms += 1_000
        topic = f"spBv1.0/{self.group}/{kind}/{self.name}" + (f"/{device}" if kind[0] == "D" else "")
        data = payload(metrics, at_ms=self.now_ms, seq=self.seq if numbered else None)
        self.seq = (self.seq + 1) % 256 if numbered else self.seq
        return list(self.convention.decode(Message(topic, data, None, None, retain, self.now_ms)))

    def is_born(self, *metrics: bytes, **how) -> list[Heard]:
        self.seq = 0
        node = self.hear("NBIRTH", [metric("bdSeq", self.bdseq, datatype=4)])
        return node + self.hear("DBIRTH", metrics or [OCCUPIED, DISTANCE], **how)

    def dies(self, bdseq: int | None = None) -> list[Heard]:
        number = self.bdseq if bdseq is None else bdseq
        return self.hear("NDEATH", [metric("bdSeq", number, datatype=4)], numbered=False)

    def is_asked(self, wait_ms: int = 0) -> bool:
        """Whether a rebirth is asked for; the question itself is checked."""
        self.now_ms += wait_ms
        questions = list(self.convention.questions(self.now_ms))
        request = Question(f"spBv1.0/{self.group}/NCMD/{self.name}", rebirth_request(self.now_ms))
        assert questions in ([], [request])
        return bool(questions)


@pytest.fixture
def convention():
    """With the device claimed; what is strange at first was asked for a while ago."""
    one = SparkplugB()
    one.follow([Entry(DEVICE)])
    one.questions(T0 - ASK_EVERY_MS)
    return one


@pytest.fixture
def node(convention):
    return Node(convention)


@pytest.mark.parametrize("vector", [v for v in PAYLOADS if v["convention"] == "sparkplug_b"], ids=lambda v: v["id"])
def test_vector(vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == {}


# What births and data say


def test_a_birth_says_the_present_by_name_and_data_by_alias(node):
    _, born = node.is_born()
    assert born == Heard(
        device=DEVICE,
        address=DEVICE,
        values={"presence": 0.0, "distance": 1.2},
        presences={"Presence/Occupied": 0.0},
        at_ms=node.now_ms,
        online=True,
        seems="Presence/Occupied",
    )
    (data,) = node.hear("DDATA", [metric(found=True, alias=10)])
    assert (data.values, data.presences, data.online) == ({"presence": 1.0}, {"Presence/Occupied": 1.0}, None)


def test_data_by_name_are_understood_without_an_alias(node):
    node.is_born(metric("Motion", True, datatype=BOOLEAN))
    (data,) = node.hear("DDATA", [metric("Motion", False)])
    assert data.values == {"presence": 0.0}


def test_what_the_birth_did_not_name_is_not_guessed(node):
    node.is_born()
    (data,) = node.hear("DDATA", [metric(found=True, alias=99), metric("Occupied", True), metric(found=True)])
    assert data == Heard(device=DEVICE, address=DEVICE, at_ms=node.now_ms)


def test_what_every_node_has_to_control_it_is_no_verdict_unless_it_is_claimed(convention, node):
    controls = [metric("Node Control/Rebirth", False, datatype=BOOLEAN)]
    (born,) = node.hear("NBIRTH", controls)
    assert (born.presences, born.seems, born.online) == ({}, None, True)
    convention.follow([Entry(EDGE, "Node Control/Rebirth")])
    (born,) = node.hear("NBIRTH", controls)
    assert born.presences == {"Node Control/Rebirth": 0.0}


def test_an_edge_node_may_measure_itself(node):
    (born,) = node.hear("NBIRTH", [metric("bdSeq", 0), metric("Occupancy", True, alias=1, datatype=BOOLEAN)])
    assert (born.address, born.values, born.online) == (EDGE, {"presence": 1.0}, True)
    (data,) = node.hear("NDATA", [metric(found=False, alias=1)])
    assert (data.address, data.values) == (EDGE, {"presence": 0.0})


def test_every_time_is_told_by_itself_and_in_order(node):
    node.is_born()
    old, older = node.now_ms - 5_000, node.now_ms - 9_000
    heard = node.hear(
        "DDATA",
        [
            metric(found=90.0, alias=11),
            metric(found=True, alias=10, at_ms=old),
            metric(found=False, alias=10, at_ms=older),
            metric(found=50.0, alias=11, at_ms=older),
        ],
    )
    assert [(one.at_ms, dict(one.values)) for one in heard] == [
        (older, {"presence": 0.0, "distance": 0.5}),
        (old, {"presence": 1.0}),
        (node.now_ms, {"distance": 0.9}),
    ]


def test_a_birth_tells_old_values_as_of_their_time_and_that_it_is_there_now(node):
    _, old, there = node.is_born(metric("Occupied", True, datatype=BOOLEAN, at_ms=T0 - 60_000))
    assert (old.at_ms, old.values, old.online) == (T0 - 60_000, {"presence": 1.0}, None)
    assert (there.at_ms, there.values, there.online) == (node.now_ms, {}, True)


def test_without_any_time_it_was_said_as_it_was_received(node):
    node.is_born()
    undated = payload([metric(found=True, alias=10)], seq=2)
    (data,) = node.convention.decode(Message("spBv1.0/g1/DDATA/edge2/dev3", undated, None, None, False, T0))
    assert (data.at_ms, data.values) == (None, {"presence": 1.0})


def test_history_is_the_past_and_leaves_the_present(node):
    node.is_born()
    past, present = node.hear(
        "DDATA", [metric(found=False, alias=10), metric(found=True, alias=10, at_ms=T0 - 9_000, historical=True)]
    )
    assert (past.historical, past.at_ms, past.values) == (True, T0 - 9_000, {"presence": 1.0})
    assert (present.historical, present.values) == (False, {"presence": 0.0})


def test_null_is_unknown_never_vacant(node):
    node.is_born()
    (data,) = node.hear("DDATA", [metric(alias=10, null=True)])
    assert data.unknown == {"presence", "Presence/Occupied"}
    assert not data.values
    (birth,) = node.hear("DBIRTH", [metric("Presence/Occupied", alias=10, datatype=BOOLEAN, null=True)])
    assert birth.unknown == {"presence", "Presence/Occupied"}
    (past,) = node.hear("DDATA", [metric(alias=10, null=True, historical=True)])
    assert (past.unknown, past.values) == (frozenset(), {})


def test_of_a_metric_twice_at_one_time_the_later_stands(node):
    node.is_born()
    (null,) = node.hear("DDATA", [metric(found=True, alias=10), metric(alias=10, null=True)])
    assert (null.values, null.unknown) == ({}, {"presence", "Presence/Occupied"})
    (known,) = node.hear("DDATA", [metric(alias=10, null=True), metric(found=True, alias=10)])
    assert (known.values, known.unknown) == ({"presence": 1.0}, frozenset())


@pytest.mark.parametrize(("quality", "known"), [(192, True), (0, False), (500, False)])
def test_a_value_of_bad_or_stale_quality_is_unknown(node, quality, known):
    node.is_born()
    (data,) = node.hear(
        "DDATA",
        [
            metric(found=False, alias=10, said={"Quality": quality}),
            metric(found=9.0, alias=11, said={"Quality": quality}),
        ],
    )
    assert ("presence" in data.values) is ("distance" in data.values) is known
    assert ("presence" in data.unknown) is not known


def test_a_value_of_another_type_than_the_birth_gave_is_not_taken(node):
    node.is_born()
    (data,) = node.hear("DDATA", [metric(found=0, alias=10), metric(found=False, alias=11)])
    assert (data.values, data.presences, data.unknown) == ({}, {}, frozenset())


@pytest.mark.parametrize(
    ("name", "unit", "found", "datatype", "values"),
    [
        ("Radar/Distance", "m", 1.5, 10, {"distance": 1.5}),
        ("Radar/distance", "mm", 1500, INT32, {"distance": 1.5}),
        ("Distance", None, 1.5, FLOAT, {}),
        ("Distance", "ft", 1.5, FLOAT, {}),
        ("Distance", "m", float("nan"), FLOAT, {}),
        ("Distance", "cm", 2**32 - 5, INT32, {}),
        ("Distance", "m", "1.5", STRING, {}),
        ("Battery", "%", 256 - 3, 1, {}),
        ("Battery", "%", 2**64 - 1, 8, {}),
        ("Battery", "%", 41.5, FLOAT, {"battery": 41.5}),
        ("Battery", "V", 3.0, FLOAT, {}),
        ("Illuminance", "lx", 150, 7, {"illuminance": 150.0}),
        ("Distance Limit", "m", 3.0, FLOAT, {}),
    ],
)
def test_a_quantity_counts_with_its_unit_and_within_its_range(node, name, unit, found, datatype, values):
    _, born = node.is_born(metric(name, found, datatype=datatype, said={"engUnit": unit} if unit else None))
    assert born.values == values


# Which metric is presence


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["Inputs/A", "Zone/PRESENCE"], "Zone/PRESENCE"),
        (["Motion", "Occupied"], "Occupied"),
        (["Occupancy", "Occupied", "Presence"], "Presence"),
        (["Occupied", "Occupancy"], "Occupancy"),
        (["Zone 1/Occupied", "Zone 2/Occupied", "Presence"], "Presence"),
        (["Occupied Since Start", "Occupied/Count"], None),
    ],
)
def test_the_widest_word_speaks_for_the_device(node, names, whole):
    _, born = node.is_born(*(metric(name, name == whole, datatype=BOOLEAN) for name in names))
    assert born.presences == {name: float(name == whole) for name in names}
    assert born.values == ({} if whole is None else {"presence": 1.0})


def zone(n: int, found: bool | None, at_ms: int | None = None) -> bytes:
    return metric(f"Zone {n}/Occupied", found, alias=n, datatype=BOOLEAN, null=found is None, at_ms=at_ms)


def test_of_several_parts_one_makes_it_occupied_and_all_make_it_vacant(node):
    _, born = node.is_born(zone(1, False), zone(2, False))
    assert born.values == {"presence": 0.0}
    assert node.hear("DDATA", [zone(1, True)])[0].values == {"presence": 1.0}
    silent = node.hear("DDATA", [zone(2, False)])[0]
    assert (silent.values, silent.unknown, silent.presences) == ({}, frozenset(), {"Zone 2/Occupied": 0.0})
    assert node.hear("DDATA", [zone(1, False)])[0].values == {"presence": 0.0}


def test_a_part_that_is_not_known_keeps_the_whole_from_being_vacant(node):
    _, born = node.is_born(zone(1, False), zone(2, None))
    assert (born.values, born.unknown) == ({}, {"presence", "Zone 2/Occupied"})
    assert node.hear("DDATA", [zone(1, False)])[0].unknown == {"presence"}
    assert node.hear("DDATA", [zone(1, True)])[0].values == {"presence": 1.0}
    assert node.hear("DDATA", [zone(2, None)])[0].unknown == {"Zone 2/Occupied"}, "zone 1 is occupied"
    assert node.hear("DDATA", [zone(2, False), zone(1, False)])[0].values == {"presence": 0.0}


def test_after_messages_were_missed_no_word_of_before_is_held_against_another(convention, node):
    node.is_born(zone(1, True), zone(2, False))
    convention.missed(node.now_ms)
    (left,) = node.hear("DDATA", [metric(found=False, alias=2)])
    assert left.presences == {"Zone 2/Occupied": 0.0}, "what its aliases mean stays known"
    assert (left.values, left.unknown) == ({}, {"presence"}), "zone 1 may be empty by now"
    assert node.hear("DDATA", [zone(1, False)])[0].values == {"presence": 0.0}


def test_a_gap_in_which_messages_were_missed_is_found_by_the_numbers(convention, node):
    node.is_born()
    node.seq += 1
    convention.missed(node.now_ms)
    node.hear("DDATA", [OCCUPIED])
    assert node.is_asked(REORDER_MS + 1)


def test_an_overtaken_word_of_a_part_leaves_open_which_is_its_last(node):
    node.is_born(zone(1, False), zone(2, True))
    now_ms = node.now_ms
    node.hear("DDATA", [zone(1, True, now_ms + 20)])
    node.hear("DDATA", [zone(1, False, now_ms + 10)])
    assert node.hear("DDATA", [zone(2, False)])[0].unknown == {"presence"}
    assert node.hear("DDATA", [zone(1, False)])[0].values == {"presence": 0.0}


def test_a_clock_that_went_back_freezes_no_part(node):
    node.is_born(zone(1, False, T0 + 10**10), zone(2, True))
    node.hear("DDATA", [zone(1, True)])
    assert node.hear("DDATA", [zone(2, False)])[0].values == {}, "zone 1 may be occupied"
    node.hear("DDATA", [zone(1, True)])
    assert node.hear("DDATA", [zone(2, False)])[0].unknown == frozenset(), "zone 1 is occupied"


def test_the_past_of_a_part_is_vacant_only_with_that_of_all(node):
    node.is_born(zone(1, False), zone(2, True))
    past = [metric(alias=n, found=False, at_ms=T0, historical=True) for n in (1, 2)]
    assert node.hear("DDATA", past[:1])[0].values == {}
    assert node.hear("DDATA", past)[0].values == {"presence": 0.0}
    assert node.hear("DDATA", [zone(1, False)])[0].values == {}, "the past changed nothing of the present"


@pytest.mark.parametrize(("found", "verdict"), [(1, 1.0), (0, 0.0), ("ON", 1.0), ("vacant", 0.0), (7, None)])
def test_a_claim_may_name_a_metric_of_any_type(convention, node, found, verdict):
    convention.follow([Entry(DEVICE, "Desk/State")])
    _, born = node.is_born(metric("Desk/State", found, datatype=STRING if isinstance(found, str) else INT32))
    assert born.presences == ({} if verdict is None else {"Desk/State": verdict})
    assert "presence" not in born.values


def test_a_claim_of_a_key_that_is_not_known_asks_for_a_rebirth_once(convention, node):
    node.is_born(metric("State", 1, alias=1, datatype=INT32))
    assert not node.is_asked()
    convention.follow([Entry(DEVICE, "State")])
    assert node.is_asked()
    convention.follow([Entry(DEVICE, "State")])
    assert not node.is_asked(ASK_EVERY_MS)


# Deaths


def test_a_death_of_the_node_is_one_of_all_its_devices_the_node_last(convention, node):
    convention.follow([Entry(DEVICE), Entry(f"{EDGE}/never-heard"), Entry("g1/edge20/other")])
    node.is_born()
    node.hear("DBIRTH", [OCCUPIED], device="unclaimed")
    heard = node.dies()
    assert [one.address for one in heard] == [DEVICE, f"{EDGE}/never-heard", f"{EDGE}/unclaimed", EDGE]
    assert all(one.online is False and one.at_ms is None for one in heard)


def test_a_death_of_another_session_is_none(node):
    node.bdseq = 7
    node.is_born()
    assert node.dies(6) == [Heard(device=EDGE, address=EDGE)]
    (data,) = node.hear("DDATA", [metric(found=True, alias=10)])
    assert data.values == {"presence": 1.0}


def test_a_death_of_a_node_that_was_never_born_is_none(node):
    assert node.dies() == [Heard(device=EDGE, address=EDGE)]


def test_data_after_a_death_and_before_the_birth_are_no_evidence(node):
    node.is_born()
    node.dies()
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {}
    assert node.is_asked()
    assert node.hear("DBIRTH", [OCCUPIED])[0].online is None, "no device lives without its node"
    node.bdseq = 1
    node.is_born()
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {"presence": 1.0}


def test_a_device_dies_alone(node):
    node.is_born()
    node.hear("DBIRTH", [OCCUPIED], device="dev4")
    (death,) = node.hear("DDEATH")
    assert (death.address, death.online, death.at_ms) == (DEVICE, False, node.now_ms)
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {}
    assert node.hear("DDATA", [metric(found=True, alias=10)], device="dev4")[0].values == {"presence": 1.0}
    (birth,) = node.hear("DBIRTH", [OCCUPIED])
    assert (birth.online, birth.values) == (True, {"presence": 0.0})


def test_a_node_born_again_has_no_devices_until_they_say_so(node):
    node.is_born()
    node.seq = 0
    node.hear("NBIRTH", [metric("bdSeq", 1)])
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {}
    node.hear("DBIRTH", [metric("Door", False, alias=10, datatype=BOOLEAN), metric("Occupied", True, alias=12)])
    (data,) = node.hear("DDATA", [metric(found=False, alias=10)])
    assert (data.values, data.presences) == ({}, {"Door": 0.0}), "an alias means what the last birth says"


def test_what_is_retained_begins_and_ends_nothing(node):
    told = node.hear("DBIRTH", [OCCUPIED], retain=True)
    assert [(one.values, one.online, one.at_ms) for one in told] == [({"presence": 0.0}, None, node.now_ms)]
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {}
    node.is_born()
    for kind in ("DDEATH", "NDEATH", "DDATA"):
        (told,) = node.hear(kind, [metric("bdSeq", 0), metric(found=True, alias=10)], retain=True, numbered=False)
        assert (told.online, told.values) == (None, {})
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {"presence": 1.0}
    assert not node.is_asked(REORDER_MS)


# Sequence and rebirth


def test_numbers_in_turn_ask_nothing(node):
    node.is_born()
    for n in range(300):
        node.hear("DDATA", [metric(found=bool(n % 2), alias=10)])
        assert not node.is_asked()
    assert not node.is_asked(REORDER_MS)


def test_a_gap_asks_for_a_rebirth_when_it_was_not_filled_in_time(node):
    node.is_born()
    node.seq += 2
    (data,) = node.hear("DDATA", [metric(found=True, alias=10)])
    assert data.values == {"presence": 1.0}, "aliases hold as last heard"
    assert not node.is_asked(REORDER_MS - 1)
    assert node.is_asked(1)
    assert not node.is_asked()
    node.hear("DDATA", [metric(found=True, alias=10)])
    assert not node.is_asked(), "at most once in 30 s"
    assert node.is_asked(ASK_EVERY_MS), "and again, as it was not answered"
    node.is_born()
    node.hear("DDATA", [metric(found=True, alias=10)])
    assert not node.is_asked(ASK_EVERY_MS), "the birth has answered"


def test_what_was_overtaken_fills_the_gap(node):
    node.is_born()
    node.seq = 4
    node.hear("DDATA")
    for seq in (3, 2):
        node.seq = seq
        node.hear("DDATA")
    assert not node.is_asked(REORDER_MS)
    node.seq = 5
    node.hear("DDATA")
    assert not node.is_asked(REORDER_MS)


def test_the_last_number_again_is_a_repetition(node):
    node.is_born()
    node.seq -= 1
    assert node.hear("DBIRTH", [OCCUPIED])[0].values == {"presence": 0.0}
    assert not node.is_asked(REORDER_MS)


def test_a_gap_too_wide_to_be_filled_asks_at_once(node):
    node.is_born()
    node.seq += 100
    node.hear("DDATA")
    assert node.is_asked()


def test_births_and_deaths_of_devices_are_numbered_too(node):
    node.is_born()
    node.hear("DBIRTH", [OCCUPIED], device="dev4")
    node.hear("DDEATH", device="dev4")
    node.hear("NDATA")
    assert not node.is_asked(REORDER_MS)
    node.seq += 1
    node.hear("DDEATH", device="dev4")
    assert node.is_asked(REORDER_MS)


def test_any_number_begins_with_the_birth_of_the_node(node):
    node.is_born()
    node.seq = 200
    node.hear("NBIRTH", [metric("bdSeq", 0)])
    node.hear("DBIRTH", [OCCUPIED])
    assert not node.is_asked(REORDER_MS)


def test_numbers_are_not_needed(node):
    node.is_born()
    node.hear("DDATA", [metric(found=True, alias=10)], numbered=False)
    assert not node.is_asked(REORDER_MS)


def test_data_without_a_birth_say_nothing_and_ask_for_one(node):
    assert node.hear("DDATA", [metric(found=True, alias=10), metric("Occupied", True)]) == [
        Heard(device=DEVICE, address=DEVICE, at_ms=node.now_ms)
    ]
    assert node.is_asked()
    assert not node.is_asked(ASK_EVERY_MS), "silence is not asked again"
    node.hear("DDATA", [metric(found=True, alias=10)])
    assert node.is_asked()


def test_a_birth_of_a_device_alone_counts_and_its_node_is_asked(node):
    (born,) = node.hear("DBIRTH", [OCCUPIED])
    assert (born.values, born.online) == ({"presence": 0.0}, True)
    assert node.is_asked()


def test_who_is_not_claimed_is_not_asked(convention):
    stranger = Node(convention, "g1/edge9")
    stranger.hear("DDATA", [metric(found=True, alias=1)])
    stranger.is_born()
    stranger.seq += 9
    stranger.hear("DDATA")
    assert not stranger.is_asked(ASK_EVERY_MS)


def test_a_clock_that_went_back_stops_no_question(node):
    node.hear("DDATA")
    assert node.is_asked()
    node.hear("DDATA")
    assert node.is_asked(-3_600_000)


def test_a_new_claim_asks_for_a_birth_that_was_missed():
    convention = SparkplugB()
    convention.follow([Entry(DEVICE)])
    assert [question.topic for question in convention.questions(T0)] == ["spBv1.0/g1/NCMD/edge2"]
    convention.follow([Entry(DEVICE), Entry("g1/edge2/dev4")])
    assert convention.questions(T0 + 1_000) == []
    assert len(convention.questions(T0 + ASK_EVERY_MS)) == 1


def test_asking_a_device_asks_its_node_unless_it_just_spoke(convention, node):
    (question,) = convention.ask(DEVICE, T0)
    assert question.topic == "spBv1.0/g1/NCMD/edge2"
    assert convention.ask(f"{EDGE}/dev4", T0 + 1) == []
    node.is_born()
    assert convention.ask(DEVICE, T0 + ASK_EVERY_MS) == (), "its birth is 28 s old"
    assert len(convention.ask(DEVICE, T0 + 2 * ASK_EVERY_MS)) == 1
    assert convention.ask(DEVICE, T0 + 2 * ASK_EVERY_MS + 1) == []


# Damage


@given(st.binary(max_size=120), st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"]))
def test_any_bytes_are_heard_or_damaged(data, kind):
    convention = SparkplugB()
    topic = f"spBv1.0/g/{kind}/e" + ("/d" if kind[0] == "D" else "")
    try:
        assert len(convention.decode(Message(topic, data, None, None, False, T0))) <= len(data) + 2
    except DamagedFrame:
        return


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0",
        "spBv1.0/",
        "spBv1.0/g/DDATA/e",
        "spBv1.0/g/NDATA/e/d",
        "spBv1.0/g/DDATA/e/d/x",
        "spBv1.0/g/DDATA//d",
        "spBv1.0//NDATA/e",
        "spBv1.0/g/XDATA/e",
        "spBv1.0/g/NDATA/+",
        "spBv1.0/STATE",
        "spBv1.0/g/NDATA/" + "e" * LONGEST_TOPIC,
    ],
)
def test_a_topic_that_sparkplug_does_not_have_is_damaged(topic):
    with pytest.raises(DamagedFrame):
        SparkplugB().decode(Message(topic, b"", None, None, False, T0))


def test_a_damaged_message_changes_nothing(node):
    node.is_born()
    broken = [metric(found=False, alias=10), metric(found=False, alias=10, said={"Quality": 0})[:-3] + b"\x7f\x7f\x70"]
    for kind in ("DDATA", "DBIRTH", "NBIRTH"):
        with pytest.raises(DamagedFrame):
            node.hear(kind, broken, numbered=False)
    with pytest.raises(DamagedFrame):
        node.convention.decode(Message("spBv1.0/g1/DBIRTH/edge2/dev3", b"\x12\x03\x0a\x01\xff", None, None, False, T0))
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {"presence": 1.0}
    assert not node.is_asked(REORDER_MS)


def test_what_a_host_says_is_of_no_sensor():
    def state(data: bytes) -> list[Heard]:
        return list(SparkplugB().decode(Message("spBv1.0/STATE/scada", data, None, None, True, T0)))

    assert state(b'{"online":true}') == state(b"") == [Heard(device=None, address="STATE/scada", scope="host")]
    with pytest.raises(DamagedFrame):
        state(b"ONLINE?")


def test_commands_say_nothing_and_nobody_else_hears_them():
    listeners = Listeners([make() for make in CONVENTIONS.values()])
    for topic in ("spBv1.0/g/NCMD/e", "spBv1.0/g/DCMD/e/d"):
        (owner,) = listeners.of(topic)
        assert list(owner.decode(Message(topic, rebirth_request(T0), None, None, False, T0))) == []


# Bounds


def test_strangers_are_forgotten_and_the_claimed_are_not(convention, node):
    node.is_born()
    for n in range(2 * DEVICES_KEPT):
        topic = f"spBv1.0/g{n}/DBIRTH/e/d"
        convention.decode(Message(topic, payload([OCCUPIED], at_ms=T0, seq=1), None, None, False, T0))
    assert len(convention._devices) == DEVICES_KEPT + 1
    assert len(convention._edges) == EDGES_KEPT + 1
    assert node.hear("DDATA", [metric(found=True, alias=10)])[0].values == {"presence": 1.0}


def test_of_many_metrics_those_of_presence_and_of_claims_are_kept(convention, node):
    convention.follow([Entry(DEVICE, "Input 9999")])
    many = [metric(f"Input {n}", True, datatype=BOOLEAN) for n in range(10_000)]
    _, born = node.is_born(*many, metric("x" * (LONGEST_NAME + 1), True, datatype=BOOLEAN), OCCUPIED, DISTANCE)
    assert len(born.presences) + 1 == METRICS_KEPT + 1, "the quantity among the kept, the claim beside them"
    assert {"Presence/Occupied", "Input 9999"} <= born.presences.keys()
    assert born.values == {"presence": 0.0, "distance": 1.2}
    assert born.seems is not None
    assert len(born.seems) < 100


# What a source says


@pytest.mark.parametrize("device", ["g1/edge2/dev3", "g1/edge2", "Sparkplug B Devices/Raspberry Pi"])
def test_a_source_names_a_device_or_a_node(device):
    convention = SparkplugB()
    address = convention.address(Source(convention="sparkplug_b", device=device, presence="Presence/Occupied"))
    assert convention.source(address) == {"device": device}


@pytest.mark.parametrize(
    "source",
    [
        Source(convention="sparkplug_b"),
        Source(convention="sparkplug_b", device="dev3"),
        Source(convention="sparkplug_b", device="g/e/d/x"),
        Source(convention="sparkplug_b", device="g//d"),
        Source(convention="sparkplug_b", device="g/e/+"),
        Source(convention="sparkplug_b", device=DEVICE, profile="vs330"),
        Source(convention="sparkplug_b", device=DEVICE, config={"a": 1}),
    ],
)
def test_a_source_that_names_none_is_told_what_to_write(source):
    with pytest.raises(ValueError, match=r"write|leave it out"):
        SparkplugB().address(source)


def test_the_node_is_the_gateway_of_its_devices():
    assert SparkplugB().gateway_of(DEVICE) == EDGE
    assert SparkplugB().gateway_of(EDGE) is None


def test_the_usual_topics_are_listened_to():
    filters = [one.topic_filter for one in SparkplugB().subscriptions()]
    assert "spBv1.0/+/DDATA/+/+" in filters
    assert "spBv1.0/STATE/+" in filters
    assert all(SparkplugB().owns(one) for one in filters)
    assert {one.qos for one in SparkplugB().subscriptions()} == {0}
