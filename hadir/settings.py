"""Settings: one table (shown in docs/configuration.md), checked once. Flags go before variables, file and defaults.

The file is the one named by `--config` or HADIR_CONFIG, else `hadir.toml` in the data directory when there is one.
"""

from __future__ import annotations

import argparse
import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from presence.errors import BadInput

if TYPE_CHECKING:
    from transport.session import BrokerAddress

FILE_NAME = "hadir.toml"
MQTT_PORT = 1883
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
_DEFAULT_DATA = "hadir-data"
_LONGEST_NAME = 40
_DEST = "setting_"  # keeps a command's own --port apart from the port of the pages


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What every command works with. A secret in a URL stands there as `{env:NAME}` until a connection is made.

    `data_named`: the data directory was chosen by somebody and is not the default.
    """

    data: Path = Path(_DEFAULT_DATA)
    data_named: bool = False
    broker: str | None = field(default=None, repr=False)
    store: str | None = field(default=None, repr=False)
    record: str | None = field(default=None, repr=False)
    heartbeat: str | None = field(default=None, repr=False)
    log_level: str = "warning"
    log_format: str = "text"
    host: str = "127.0.0.1"
    port: int = 8080
    mqtt_port: int | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_name: str | None = None
    oidc_scopes: str = "openid email profile"

    def store_url(self) -> str:
        """The store of readings: as set, else SQLite files in the data directory."""
        return self.store or f"sqlite:///{self.data.absolute()}"

    def record_url(self) -> str:
        """The record: as set, else `record.db` in the data directory."""
        return self.record or f"sqlite:///{self.data.absolute()}/record.db"

    def broker_address(self) -> BrokerAddress:
        """The broker as set, else mosquitto's own port on this machine."""
        from transport.session import parse_broker

        return parse_broker(self.broker or f"mqtt://127.0.0.1:{MQTT_PORT}")


class Setting(NamedTuple):
    """One row of the table. `name`: field of Settings and key of the file; `everywhere`: every command has the flag."""

    name: str
    read: Callable[[str], object]  # raises ValueError(problem; remedy)
    metavar: str
    default: str
    meaning: str
    everywhere: bool = True

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "HADIR_" + self.name.upper()


def _folder(text: str) -> Path:
    if not text.strip():
        raise ValueError(f"names no folder; write {_DEFAULT_DATA}")
    return Path(text)


def _split_url(text: str, example: str) -> SplitResult:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  (raises for a port that is none)
    except ValueError as error:
        raise ValueError(f"no URL ({error}); write {example}") from None
    if not url.scheme or "://" not in text:
        raise ValueError(f"no URL; write {example}")
    return url


def _broker(text: str) -> str:
    url = _split_url(text, "mqtt://HOST:1883")
    if url.scheme not in ("mqtt", "mqtts"):
        raise ValueError(f'"{url.scheme}://" is no broker; write mqtt://HOST:1883 or mqtts://HOST:8883')
    if not url.hostname:
        raise ValueError("names no host; write mqtt://HOST:1883")
    return text


def _store(text: str) -> str:
    _split_url(text, "sqlite:///FOLDER or influxdb://HOST:8086/DATABASE")
    return text


def _record(text: str) -> str:
    _split_url(text, "sqlite:///FILE or postgresql://HOST/DATABASE")
    return text


def _heartbeat(text: str) -> str:
    url = _split_url(text, "https://HOST/PATH")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("is no http address; write https://HOST/PATH")
    return text


def _issuer(text: str) -> str:
    from api.oidc.addresses import is_safe

    url = _split_url(text, "https://HOST/PATH")
    if not is_safe(text) or url.query or url.fragment:
        raise ValueError("is no issuer; write its https://HOST/PATH, without ?, # or a password")
    return text


def _word(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError("is not printable, or has blanks; copy it from the issuer again")
    return text


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError(f"is no name; write at most {_LONGEST_NAME} printable characters")
    return text.strip()


def _scopes(text: str) -> str:
    scopes = text.split()
    if "openid" not in scopes or not text.isascii():
        raise ValueError('has no "openid"; write openid email profile')
    return " ".join(scopes)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError(f'"{text}" is no port; write a number from 1 to 65535, or 0 for a free one')
    return int(text)


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f'"{text}" is none of {", ".join(choices)}')
        return text

    return read


