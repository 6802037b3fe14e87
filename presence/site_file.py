"""Site files: YAML text -> Site, or every problem in it with its line; a Site -> YAML text; the JSON Schema.

YAML is read as nodes, not as values: they know their lines, and what somebody wrote (`off`, `NO`, `10:00`) stays as it
was written instead of becoming what YAML 1.1 makes of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import MISSING
from datetime import UTC, date, tzinfo
from typing import Any, NamedTuple

import yaml

from presence.errors import BadInput, BadInputs
from presence.site import DatedHours, Sensor, Site
from presence.site_checks import exception_problems, problems
from presence.site_form import EXCEPTION, SENSOR, SITE, TOP, Anything, Form, Key, ListOf, OffOr, Shape
from presence.site_inactive import inactive
from presence.site_values import Plain, Scalar, did_you_mean

__all__ = [
    "ReadSite",
    "SiteFileErrors",
    "dump_sensor",
    "dump_site",
    "inactive",
    "json_schema",
    "parse_exceptions",
    "parse_site",
    "plain",
    "read_site",
    "read_thing",
    "thing_schema",
]

_TAG = "tag:yaml.org,2002:"
_NULL = _TAG + "null"
_STRING = _TAG + "str"
_JSON_SCALARS = {_TAG + name for name in ("int", "float", "bool", "null")}
_SITE_SECTION = Key("site", SITE, "The building.")
# The C reader is ten times as fast; wheels for rare platforms lack it.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST_CONFIG = 10_000
_DEEPEST = 32
_NO_MARK = yaml.Mark("", 0, 0, 0, "", 0)


class SiteFileErrors(BadInputs):
    """All that is wrong with a site file."""


class ReadSite(NamedTuple):
    """`lines`: where each path of the file (`outlets[0].service_hours`) stands, counted from 1."""

    site: Site
    lines: dict[str, int]


def parse_site(text: str, source: str) -> Site:
    """The site that `text` describes. `source`: what to call the text in errors.

    Raises SiteFileErrors with every problem in it.
    """
    return read_site(text, source).site


def read_site(text: str, source: str) -> ReadSite:
    """As `parse_site`, with the lines, for what is said of a right file."""
    reader = _Reader(source)
    site = reader.site(_composed(text, source))
    for path, says, *_ in problems(site):
        if not reader.is_wrong(path):
            reader.tell(path, says)
    reader.end()
    return ReadSite(site, reader.lines)


def parse_exceptions(text: str, source: str) -> tuple[DatedHours, ...]:
    """The `exceptions` of a site file, written alone, as YAML or JSON. Raises SiteFileErrors, as `parse_site` does."""
    reader = _Reader(source)
    with contextlib.suppress(ValueError):
        # JSON is YAML but for characters beyond U+FFFF, which JSON may write as two.
        text = json.dumps(json.loads(text), ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise SiteFileErrors([BadInput(source, "holds half a character", remedy="write the text anew, as UTF-8")])
    exceptions = reader.exceptions(_composed(text, source))
    for path, says, *_ in exception_problems("exceptions", exceptions):
        if not reader.is_wrong(path):
            reader.tell(path, says)
    reader.end()
    return exceptions


def read_thing(given: Mapping[str, Any], form: Form, source: str) -> Any:
    """The outlet, agency, contact … that `given` describes: keys as in a site file, values of JSON; None = left out.

    `source`: what to call it in errors, and the path before each field. Raises SiteFileErrors with every problem.
    """
    reader = _Reader(source)
    thing = reader.thing(_given(given, source), form, source)
    reader.end()
    return thing


def _given(value: object, path: str, depth: int = 0) -> yaml.Node:
    """The node that stands for a JSON value. Raises SiteFileErrors for what no record can hold."""
    if depth > _DEEPEST:
        raise SiteFileErrors([BadInput(path, "is nested too deep", field=path, remedy="make it flatter")])
    match value:
        case dict():
            pairs = [(_given(name, path), _given(entry, f"{path}.{name}", depth + 1)) for name, entry in value.items()]
            return yaml.MappingNode(_TAG + "map", pairs, _NO_MARK)
        case list():
            entries = [_given(entry, f"{path}[{n}]", depth + 1) for n, entry in enumerate(value)]
            return yaml.SequenceNode(_TAG + "seq", entries, _NO_MARK)
        case str():
            if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
                problem = "holds a character that cannot be kept"
                raise SiteFileErrors([BadInput(path, problem, field=path, remedy="take it out")])
            return yaml.ScalarNode(_STRING, value, _NO_MARK)
        case bool():
            return yaml.ScalarNode(_TAG + "bool", str(value).lower(), _NO_MARK)
        case None:
            return yaml.ScalarNode(_NULL, "null", _NO_MARK)
        case _:
            kind = "int" if isinstance(value, int) else "float"
            return yaml.ScalarNode(_TAG + kind, repr(value), _NO_MARK)


def _composed(text: str, source: str) -> yaml.Node | None:
    """The root node. Raises SiteFileErrors, naming the line, when `text` is no YAML."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        line = None if mark is None else mark.line + 1
        remedy = "check indentation, colons and quotes here"
        raise SiteFileErrors([BadInput(source, f"is no YAML: {problem}", line=line, remedy=remedy)]) from error
    except yaml.reader.ReaderError as error:
        # Its position counts bytes in the C reader, characters in the other.
        line = text.count("\n", 0, text.index(chr(error.character))) + 1
        problem = f"holds a character that YAML does not allow (U+{error.character:04X})"
        raise SiteFileErrors([BadInput(source, problem, line=line, remedy="take it out")]) from error
    return node


