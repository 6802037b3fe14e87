"""What is not translated: texts that nobody uses or has, words outside of the texts, pages that mix two languages."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import api
from api.access import RULES
from api.words import LANGUAGES, Lang, Text, texts
from presence.alerts.life import Alert
from presence.site import Absence, Contact
from storage.record.alerts import StoredAlert, put
from storage.record.declarations import declare
from storage.record.users import make_account, make_token
from tests.fixtures.lobby import lobby, speak
from tests.fixtures.mall import MINUTE, NOW
from tests.fixtures.web import Browser, Web

API = Path(api.__file__).parent
TEMPLATES = sorted((API / "pages").glob("*.html"))
MODULES = sorted((API / "pages" / "static").glob("*.js"))

# Alike in both languages.
ALIKE = {
    "API", "Sensor", "radar", "administrator", "CO₂", "{n} token",
}  # fmt: skip
# Names and signs that are no words of a language.
NAMES = {"Hadir", "Authorization", "Bearer", "hadir", "openapi.json", "api", "v1", "public"}
PLACEHOLDER = re.compile(r"\{\w+\}")


def forms(text: Text) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def test_no_text_is_alike_in_both_languages_but_those_that_are():
    indonesian, english = (texts(lang) for lang in LANGUAGES)
    alike = {text for key, text in indonesian.items() if isinstance(text, str) and text in forms(english[key])}
    # Of values and signs alone nothing can be translated.
    assert {text for text in alike if re.search(r"[^\W\d_]", PLACEHOLDER.sub("", text))} == ALIKE


# Keys


class Used:
    """The keys that the sources name: whole, or as patterns with a value in them. `said`: what surely is a key."""

    def __init__(self) -> None:
        self.whole: set[str] = set()
        self.patterns: set[str] = set()
        self.said: set[str] = set()
        for path in API.rglob("*.py"):
            self._python(ast.parse(path.read_text(encoding="utf-8")))
        for path in TEMPLATES:
            self._template(Environment().parse(path.read_text(encoding="utf-8")))  # noqa: S701  (nothing is rendered)
        for path in MODULES:
            self._module(path.read_text(encoding="utf-8"))

    def _python(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.whole.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = (str(one.value) if isinstance(one, ast.Constant) else None for one in node.values)
                self._pattern(list(parts))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "words" and node.args:
                first = node.args[0]
                found = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
                self.said |= {str(one.value) for one in found if isinstance(one, ast.Constant)}

    def _template(self, tree: nodes.Template) -> None:
        self.whole |= {const.value for const in tree.find_all(nodes.Const) if isinstance(const.value, str)}
        for concat in tree.find_all(nodes.Concat):
            self._pattern([one.value if isinstance(one, nodes.Const) else None for one in concat.nodes])
        for call in tree.find_all(nodes.Call):
            if (
                isinstance(call.node, nodes.Name)
                and call.node.name == "words"
                and isinstance(call.args[0], nodes.Const)
            ):
                self.said.add(call.args[0].value)

    def _module(self, source: str) -> None:
        self.whole |= set(re.findall(r'"([^"\n]+)"', source))
        for text in re.findall(r"`([^`\n]+)`", source):
            self._pattern([None if n % 2 else part for n, part in enumerate(re.split(r"\$\{([^}]*)\}", text))])
        self.said |= set(re.findall(r'words\.text\("([^"]+)"', source))

    def _pattern(self, parts: list[str | None]) -> None:
        if "." in "".join(filter(None, parts)):
            self.patterns.add("".join("[a-z0-9_]+" if part is None else re.escape(part) for part in parts))


def test_every_text_that_is_asked_for_is_there_and_none_that_is_not():
    used, there = Used(), set(texts("id"))
    assert used.said - there == set()
    known = re.compile("|".join(f"(?:{pattern})" for pattern in used.patterns))
    assert {key for key in there if key not in used.whole and not known.fullmatch(key)} == set()


# Words outside of the texts


class Spoken(HTMLParser):
    """What a page says: its text by node, and attributes that are read out. Code, data and what is marked as of another
    language are none of it.
    """

    ATTRIBUTES = ("alt", "title", "aria-label", "placeholder", "aria-valuetext", "data-label")
    SILENT = ("script", "style", "code", "template")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.lang: str | None = None
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.lang = given.get("lang")
        silent = tag in self.SILENT or (tag != "html" and "lang" in given)
        if tag not in ("meta", "link", "input", "br"):
            self._open.append((tag, silent))
        if not any(one for _, one in self._open):
            self.said += [value for name in self.ATTRIBUTES if (value := given.get(name))]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Shapes of a drawing: they hold nothing."""

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag in (name for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not any(silent for _, silent in self._open) and data.strip():
            self.said.append(" ".join(data.replace("\u00a0", " ").split()))


def letters(said: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_][\w.]+", said) if word not in NAMES}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_words_of_its_own(path: Path):
    tree = Environment().parse(path.read_text(encoding="utf-8"))  # noqa: S701  (nothing is rendered)
    classes = {
        id(one) for block in tree.find_all(nodes.Block) if block.name in ("main_class", "body") for one in block.body
    }
    spoken = Spoken()
    for output in tree.find_all(nodes.Output):
        for one in () if id(output) in classes else output.nodes:
            spoken.feed(one.data if isinstance(one, nodes.TemplateData) else "…")
    assert [said for said in spoken.said if letters(said)] == []


# Where a module writes words, and what reads like a sentence.
WRITTEN = re.compile(
    r"""(?:\.(?:textContent|innerText|innerHTML|title|placeholder|alt|ariaLabel)\s*\+?=\s*|"""
    r"""(?:\bset\([^,\n]+|setAttribute\("(?:aria-label|title|alt|placeholder|aria-valuetext)"),\s*)["`']([^"`'\n]*)"""
)
SENTENCE = re.compile(r"""["`']([A-Z][a-z]+,? [a-z][^"`'\n]*)["`']""")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_has_words_of_its_own(path: Path):
    code = re.sub(r"(?m)^\s*//.*$|\s//\s.*$", "", path.read_text(encoding="utf-8"))
    said = [re.sub(r"\$\{.*?(?:\}|$)", "", one) for one in (*WRITTEN.findall(code), *SENTENCE.findall(code))]
    assert [one for one in said if letters(one)] == []


# Pages


@pytest.fixture
def mall(web: Web) -> Web:
    """Everything that pages tell of: every status, an alert, an absence, contacts, sensors."""
    people = (Contact(id="koordinator", name="Ani", phone="0231 555"),)
    first, *others = lobby().agencies
    agencies = (dataclasses.replace(first, contacts=people), *others)
    web.apply(lobby(agencies=agencies, contacts=(Contact(id="pengelola", name="Budi", role="facility_manager"),)))
    speak(web.app.state.feed.live)
    with web.record.writing(durable=False) as connection:
        alert = Alert("vacancy", "outlet", "o-2", NOW - 20 * MINUTE, NOW - 10 * MINUTE)
        put(connection, "balai", StoredAlert("a1", alert, False, None), NOW)
        wanted = Absence(outlet="o-1", from_ms=NOW + MINUTE, to_ms=NOW + 60 * MINUTE, reason="meeting")
        declare(connection, "balai", wanted, "ani", NOW)
    return web


VALUES = {"site": "balai", "outlet": "o-1", "agency": "i0-0", "contact": "koordinator", "sensor": "o-1-s", "name": "x"}


def addresses() -> Iterator[str]:
    """Every page that can be opened, with and without what is asked of it; a new one is met here by itself."""
    for method, path in (rule.split(" ") for rule in RULES):
        if method == "GET" and not path.startswith(("/api/", "/static")):
            yield re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: VALUES.get(match[1], "x"), path)
    yield from ("/?wall=1", "/?view=plan", "/?q=notaris", "/public/board?site=balai", "/account?first=1&done=password")
    yield from ("/admin?part=agencies", "/admin?part=contacts", "/admin?part=inbox", "/agency?agency=i0-0", "/nowhere")
    yield from ("/admin/sites/balai/contacts/pengelola", "/login?code=spent", "/?lang=fr")


