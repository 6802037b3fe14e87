from __future__ import annotations

import pytest

from tests.collector.conventions.payload_vectors import PAYLOADS, Vector, convention_for, message_of, said, wrong

VECTORS = [vector for vector in PAYLOADS if vector["convention"] == "zigbee2mqtt"]

# Its note says that online may be told as false, which its expectation does not list.
ALLOWED = {"z2m-misc-1": {"online": (False, None)}}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_each_vector_is_understood_as_its_source_meant_it(vector: Vector):
    assert wrong(vector, said(convention_for(vector), message_of(vector))) == ALLOWED.get(vector["id"], {})