def _host(text: str) -> str:
    if not text or re.search(r"[\s/]", text):
        raise ValueError(f'"{text}" is no address to listen on; write 127.0.0.1, or 0.0.0.0 for every network')
    return text


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "data",
        _folder,
        "DIR",
        f"./{_DEFAULT_DATA}",
        "Folder of everything that Hadir keeps on this machine. `hadir up --demo` keeps its own in `hadir-data/demo` "
        "unless a folder is named.",
    ),
    Setting(
        "broker",
        _broker,
        "URL",
        "mqtt://127.0.0.1:1883",
        "MQTT broker: `mqtt://[user:password@]host:port`, `mqtts://` with TLS. Unless named, `hadir up` starts one.",
    ),
    Setting(
        "store",
        _store,
        "URL",
        "sqlite:///DATA",
        "Store of readings: `sqlite:///FOLDER`, `influxdb://[user:password@]host:port/DATABASE`, for InfluxDB 2 and 3 "
        "`influxdb://host:port/?org=…&bucket=…&token={env:NAME}`; `influxdb+https://` with TLS.",
    ),
    Setting(
        "record",
        _record,
        "URL",
        "sqlite:///DATA/record.db",
        "Record of registry, intervals and alerts: `sqlite:///FILE`; when several machines share it "
        "`postgresql://[user:password@]host:port/DATABASE`, with `?sslmode=verify-full` over TLS.",
    ),
    Setting(
        "heartbeat",
        _heartbeat,
        "URL",
        "none",
        "Called by the engine once a minute as long as alerts can be raised, so that a service elsewhere hears of its "
        "silence: `https://HOST/PATH`, with `{env:NAME}` for what is secret in it.",
    ),
    Setting("log_level", _one_of(LOG_LEVELS), "LEVEL", "warning", f"What is logged: {', '.join(LOG_LEVELS)}."),
    Setting(
        "log_format",
        _one_of(LOG_FORMATS),
        "FORMAT",
        "text",
        "Form of the log on standard error: text, or json (one object a line).",
    ),
    Setting(
        "host",
        _host,
        "ADDRESS",
        "127.0.0.1",
        "Address on which the pages are served (`hadir up`, `hadir api run`); 0.0.0.0 opens them to every network.",
        everywhere=False,
    ),
    Setting(
        "port",
        _port,
        "PORT",
        "8080",
        "Port of the pages (`hadir up`, `hadir api run`); 0 takes a free one.",
        everywhere=False,
    ),
    Setting(
        "mqtt_port",
        _port,
        "PORT",
        str(MQTT_PORT),
        "Port of the broker that `hadir up` starts; 0 takes a free one, as does `--demo` unless a port is named.",
        everywhere=False,
    ),
    Setting(
        "oidc_issuer",
        _issuer,
        "URL",
        "none",
        "Issuer of OpenID Connect by which people may log in, as it calls itself (docs/oidc.md): `https://HOST/PATH`.",
        everywhere=False,
    ),
    Setting("oidc_client_id", _word, "ID", "none", "What the issuer knows Hadir by.", everywhere=False),
    Setting(
        "oidc_client_secret",
        _word,
        "SECRET",
        "none",
        "With what Hadir proves itself to the issuer; `{env:NAME}` takes it from that variable. None: a public client.",
        everywhere=False,
    ),
    Setting(
        "oidc_name",
        _name,
        "NAME",
        "the issuer's host",
        "What people call the issuer; the log-in page has it on its button.",
        everywhere=False,
    ),
    Setting(
        "oidc_scopes",
        _scopes,
        "SCOPES",
        "openid email profile",
        "What the issuer is asked to tell of a person.",
        everywhere=False,
    ),
)
OIDC = tuple(setting.name for setting in SETTINGS if setting.name.startswith("oidc_"))
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def add_flags(parser: argparse.ArgumentParser, *names: str) -> None:
    """Give `parser` the flags of the settings `names`; without names, those that every command has."""
    group = parser.add_argument_group("settings (docs/configuration.md)")
    for setting in [_BY_NAME[name] for name in names] or [setting for setting in SETTINGS if setting.everywhere]:
        group.add_argument(
            setting.flag,
            dest=_DEST + setting.name,
            metavar=setting.metavar,
            default=argparse.SUPPRESS,
            help=f"{setting.meaning} {setting.variable}; default {setting.default}".replace("%", "%%"),
        )
    if not names:
        group.add_argument(
            "--config",
            dest=_DEST + "config",
            metavar="FILE",
            default=argparse.SUPPRESS,
            help=f"Settings file (TOML). HADIR_CONFIG; default {FILE_NAME} in the data directory",
        )
        group.add_argument(
            "-v",
            "--verbose",
            dest=_DEST + "log_level",
            action="store_const",
            const="info",
            default=argparse.SUPPRESS,
            help="Short for --log-level info",
        )


