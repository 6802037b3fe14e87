"""The pages: templates filled in, and the static files beside them. Nothing comes from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, NamedTuple, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.words import Words
from presence.errors import BadInput

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
# Written by others, put there by scripts/setup.sh; the licence asks to go along.
_VENDOR = ("uplot.js", "uplot.css", "uplot.LICENSE.txt")


class Asset(NamedTuple):
    """A static file, ready to be sent either way."""

    content_type: str
    plain: bytes
    zipped: bytes


class Pages:
    """Templates and static files, read once. Static files live under a digest of them all and may be kept for ever.

    Raises BadInput when the set-up left a file out.
    """

    def __init__(self) -> None:
        static = resources.files("api.pages").joinpath("static")
        ours = sorted((file for file in static.iterdir() if file.is_file()), key=lambda file: file.name)
        self.assets: Mapping[str, Asset] = {
            file.name: _asset(file.name, _content(file))
            for file in (*ours, *(static.joinpath("vendor", name) for name in _VENDOR))
        }
        whole = hashlib.sha256()
        for name, asset in self.assets.items():
            whole.update(f"{name}\0{len(asset.plain)}\0".encode() + asset.plain)
        self.digest = whole.hexdigest()[:12]
        self._templates = Environment(
            loader=PackageLoader("api", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        icons = resources.files("api.pages").joinpath("icons.svg").read_text(encoding="utf-8")
        self._templates.globals["icons"] = Markup(icons)  # noqa: S704  (our own file)

    def url(self, name: str) -> str:
        """Where the static file `name` is. Raises KeyError when there is none."""
        self.assets[name]
        return f"/static/{self.digest}/{name}"

    def render(self, template: str, words: Words, theme: Theme, **values: Any) -> str:
        """The HTML of `template`; texts, times and spans through `words`."""
        return self._templates.get_template(template).render(words=words, theme=theme, static=self.url, **values)


def _content(file: Traversable) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise BadInput(str(file), "this part of the pages is not there", remedy="run `make setup`") from None


def _asset(name: str, content: bytes) -> Asset:
    content_type = _TYPES[name[name.rindex(".") :]]
    return Asset(f"{content_type}; charset=utf-8", content, gzip.compress(content, 9, mtime=0))
