import pytest

from hadir.listening import listen, page_address
from presence.errors import BadInput


def test_port_0_is_a_free_one():
    with listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[1] > 0


def test_a_taken_port_is_told_with_what_to_do():
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(BadInput) as refused:
            listen("127.0.0.1", port)
    line = f"port {port}: another program listens there; choose another with --port; 0 takes a free one"
    assert str(refused.value) == line


def test_an_address_of_another_machine_is_told():
    with pytest.raises(BadInput) as refused:
        listen("192.0.2.1", 0)
    assert str(refused.value) == (
        "port 0: cannot be used on 192.0.2.1: Cannot assign requested address; correct --host or --port"
    )


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),  # noqa: S104  (nothing is bound)
        ("::", "http://[::1]:80/"),
        ("::1", "http://[::1]:80/"),
        ("hadir.example", "http://hadir.example:80/"),
    ],
)
def test_the_address_of_the_pages_is_one_that_a_browser_here_understands(host: str, address: str):
    assert page_address(host, 80) == address