class _Reader:
    """Reads nodes by their declared shapes, and notes each problem with its line."""

    def __init__(self, source: str) -> None:
        self.found: list[BadInput] = []
        self._source = source
        self.lines: dict[str, int] = {}
        self._wrong: list[str] = []

    def site(self, root: yaml.Node | None) -> Site:
        """The site, with stand-ins for what is missing or wrong."""
        self.lines[""] = 1
        if root is None or root.tag == _NULL:
            self.tell("", 'is empty; begin with "site:"')
        top = Form(None, (_SITE_SECTION, *TOP.keys))
        given = self._entries(root, top, "")
        if "site" not in given and isinstance(root, yaml.MappingNode):
            self.tell("site", 'is missing; begin with "site:" and its id, name, timezone, country, service_hours')
        values = self._filled(given.get("site"), SITE, "site")
        for key in TOP.keys:
            if key.name in given:
                values[key.field] = self._value(given[key.name], key.shape, key.name)
        return Site(**values)

    def exceptions(self, root: yaml.Node | None) -> tuple[DatedHours, ...]:
        """The entries of a list of exceptions, with stand-ins for what is missing or wrong."""
        if root is None or root.tag == _NULL:
            return ()
        read: tuple[DatedHours, ...] = self._value(root, ListOf(EXCEPTION), "exceptions")
        return read

    def thing(self, node: yaml.Node, form: Form, path: str) -> Any:
        """What fills one form, with stand-ins for what is missing or wrong."""
        return self._value(node, form, path)

    def end(self) -> None:
        """Raises SiteFileErrors when a problem has been noted."""
        if self.found:
            raise SiteFileErrors(sorted(self.found, key=lambda problem: problem.line or 0))

    def tell(self, path: str, says: str) -> None:
        """Note a problem at `path`, or where the nearest thing around it stands."""
        self._wrong.append(path)
        around = path
        while around not in self.lines:
            around = re.sub(r"(^|\.)[^.\[]*$|\[\d+\]$", "", around)
        self.found.append(BadInput(self._source, says, line=self.lines[around], field=path or None))

    def is_wrong(self, path: str) -> bool:
        """Whether a problem at `path`, or within it, has been told."""
        return any(wrong == path or wrong.startswith((f"{path}.", f"{path}[")) for wrong in self._wrong)

    def _value(self, node: yaml.Node, shape: Shape, path: str) -> Any:
        self.lines[path] = node.start_mark.line + 1
        match shape:
            case Scalar():
                return self._scalar(node, shape, path)
            case ListOf():
                return self._list(node, shape, path)
            case OffOr():
                return self._off_or(node, shape, path)
            case Anything():
                return self._anything(node, path)
            case Form(of=None):
                given = self._entries(node, shape, path)
                return {
                    key.name: self._value(given[key.name], key.shape, f"{path}.{key.name}")
                    for key in shape.keys
                    if key.name in given
                }
            case Form():
                assert shape.of is not None
                return shape.of(**self._filled(node, shape, path))

    def _scalar(self, node: yaml.Node, shape: Scalar, path: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.tell(path, f"is a {_kind(node)}; write one value")
            return shape.stand_in
        try:
            return shape.read(node.value)
        except ValueError as error:
            self.tell(path, str(error))
            return shape.stand_in

    def _list(self, node: yaml.Node, shape: ListOf, path: str) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.tell(path, f'is a {_kind(node)}; write a list, each entry behind a "-"')
            return ()
        if shape.exactly is not None and len(node.value) != shape.exactly:
            self.tell(path, f"has {len(node.value)} entries; write {shape.exactly}")
        if len(node.value) < shape.at_least:
            self.tell(path, f"has {len(node.value)} entries; write at least {shape.at_least}")
        return tuple(self._value(entry, shape.shape, f"{path}[{n}]") for n, entry in enumerate(node.value))

    def _off_or(self, node: yaml.Node, shape: OffOr, path: str) -> Any:
        # YAML 1.1 takes a bare `off` for false: it means off all the same.
        if isinstance(node, yaml.ScalarNode):
            if node.value.lower() not in ("off", "false", "no"):
                keys = ", ".join(key.name for key in shape.form.keys)
                self.tell(path, f'"{node.value}" says nothing; write off, or {{…}} with any of {keys}')
            return shape.off
        return self._value(node, shape.form, path)

    def _anything(self, node: yaml.Node, path: str) -> Any:
        if not isinstance(node, yaml.MappingNode):
            self.tell(path, f'is a {_kind(node)}; write a mapping, "key: value"')
            return {}
        if _is_too_large(node):
            self.tell(path, f"holds itself, or more than {_LARGEST_CONFIG:,} values; make it smaller")
            return {}
        try:
            return _json(node)
        except (yaml.MarkedYAMLError, ValueError) as error:
            problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self.tell(path, f"cannot be kept: {problem}; write texts, numbers, lists and mappings")
            return {}

    def _filled(self, node: yaml.Node | None, form: Form, path: str) -> dict[str, Any]:
        """A value for each field of the dataclass that is given or must be."""
        given = {} if node is None else self._entries(node, form, path)
        values: dict[str, Any] = {}
        for key in form.keys:
            if key.name in given:
                values[key.field] = self._value(given[key.name], key.shape, f"{path}.{key.name}")
            elif form.required(key):
                if isinstance(node, yaml.MappingNode):
                    self.tell(f"{path}.{key.name}", f"is missing; write it ({key.says[0].lower()}{key.says[1:-1]})")
                values[key.field] = _stand_in(key.shape)
        for key in form.keys:
            if key.derived is not None and key.field not in values:
                values[key.field] = key.derived(values)
        return values

    def _entries(self, node: yaml.Node | None, form: Form, path: str) -> dict[str, yaml.Node]:
        """The value nodes by key; a key without a value counts as left out."""
        if not isinstance(node, yaml.MappingNode):
            if node is not None and (path or node.tag != _NULL):
                self.tell(path, f'is a {_kind(node)}; write a mapping, "key: value"')
            return {}
        self.lines.setdefault(path, node.start_mark.line + 1)
        known = {key.name: key for key in form.keys}
        given: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        for name_node, value_node in node.value:
            name = name_node.value if isinstance(name_node, yaml.ScalarNode) else "?"
            line = name_node.start_mark.line + 1
            at = f"{path}.{name}" if path else name
            self.lines.setdefault(at, line)
            if name not in known:
                self.tell(at, f"no such key; {did_you_mean(name, known)}")
            elif name in lines:
                self.lines[at] = line
                self.tell(at, f"is written twice, first in line {lines[name]}; leave one out")
            elif value_node.tag != _NULL or isinstance(known[name].shape, OffOr):
                given[name] = value_node
            lines.setdefault(name, line)
        return given


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "mapping"
    return "list" if isinstance(node, yaml.SequenceNode) else "single value"


def _stand_in(shape: Shape) -> Any:
    return shape.stand_in if isinstance(shape, Scalar) else ()


def _is_too_large(node: yaml.Node) -> bool:
    """Also for what holds itself, by an alias."""
    count, waiting = 0, [node]
    while waiting and count <= _LARGEST_CONFIG:
        node = waiting.pop()
        count += 1
        if isinstance(node, yaml.MappingNode):
            waiting.extend(value for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
    return count > _LARGEST_CONFIG


def _json(node: yaml.Node) -> Any:
    """What JSON can hold of `node`. Raises ValueError or yaml.MarkedYAMLError."""
    if isinstance(node, yaml.MappingNode):
        if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
            raise ValueError("a key is not a single word")
        return {key.value: _json(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_json(entry) for entry in node.value]
    if node.tag not in _JSON_SCALARS:
        return node.value
    value = yaml.SafeLoader("").construct_object(node)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{node.value} is no number that can be sent")
    return value


class OneLine(dict[str, Plain]):
    """A mapping that is written on one line."""


class _Off(str):
    """What stands in the place of a mapping; a text that reads the same is a text."""


def plain(value: object, shape: Shape, zone: tzinfo) -> Plain:
    """`value` as it stands in a site file; what is as by default is left out. `zone`: of the instants."""
    match shape:
        case Scalar():
            return shape.write(value, zone)
        case ListOf():
            assert isinstance(value, tuple)
            return [plain(entry, shape.shape, zone) for entry in value]
        case OffOr():
            return _Off("off") if value == shape.off else plain(value, shape.form, zone)
        case Anything():
            assert isinstance(value, dict)
            return value
        case Form():
            written = OneLine() if shape.one_line else {}
            for key in shape.keys:
                if _is_said(value, key, shape):
                    written[key.name] = plain(_get(value, key), key.shape, zone)
            return written


def _get(value: object, key: Key) -> Any:
    return value.get(key.name) if isinstance(value, dict) else getattr(value, key.field)


def _is_said(value: object, key: Key, form: Form) -> bool:
    """Whether leaving `key` out would mean something else."""
    said = _get(value, key)
    if key.derived is not None:
        return bool(said != key.derived({other.field: _get(value, other) for other in form.keys}))
    return bool(said != form.default(key))


def dump_site(site: Site) -> str:
    """YAML text of `site` that `parse_site` reads back as the same site."""
    zone = zoneinfo.ZoneInfo(site.timezone)
    top = plain(site, TOP, zone)
    assert isinstance(top, dict)
    sections = {"site": plain(site, SITE, zone), **top}
    return "\n".join(
        yaml.serialize(_node({name: section}), Dumper=_Dumper, width=math.inf, allow_unicode=True)
        for name, section in sections.items()
    )


def dump_sensor(sensor: Sensor) -> str:
    """The line of a site file, below `sensors:` of its outlet, that `sensor` is; safe to print whatever its names."""
    node = _node([plain(sensor, SENSOR, UTC)])
    text = yaml.serialize(node, Dumper=_Dumper, width=math.inf, allow_unicode=True).strip()
    if not text.isprintable():
        text = yaml.serialize(node, Dumper=_Dumper, width=math.inf, allow_unicode=False).strip()
    return text


class _Dumper(yaml.SafeDumper):
    """Lists stand two spaces in, under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


# Text that needs no quotes anywhere, if YAML does not take it for something else.
_BARE = re.compile(r"[A-Za-z0-9/][\w/.+-]*( [\w/.+-]+)*", re.ASCII)


def _node(value: Plain) -> yaml.Node:
    match value:
        case dict():
            pairs = [(yaml.ScalarNode(_STRING, name), _node(entry)) for name, entry in value.items()]
            return yaml.MappingNode(_TAG + "map", pairs, flow_style=isinstance(value, OneLine) or not value)
        case list():
            one_line = not any(isinstance(entry, dict) for entry in value)
            return yaml.SequenceNode(_TAG + "seq", [_node(entry) for entry in value], flow_style=one_line)
        case _Off():
            return yaml.ScalarNode(_TAG + "bool", value)
        case str():
            return yaml.ScalarNode(_STRING, value, style=None if _BARE.fullmatch(value) else '"')
        case date():
            return yaml.ScalarNode(_TAG + "timestamp", value.isoformat())
        case _:
            node: yaml.Node = _Dumper(io.StringIO()).represent_data(value)
            return node


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a site file."""
    top = Form(None, (_SITE_SECTION, *TOP.keys))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hadir site file",
        **_schema(top),
        "required": ["site"],
    }


def thing_schema(form: Form) -> dict[str, Any]:
    """The JSON Schema of one mapping of a site file."""
    return _schema(form)


def _schema(shape: Shape) -> dict[str, Any]:
    match shape:
        case Scalar():
            return dict(shape.schema)
        case ListOf():
            bounds = {"minItems": shape.exactly or shape.at_least, "maxItems": shape.exactly}
            return {"type": "array", "items": _schema(shape.shape), **{name: n for name, n in bounds.items() if n}}
        case OffOr():
            return {"oneOf": [{"enum": ["off", False]}, _schema(shape.form)]}
        case Anything():
            return {"type": "object"}
        case Form():
            required = [key.name for key in shape.keys if shape.required(key)]
            return {
                "type": "object",
                "additionalProperties": False,
                "properties": {key.name: _property(shape, key) for key in shape.keys},
                **({"required": required} if required else {}),
            }


def _property(form: Form, key: Key) -> dict[str, Any]:
    default = form.default(key)
    told = isinstance(key.shape, Scalar) and key.derived is None and default is not None and default is not MISSING
    return {
        **_schema(key.shape),
        "description": key.says,
        **({"default": plain(default, key.shape, UTC)} if told else {}),
    }
