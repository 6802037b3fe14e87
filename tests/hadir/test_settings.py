import argparse
from pathlib import Path

import pytest

from hadir import settings
from hadir.settings import Settings
from presence.errors import BadInput
from transport.session import BrokerAddress


def load(*words: str, environment: dict[str, str] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    settings.add_flags(parser)
    settings.add_flags(parser, "host", "port", "mqtt_port")
    return settings.load(parser.parse_args(words), environment or {})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "hadir.toml").write_text('port = 8082\nlog_level = "error"\nbroker = "mqtt://from-file"\n')
    return tmp_path


def test_without_anything_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert load() == Settings()
    assert load().data == Path("hadir-data")
    assert load().record_url() == f"sqlite:///{tmp_path}/hadir-data/record.db"
    assert load().store_url() == f"sqlite:///{tmp_path}/hadir-data"


def test_flag_goes_before_variable_before_file(data: Path):
    environment = {"HADIR_DATA": str(data), "HADIR_PORT": "8081", "HADIR_LOG_LEVEL": "debug"}
    found = load("--port", "8080", environment=environment)
    assert (found.port, found.log_level, found.broker) == (8080, "debug", "mqtt://from-file")
    assert found.data_named


def test_verbose_is_log_level_info(data: Path):
    assert load("--data", str(data), "--verbose").log_level == "info"


def test_file_named_by_config_may_set_the_data_directory_beside_itself(tmp_path: Path):
    (tmp_path / "other.toml").write_text('data = "kept"\n')
    assert load("--config", str(tmp_path / "other.toml")).data == tmp_path / "kept"
    assert load(environment={"HADIR_CONFIG": str(tmp_path / "other.toml")}).data == tmp_path / "kept"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--port", "80a"], '--port: "80a" is no port; write a number from 1 to 65535, or 0 for a free one'),
        (["--port", "70000"], '--port: "70000" is no port; write a number from 1 to 65535, or 0 for a free one'),
        (["--broker", "localhost:1883"], "--broker: no URL; write mqtt://HOST:1883"),
        (["--broker", "http://h"], '--broker: "http://" is no broker; write mqtt://HOST:1883 or mqtts://HOST:8883'),
        (["--broker", "mqtt://:1883"], "--broker: names no host; write mqtt://HOST:1883"),
        (["--store", "readings"], "--store: no URL; write sqlite:///FOLDER or influxdb://HOST:8086/DATABASE"),
        (["--log-level", "loud"], '--log-level: "loud" is none of debug, info, warning, error'),
        (["--host", ""], '--host: "" is no address to listen on; write 127.0.0.1, or 0.0.0.0 for every network'),
        (["--config", "no.toml"], "no.toml: there is no such settings file; correct --config or HADIR_CONFIG"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_flag(words: list[str], line: str):
    with pytest.raises(BadInput) as caught:
        load(*words)
    assert str(caught.value) == line


def test_a_wrong_variable_is_named():
    with pytest.raises(BadInput, match=r'^HADIR_MQTT_PORT: "x" is no port'):
        load(environment={"HADIR_MQTT_PORT": "x"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('\nbrocker = "mqtt://h"\n', ':2: brocker: no such setting; did you mean "broker"?'),
        ("port = true\n", ":1: port: neither text nor a number"),
        ("port = 99999\n", ':1: port: "99999" is no port; write a number from 1 to 65535, or 0 for a free one'),
        ("port = 1\nport = 2\n", ":2: no TOML: Cannot overwrite a value"),
        (
            'data = "x"\n',
            (
                ":1: data: this file is found by the data directory and cannot name another; "
                "set HADIR_DATA, or name the file by --config"
            ),
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, line: str):
    (tmp_path / "hadir.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load("--data", str(tmp_path))
    assert str(caught.value) == f"{tmp_path}/hadir.toml{line}"


def test_secrets_stay_in_the_environment_and_are_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TEST_PASSWORD", "horse")
    found = load("--store", "influxdb://hadir:{env:TEST_PASSWORD}@db/hadir", "--broker", "mqtt://u:secret@h")
    assert found.store_url() == "influxdb://hadir:{env:TEST_PASSWORD}@db/hadir"
    assert "secret" not in repr(found)


def test_without_a_broker_it_is_the_one_of_this_machine():
    assert load().broker_address() == BrokerAddress("127.0.0.1", 1883)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("ISSUER", "http://sso.example/realms/kota", "is no issuer; write its https://HOST/PATH, without ?, # or a"),
        ("ISSUER", "https://u:p@sso.example", "is no issuer"),
        ("ISSUER", "https://sso.example?x=1", "is no issuer"),
        ("ISSUER", "https://sso.example", "is of no use without HADIR_OIDC_CLIENT_ID; set HADIR_OIDC_CLIENT_ID too"),
        ("CLIENT_ID", "hadir", "is of no use without HADIR_OIDC_ISSUER"),
        ("SCOPES", "email", 'has no "openid"; write openid email profile'),
    ],
)
def test_what_is_wrong_with_an_issuer_is_told(name: str, text: str, problem: str):
    with pytest.raises(BadInput) as caught:
        load(environment={f"HADIR_OIDC_{name}": text})
    assert str(caught.value).startswith(f"HADIR_OIDC_{name}: {problem}")


def test_the_document_shows_the_table_as_it_is():
    document = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert settings.documentation() in document.read_text(), (
        "put into docs/configuration.md:\n" + settings.documentation()
    )


def test_the_example_file_names_every_setting_with_its_default(tmp_path: Path):
    example = Path(__file__).parents[2] / "config" / "hadir.example.toml"
    uncommented = "".join(line.removeprefix("#") for line in example.read_text().splitlines(True) if line[:2] != "# ")
    (tmp_path / "example.toml").write_text(uncommented)
    found = load("--config", str(tmp_path / "example.toml"))
    named = {line.split("=")[0].strip() for line in uncommented.splitlines() if "=" in line}
    assert named == {setting.name for setting in settings.SETTINGS}
    assert (found.host, found.port, found.mqtt_port, found.log_level) == ("127.0.0.1", 8080, 1883, "warning")
