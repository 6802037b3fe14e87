import pytest

from presence.errors import BadInput
from transport.address import BrokerAddress, parse_broker


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://localhost", BrokerAddress("localhost", 1883)),
        ("mqtt://127.0.0.1:18830/", BrokerAddress("127.0.0.1", 18830)),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, tls=True)),
        ("mqtt://gw:p%40ss@h:1", BrokerAddress("h", 1, user="gw", password="p@ss")),
        ("mqtt://gw:{env:SECRET}@h:1", BrokerAddress("h", 1, user="gw", password="a:b@c%41")),
        ("mqtt://gw@h", BrokerAddress("h", 1883, user="gw")),
        ("mqtt://[::1]:1883", BrokerAddress("::1", 1883)),
    ],
)
def test_a_brokers_url_tells_where_it_is_and_who_we_are(url, address):
    parsed = parse_broker(url, environ={"SECRET": "a:b@c%41"})
    assert parsed == address
    assert "a:b" not in repr(parsed)
    assert parse_broker(parsed.url) == BrokerAddress(address.host, address.port, tls=address.tls)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:1883", '"localhost" is no scheme'),
        ("http://localhost:1883", '"http" is no scheme'),
        ("mqtt://", "names no host"),
        ("mqtt://host:0", "names no host"),
        ("mqtt://host:99999", "no URL of a broker"),
        ("mqtt://host:port", "no URL of a broker"),
        ("mqtt://host/path", "names no host"),
        ("mqtt://gw:{env:NONE}@host", "the environment has no NONE"),
        ("mqtt://:geheim@host", "a password but no user"),
        ("mqtt://gw:geheim@host:x", "no URL of a broker"),
    ],
)
def test_a_url_that_is_none_is_bad_input_without_its_password(url, problem):
    with pytest.raises(BadInput) as error:
        parse_broker(url, environ={})
    assert str(error.value).startswith("HADIR_BROKER: ")
    assert problem in str(error.value)
    assert "geheim" not in str(error.value)
