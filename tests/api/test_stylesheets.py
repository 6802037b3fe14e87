"""The style sheets and what they speak of: no rule is left for a class that nothing on the pages has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import api

ROOT = Path(api.__file__).parent
SHEETS = sorted((ROOT / "pages" / "static").glob("*.css"))
# Stands for what is filled in when a page is made.
FILLED = "\0"


def classes_of(sheet: str) -> set[str]:
    """The classes that the selectors of a style sheet name."""
    bare = re.sub(r"/\*.*?\*/|\[[^\]]*\]", "", sheet, flags=re.DOTALL)
    return {
        name for selector in re.findall(r"([^{}]+)\{", bare) for name in re.findall(r"\.([A-Za-z][\w-]*)", selector)
    }


def texts_of_template(template: str) -> Iterator[str]:
    """What may be a class in it: its `class` attributes, the blocks that fill them, the texts of its expressions."""
    code = re.findall(r"\{\{.*?\}\}|\{%.*?%\}", template, re.DOTALL)
    yield from (text for one in code for text in re.findall(r'"([^"]*)"', one))
    filled = re.sub(r"\{%.*?%\}", " ", re.sub(r"\{\{.*?\}\}", FILLED, template, flags=re.DOTALL), flags=re.DOTALL)
    yield from re.findall(r'\bclass="([^"]*)"', filled)
    yield from re.findall(r"\{% block \w+_class %\}(.*?)\{% endblock %\}", template)


def texts_of_module(script: str) -> Iterator[str]:
    """The texts of a JavaScript module."""
    for text in re.findall(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`', script):
        yield re.sub(r"\$\{[^}]*\}", FILLED, text[1:-1]).replace(".", " ")


def texts_of_python(source: str) -> Iterator[str]:
    """The texts of a Python module, but those that only explain."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


@pytest.fixture(scope="module")
def used() -> tuple[set[str], tuple[str, ...]]:
    """The words that may be classes, and the beginnings of those that are filled in."""
    words: set[str] = set()
    for folder, ending, texts_of in (
        ("pages", "html", texts_of_template),
        ("pages", "svg", texts_of_template),
        ("pages/static", "js", texts_of_module),
        (".", "py", texts_of_python),
    ):
        for path in (ROOT / folder).rglob(f"*.{ending}"):
            words |= {word for text in texts_of(path.read_text()) for word in text.split()}
    beginnings = {word.partition(FILLED)[0] for word in words if FILLED in word}
    return words, tuple(one for one in beginnings if one.endswith("-"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_class_of_a_style_sheet_is_on_some_page(sheet: Path, used: tuple[set[str], tuple[str, ...]]):
    words, beginnings = used
    left = {name for name in classes_of(sheet.read_text()) if name not in words and not name.startswith(beginnings)}
    assert left == set()


def test_every_class_of_the_icons_and_patterns_has_a_rule():
    drawn = {name for text in texts_of_template((ROOT / "pages/icons.svg").read_text()) for name in text.split()}
    assert "ln" in drawn
    assert drawn <= set().union(*(classes_of(sheet.read_text()) for sheet in SHEETS))


def test_a_class_that_nothing_has_is_found():
    assert classes_of('/* .no */ .a.b-c > li, #id .d[title=".x"] { top: .5rem } @media (x) { .e:hover { } }') == {
        "a", "b-c", "d", "e",
    }  # fmt: skip
    assert set(texts_of_template('<p class="a {{ x }} b-{{ y }}">{{ f("c") }} hops</p>')) == {"a \0 b-\0", "c"}
    assert set(texts_of_python('"""hops"""\na = f"b-{x}"\nb = "c"')) == {"b-\0", "b-", "c"}
