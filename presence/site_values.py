"""The kinds of values in a site file: how their text is read, checked and written."""

from __future__ import annotations

import difflib
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlsplit

from presence.instants import parse_instant
from presence.people import LONGEST_NAME, PHONE_PATTERN, TURNING, name_problem, phone_problem
from presence.service_hours import check_country, check_expression, check_timezone
from presence.site import SLUG

# What a file holds where the YAML is read: scalars, lists, mappings. Dates are the only scalars beyond JSON's.
Plain = str | int | float | bool | date | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value written as one word or text.

    `read` raises ValueError saying what is wrong and what to write. `stand_in`: takes the place of a value that is
    missing or wrong, so that the rest of the file can be checked; it never leaves the parser.
    """

    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any, tzinfo], Plain] = lambda value, zone: value
    stand_in: Any = ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?`, or what there is to choose from."""
    names = list(known)
    if close := difflib.get_close_matches(word, names, n=1):
        return f'did you mean "{close[0]}"?'
    if not names:
        return "there is none yet"
    return f"write one of {', '.join(names)}" if len(names) <= 12 else f"there are {', '.join(names[:10])}, …"


def slug_of(text: str) -> str:
    """An id made from a name: `Kepala dinas` -> `kepala-dinas`; "" when nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _verbatim(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write something, or leave the key out")
    return text.strip()


def _text(text: str) -> str:
    if TURNING.search(text):
        raise ValueError("holds an invisible character that turns what follows round; type it anew")
    return _verbatim(text)


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        hint = f', such as "{suggestion}"' if (suggestion := slug_of(text)) else ""
        raise ValueError(f'"{text}" is no id; write small letters, digits, - and _{hint}')
    return text


def _truth(text: str) -> bool:
    # All the words of YAML 1.1, whatever the reader makes of them.
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise ValueError(f'"{text}" is neither true nor false')


def integer(lowest: int, example: str) -> Scalar:
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,9}", text) or int(text) < lowest:
            raise ValueError(f'"{text}" is no whole number from {lowest} on; write for example {example}')
        return int(text)

    return Scalar(read, {"type": "integer", "minimum": lowest}, stand_in=lowest)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", text):
        raise ValueError(f'"{text}" is no number; write for example 15 or 2.5')
    return float(text)


def _written_number(value: float, zone: tzinfo) -> Plain:
    return int(value) if value == int(value) else value


_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_LONGEST_MS = 3660 * _UNITS_MS["d"]


def parse_duration(text: str, lowest_ms: int = 1) -> int:
    """The ms of a duration as a site file has it: `5m`. Raises ValueError, saying what is wrong."""
    found = re.fullmatch(r"(\d+) ?(ms|s|m|h|d)", text)
    if found is None:
        problem = "has no unit" if re.fullmatch(r"\d+(\.\d+)?", text) else "is no duration"
        raise ValueError(f'"{text}" {problem}; write {text + "s" if text == "0" else "10s"}, 2m or 1h')
    value = int(found[1]) * _UNITS_MS[found[2]]
    if value < lowest_ms:
        raise ValueError(f'"{text}" is too short; write 10s, 2m or 1h')
    if value > _LONGEST_MS:
        raise ValueError(f'"{text}" is longer than ten years; write 10s, 2m or 1h')
    return value


def _duration(lowest_ms: int) -> Scalar:
    return Scalar(
        lambda text: parse_duration(text, lowest_ms),
        {"type": "string", "pattern": r"^\d+ ?(ms|s|m|h|d)$"},
        _written_duration,
        stand_in=lowest_ms,
    )


def _written_duration(value: int, zone: tzinfo) -> str:
    return written_duration(value)


def written_duration(value: int) -> str:
    """A duration in ms as a site file has it: `5m`."""
    for unit, ms in _UNITS_MS.items():
        if value and value % ms == 0:
            return f"{value // ms}{unit}"
    return "0m"


def _instant(stand_in_ms: int) -> Scalar:
    def read(text: str) -> int:
        if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", text):
            raise ValueError(f'"{text}" is no RFC 3339 time; write "2026-11-24T09:00+07:00"')
        return parse_instant(text)

    return Scalar(read, {"type": "string", "format": "date-time"}, _written_instant, stand_in=stand_in_ms)


def _written_instant(at_ms: int, zone: tzinfo) -> str:
    at = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)
    return at.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds" if at_ms % 60_000 else "minutes")


def _date(stand_in: str) -> Scalar:
    def read(text: str) -> str:
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise ValueError(f'"{text}" is no date ({error}); write 2027-02-08') from None
        raise ValueError(f'"{text}" is no date; write 2027-02-08')

    schema = {"type": "string", "format": "date"}
    return Scalar(read, schema, lambda value, zone: date.fromisoformat(value), stand_in=stand_in)


def choice(choices: Iterable[str]) -> Scalar:
    names = list(choices)

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f'"{text}" is not known here; {did_you_mean(text, names)}')
        return text

    return Scalar(read, {"enum": names}, stand_in=names[0])


def _checked(check: Callable[[str], str | None], **schema: Any) -> Scalar:
    def read(text: str) -> str:
        if problem := check(text):
            raise ValueError(problem)
        return text

    return Scalar(read, {"type": "string", **schema})


def _trimmed(check: Callable[[str], str | None], **schema: Any) -> Scalar:
    """A checked text as people type it, with blanks around it or not."""
    checked = _checked(check, **schema)
    return replace(checked, read=lambda text: checked.read(text.strip()))


_SECRET = re.compile(r"\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_LOOPBACK = "127.0.0.1"


def channel_problem(text: str) -> str | None:
    plain = _SECRET.sub("secret", text)
    if "{" in plain or "}" in plain:
        return "holds braces that name no variable; write secrets as {env:NAME}"
    scheme, separator, rest = plain.partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) or not rest or re.search(r"\s", rest):
        return "is no channel; write a URL, such as mailto://name@host or hadir+https://host/path"
    if scheme not in ("hadir+http", "hadir+https"):
        return None
    try:
        host = urlsplit(plain).hostname
        urlsplit(plain).port  # noqa: B018  (raises for a port that is none)
    except ValueError as error:
        return f"is no URL ({error}); write {scheme}://host/path"
    if not host:
        return f"names no host; write {scheme}://host/path"
    if scheme == "hadir+http" and not _is_loopback(host):
        return f'goes unencrypted to "{host}"; write hadir+https, or name a host on this machine ({_LOOPBACK})'
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


TEXT = Scalar(_text, {"type": "string", "minLength": 1})
VERBATIM = Scalar(_verbatim, {"type": "string", "minLength": 1})  # what devices call themselves, whatever that is
ID = Scalar(_slug, {"type": "string", "pattern": f"^{SLUG.pattern}$"})
TRUTH = Scalar(_truth, {"type": "boolean"}, stand_in=False)
NUMBER = Scalar(_number, {"type": "number"}, _written_number, stand_in=0.0)
COUNT = integer(1, "1")
FLOOR_NUMBER = integer(-99, "1")
ANY_DURATION = _duration(0)
DURATION = _duration(1)
BEGIN = _instant(-(2**62))
END = _instant(2**62)
FIRST_DATE = _date("0001-01-01")
LAST_DATE = _date("9999-12-31")
PERSON = _trimmed(name_problem, minLength=1, maxLength=LONGEST_NAME)
PHONE = _trimmed(phone_problem, pattern=f"^{PHONE_PATTERN}$")
HOURS = _checked(check_expression)
ZONE = _checked(check_timezone)
COUNTRY = _checked(check_country, pattern="^[A-Z]{2}$")
CHANNEL = _checked(channel_problem, pattern="^[a-z][a-z0-9+.-]*://")
