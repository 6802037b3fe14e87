"""`hadir site` as people call it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hadir.cli import main
from presence.site import Agency, Contact, Site
from presence.site_file import dump_site, parse_site
from tests import builders
from tests.builders import outlet, sensor

HOOK = "hadir+http://localhost:1/hook"


def site(**fields: Any) -> Site:
    """A site of which everybody hears who should."""
    of_site = [Contact(id=role, name=role, role=role, channel=HOOK) for role in ("technician", "facility_manager")]
    made = builders.site(**{"contacts": tuple(of_site), **fields})
    hears = (Contact(id="k", name="K", channel=HOOK),)
    return replace(made, agencies=tuple(replace(one, contacts=one.contacts or hears) for one in made.agencies))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HADIR_DATA", "HADIR_RECORD", "HADIR_CONFIG"):
        monkeypatch.delenv(name, raising=False)


class Called:
    """The exit status and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        capsys.readouterr()
        self.status = main(["site", *words])
        self.out, self.err = capsys.readouterr()


def write(text: str, name: str = "site.yaml") -> None:
    Path(name).write_text(text)


def test_check_counts_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()))
    called = Called(capsys, "check", "site.yaml")
    assert (called.status, called.err) == (0, "")
    assert called.out == "site.yaml: 1 outlet, 1 agency, 1 sensor, 0 gateways, 0 duties: right\n"


def test_check_says_what_does_not_act_yet(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site(outlets=[outlet("a-1", sensors=[sensor("co2", kind="ambient")])])))
    assert Called(capsys, "check", "site.yaml").out.splitlines()[1:] == [
        "Without effect as it stands:",
        (
            "  kind ambient says nothing about presence yet: readings are stored, without effect, "
            "of sensor co2 (outlet a-1)"
        ),
    ]


TWICE = "Mo-Fr 08:00-12:00; Mo-Fr 13:00-15:00; PH off"
NEVER_COUNTS = (
    '"Mo-Fr 08:00-12:00" never counts: "Mo-Fr 13:00-15:00" stands in its place; '
    "for both write Mo-Fr 08:00-12:00,13:00-15:00"
)


def test_check_and_apply_warn_of_hours_that_are_hardly_meant(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site(outlets=[outlet("a-1", service_hours=TWICE)])))
    warning = f"  site.yaml:21: outlets[0].service_hours: {NEVER_COUNTS}"
    called = Called(capsys, "check", "site.yaml")
    assert (called.status, called.err) == (0, "")
    assert called.out.splitlines()[1:] == ["Service hours to look at:", warning]
    called = Called(capsys, "check", "site.yaml", "--json")
    assert json.loads(called.out)["warnings"] == [
        {"line": 21, "field": "outlets[0].service_hours", "problem": NEVER_COUNTS}
    ]
    called = Called(capsys, "apply", "site.yaml")
    assert called.status == 0
    assert called.out.splitlines()[-2:] == ["Service hours to look at:", warning]


def test_check_tells_all_problems_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()).replace("12h", "12").replace("agency: dinas", "agency: dinsa"))
    called = Called(capsys, "check", "site.yaml")
    assert (called.status, called.out) == (2, "")
    assert called.err.splitlines() == [
        'site.yaml:20: outlets[0].agency: no agency "dinsa"; did you mean "dinas"?',
        'site.yaml:22: outlets[0].sensors[0].stale_after: "12" has no unit; write 10s, 2m or 1h',
    ]


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()))
    called = Called(capsys, "check", "site.yaml", "--json")
    assert called.status == 0
    assert json.loads(called.out) == {
        "file": "site.yaml", "right": True, "problems": [], "inactive": [], "site": "balai",
        "outlets": 1, "agencies": 1, "sensors": 1, "gateways": 0, "duties": 0, "warnings": [],
    }  # fmt: skip
    write(dump_site(site()).replace("12h", "12"))
    called = Called(capsys, "check", "site.yaml", "--json")
    assert (called.status, called.err) == (2, "")
    problem = {
        "line": 22,
        "field": "outlets[0].sensors[0].stale_after",
        "problem": '"12" has no unit; write 10s, 2m or 1h',
    }
    assert json.loads(called.out) == {"file": "site.yaml", "right": False, "problems": [problem]}