def load(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """The settings of one run. Raises BadInput naming the flag, variable or line of the file that is wrong."""
    flags = {name.removeprefix(_DEST): text for name, text in vars(arguments).items() if name.startswith(_DEST)}
    found: dict[str, object] = {}
    for setting in SETTINGS:
        if setting.name in flags:
            found[setting.name] = _read(setting, flags[setting.name], source=setting.flag)
        elif environment.get(setting.variable):
            found[setting.name] = _read(setting, environment[setting.variable], source=setting.variable)
    named = flags.get("config") or environment.get("HADIR_CONFIG")
    data = found.get("data", Path(_DEFAULT_DATA))
    assert isinstance(data, Path)
    for name, value in _from_file(Path(named) if named else data / FILE_NAME, required=bool(named)).items():
        found.setdefault(name, value)
    _check_oidc(found)
    return Settings(data_named="data" in found, **found)  # type: ignore[arg-type]  # each `read` gives its field's type


def _check_oidc(found: Mapping[str, object]) -> None:
    """Raises BadInput when issuer or client is missing beside the other."""
    for present, missing in (("oidc_issuer", "oidc_client_id"), ("oidc_client_id", "oidc_issuer")):
        if present in found and missing not in found:
            needed = _BY_NAME[missing].variable
            raise BadInput(_BY_NAME[present].variable, f"is of no use without {needed}", remedy=f"set {needed} too")


def _read(setting: Setting, text: str, *, source: str, line: int | None = None, field: str | None = None) -> object:
    try:
        return setting.read(text)
    except ValueError as error:
        raise BadInput(source, str(error), line=line, field=field) from None


def _from_file(path: Path, *, required: bool) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise BadInput(
                str(path), "there is no such settings file", remedy="correct --config or HADIR_CONFIG"
            ) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"the settings file cannot be read: {error}") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at line (\d+), column \d+\)", str(error))
        problem = str(error).replace(at[0], "") if at else str(error)
        raise BadInput(str(path), f"no TOML: {problem}", line=int(at[1]) if at else None) from None

    found: dict[str, object] = {}
    for key, value in table.items():
        line = _line_of(text, key)
        setting = _BY_NAME.get(key)
        if setting is None:
            near = difflib.get_close_matches(key, _BY_NAME, 1)
            remedy = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(_BY_NAME)}"
            raise BadInput(str(path), "no such setting", line=line, field=key, remedy=remedy)
        if key == "data" and not required:
            problem = "this file is found by the data directory and cannot name another"
            raise BadInput(
                str(path), problem, line=line, field=key, remedy="set HADIR_DATA, or name the file by --config"
            )
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadInput(str(path), "neither text nor a number", line=line, field=key)
        found[key] = _read(setting, str(value), source=str(path), line=line, field=key)
        if key == "data":  # as in other settings files, relative to the file
            found[key] = path.parent / str(value)
    return found


def _line_of(text: str, key: str) -> int | None:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"""\s*\[?["']?{re.escape(key)}\b""", line):
            return number
    return None


def documentation() -> str:
    """The table of docs/configuration.md, in Markdown."""
    rows = ["| setting (key in the file) | flag | variable | default | meaning |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| `{setting.name}` | `{setting.flag}` | `{setting.variable}` | `{setting.default}` | {setting.meaning} |"
        for setting in SETTINGS
    ]
    return "\n".join(rows) + "\n"