def matcher(told: list[str]) -> re.Pattern[str]:
    return re.compile("|".join("(?:.+)".join(map(re.escape, PLACEHOLDER.split(text))) for text in told))


def words_of_one_language(lang: Lang) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What matches a text of the other language, and what matches one of `lang`."""
    other: Lang = "en" if lang == "id" else "id"
    own = {form.strip() for text in texts(lang).values() for form in forms(text)}
    foreign = {form.strip() for text in texts(other).values() for form in forms(text)} - own
    enough = [text for text in foreign if len(re.findall(r"[^\W\d_]{3,}", PLACEHOLDER.sub("", text))) >= 1]
    return matcher(enough), matcher([text for text in own if PLACEHOLDER.sub("", text).strip(" ,.;:–·")])


def pages(web: Web, reader: Browser, lang: Lang) -> Iterator[tuple[str, Spoken]]:
    for path in addresses():
        answer = reader.get(path, headers={"cookie": f"hadir_lang={lang}"})
        if answer.headers.get("content-type", "").startswith("text/html"):
            spoken = Spoken()
            spoken.feed(answer.text)
            yield path, spoken


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_page_mixes_languages(mall: Web, lang: Lang):
    with mall.record.writing(durable=False) as connection:
        make_account(connection, "ani", NOW, "administrator")
        token = make_token(connection, "ani", "", NOW)
    foreign, own = words_of_one_language(lang)
    met: dict[str, list[str]] = {}
    for reader in (mall.ask(authorization=f"Bearer {token}", accept="text/html"), mall.ask(accept="text/html")):
        for path, spoken in pages(mall, reader, lang):
            assert spoken.lang == lang, path
            met[path] = [
                said
                for said in spoken.said
                if foreign.fullmatch(said) and not own.fullmatch(said) and said not in NAMES
            ]
    assert {path: said for path, said in met.items() if said} == {}
    assert len(met) > 30