def test_check_prints_the_schema_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, "check", "--schema")
    assert called.status == 0
    assert json.loads(called.out)["title"] == "Hadir site file"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["check"], "hadir site check: names no file; write `hadir site check FILE`"),
        (["check", "none.yaml"], "none.yaml: cannot be read: No such file or directory; name a site file (YAML)"),
        (["check", "."], ".: cannot be read: Is a directory; name a site file (YAML)"),
        (["check", "latin.yaml"], "latin.yaml:2: is not UTF-8 text; save it as UTF-8"),
        (["apply", "none.yaml"], "none.yaml: cannot be read: No such file or directory; name a site file (YAML)"),
        (["export", "a", "b", "c"], "hadir site export: takes a site and a file; leave the other words out"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("latin.yaml").write_bytes(b"site:\n  name: Caf\xe9\n")
    called = Called(capsys, *words)
    assert (called.status, called.out, called.err) == (2, "", line + "\n")


def test_apply_prints_what_changed_and_export_gives_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()))
    assert Called(capsys, "apply", "site.yaml").out.splitlines()[-1] == "balai: 7 changes"
    assert Called(capsys, "apply", "site.yaml").out == "balai: nothing to change\n"
    write(dump_site(site(outlets=[outlet(name="Loket satu")])))
    assert Called(capsys, "apply", "site.yaml").out.splitlines() == [
        "~ outlet a-1: name Loket a-1 → Loket satu",
        "balai: 1 change",
    ]
    called = Called(capsys, "export", "--data", "hadir-data")
    assert parse_site(called.out, "stdout") == site(outlets=[outlet(name="Loket satu")])


def test_apply_keeps_what_the_file_does_not_name_unless_it_is_pruned(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site(outlets=[outlet("a-1"), outlet("a-2", sensors=[])])))
    Called(capsys, "apply", "site.yaml")
    write(dump_site(site()))
    assert Called(capsys, "apply", "site.yaml").out.splitlines() == [
        "kept, though not in the file: outlet a-2 (--prune removes what is not in it)",
        "balai: nothing to change",
    ]
    assert Called(capsys, "apply", "site.yaml", "--prune").out.splitlines() == ["- outlet a-2", "balai: 1 change"]


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()))
    called = Called(capsys, "apply", "site.yaml", "--dry-run")
    assert called.out.splitlines()[-1] == "balai: 7 changes, nothing written (--dry-run)"
    assert not Path("hadir-data").exists()
    Called(capsys, "apply", "site.yaml")
    write(dump_site(site(name="Balai")))
    assert Called(capsys, "apply", "site.yaml", "--dry-run").out.splitlines() == [
        "~ site balai: name Balai Layanan → Balai",
        "balai: 1 change, nothing written (--dry-run)",
    ]
    assert parse_site(Called(capsys, "export").out, "stdout") == site()


def test_a_wrong_file_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write(dump_site(site()).replace("12h", "12"))
    assert Called(capsys, "apply", "site.yaml").status == 2
    assert not Path("hadir-data").exists()


def test_channels_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    contact = Contact(id="k", name="K", channel="hadir+https://:geheim@host/x")
    write(dump_site(site(agencies=(Agency(id="dinas", name="Dinas", contacts=(contact,)),))))
    called = Called(capsys, "apply", "site.yaml")
    assert "geheim" not in called.out
    assert "+ contact dinas/k: name K, channel hadir+https://…" in called.out.splitlines()


def test_export_of_one_of_several_sites_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("balai", "lain"):
        write(dump_site(site(id=name)))
        Called(capsys, "apply", "site.yaml")
    record = Path("hadir-data/record.db").absolute()
    called = Called(capsys, "export", "out.yaml")
    assert (called.status, called.err) == (2, f"{record}: holds several sites; name one of balai, lain\n")
    called = Called(capsys, "export", "ballai")
    assert (called.status, called.err) == (2, f'{record}: holds no site "ballai"; name one of balai, lain\n')
    called = Called(capsys, "export", "lain", "out.yaml")
    assert (called.status, called.out) == (0, "out.yaml: 1 outlet, 1 agency, 1 sensor, 0 gateways, 0 duties\n")
    assert parse_site(Path("out.yaml").read_text(), "out.yaml") == site(id="lain")
    assert Called(capsys, "export", "lain", "nowhere/out.yaml").status == 2
    assert sorted(path.name for path in Path().iterdir()) == ["hadir-data", "out.yaml", "site.yaml"]


def test_export_without_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    called = Called(capsys, "export")
    record = Path("hadir-data/record.db").absolute()
    assert called.err == f"{record}: there is no record; make one with `hadir site apply`, or name its folder\n"
    assert (called.status, Path("hadir-data").exists()) == (2, False)
