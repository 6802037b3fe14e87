import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadir.cli import main
from hadir.commands import COMMANDS

CASES = '''
"""Ends as it is told."""
import argparse
import signal
from presence.errors import BadInput, HadirError

NAME = "case"
HELP = "end as told"

def add_arguments(parser):
    words = parser.add_subparsers(dest="word", required=True, metavar="end")
    words.add_parser("end").add_argument("how")

def run(arguments, settings):
    match arguments.how:
        case "done":
            print(settings.data)
            return 0
        case "bad-input":
            raise BadInput("site.yaml", "no such agency", line=3, field="agency", remedy="add it")
        case "failed":
            raise HadirError("the store is full")
        case "missing-file":
            open("/nowhere/at-all")
        case "unexpected":
            raise KeyError("surprise\\nin two lines")
        case "interrupted":
            signal.raise_signal(signal.SIGINT)
        case "long-output":
            for n in range(200_000):
                print(n)
    return 0
'''


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A command `case` that ends as it is told; its data directory."""
    (tmp_path / "command_of_the_test.py").write_text(CASES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "case", "command_of_the_test")
    monkeypatch.setenv("HADIR_DATA", str(tmp_path))
    # Whoever starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield tmp_path
    signal.signal(signal.SIGINT, before)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.modules.pop("command_of_the_test", None)


def test_a_command_that_is_done_gives_0(case: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["case", "end", "done"]) == 0
    assert capsys.readouterr().out == f"{case}\n"


@pytest.mark.parametrize("words", [["--data", "chosen", "end", "done"], ["end", "done", "--data", "chosen"]])
@pytest.mark.usefixtures("case")
def test_settings_are_taken_before_and_after_a_nested_word(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["case", *words]) == 0
    assert capsys.readouterr().out == "chosen\n"


@pytest.mark.parametrize(
    ("how", "status", "line"),
    [
        ("bad-input", 2, "site.yaml:3: agency: no such agency; add it"),
        ("failed", 1, "the store is full"),
        ("missing-file", 2, "/nowhere/at-all: No such file or directory"),
    ],
)
@pytest.mark.usefixtures("case")
def test_an_error_is_one_line_and_its_status(how: str, status: int, line: str, capsys: pytest.CaptureFixture[str]):
    assert main(["case", "end", how]) == status
    assert capsys.readouterr() == ("", line + "\n")


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_a_file(case: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["case", "end", "unexpected"]) == 1
    line = capsys.readouterr().err
    [file] = case.glob("hadir-error-*.txt")
    assert line == f"hadir: internal error: KeyError: 'surprise\\nin two lines'; details are in {file}\n"
    assert "Traceback" in file.read_text()


@pytest.mark.usefixtures("case")
def test_an_interrupt_ends_quietly_with_130(capsys: pytest.CaptureFixture[str]):
    assert main(["case", "end", "interrupted"]) == 130
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_while_the_command_is_loaded_ends_quietly_with_130():
    program = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what is started in the background
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "hadir.settings":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from hadir.entry import main
sys.exit(main())
"""
    ended = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_a_reader_that_has_gone_ends_it_quietly(case: Path):
    program = (
        "import sys; from hadir.commands import COMMANDS; from hadir.cli import main; "
        "COMMANDS['case'] = 'command_of_the_test'; sys.exit(main(['case', 'end', 'long-output']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=case, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
    assert child.returncode == 141


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sitte"], 'hadir: no command "sitte"; did you mean "site"?\n'),
        (["--frobnicate"], 'hadir: no command "--frobnicate"; see `hadir --help`\n'),
    ],
)
def test_an_unknown_command_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["site", "chekc"], 'hadir site: no word "chekc"; did you mean "check"?\n'),
        (["site", "zzz"], 'hadir site: no word "zzz"; write one of check, apply, export\n'),
        (["api", "run", "--only", "wb"], 'hadir api run: --only: no word "wb"; did you mean "web"?\n'),
    ],
)
def test_an_unknown_word_of_a_command_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert (ended.value.code, *capsys.readouterr()) == (2, "", line)


@pytest.mark.usefixtures("case")
def test_wrong_arguments_are_one_line_with_status_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["case", "end"])
    assert ended.value.code == 2
    line = "hadir case end: the following arguments are required: how; see `hadir case end --help`\n"
    assert capsys.readouterr() == ("", line)


def test_a_wrong_setting_is_one_line_with_status_2(case: Path, capsys: pytest.CaptureFixture[str]):
    (case / "hadir.toml").write_text("prt = 1\n")
    assert main(["case", "end", "done"]) == 2
    assert capsys.readouterr().err == f'{case}/hadir.toml:1: prt: no such setting; did you mean "port"?\n'


def test_version_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hadir 0.")


def test_help_names_every_command_and_loads_nothing_heavy():
    program = (
        "import sys; from hadir.cli import main; main(['--help']); "
        "print('heavy:', sorted({'sqlalchemy', 'paho', 'fastapi', 'uvicorn', 'alembic', 'jinja2'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "heavy: []" in told
    for name in COMMANDS:
        assert f"\n  {name} " in told
