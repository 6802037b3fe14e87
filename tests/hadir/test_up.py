from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fixtures.hadir_command import Hadir, eventually
from tests.fixtures.pseudo_terminal import PseudoTerminal

LAST_LINE = "Ctrl-C ends it."
SITE = """\
site: {{id: balai, name: Balai, timezone: Asia/Jakarta, country: ID, service_hours: "24/7"}}
gateways: [{{id: gw-1}}]
agencies: [{{id: dinas, name: Dinas}}]
outlets:
  - id: loket-1
    name: {name}
    agency: dinas
    sensors: [{{id: radar, kind: mmwave, zone: staff, source: {{gateway: gw-1, driver: ld2410, port: "{port}"}}}}]
"""


def running(hadir: Hadir) -> dict[str, Any]:
    """What `run.json` tells; empty while it is not there."""
    try:
        told: dict[str, Any] = json.loads((hadir.data / "run.json").read_text())
    except FileNotFoundError:
        return {}
    return told


def answer(hadir: Hadir, path: str) -> str | None:
    """The body of a page in order; None while there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{running(hadir)['web']}{path}", timeout=30) as answered:
            return answered.read().decode()  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except (KeyError, OSError):
        return None


def is_ready(hadir: Hadir, *parts: str) -> bool:
    """Whether all of `parts` run and `/readyz` finds nothing wrong."""
    return set(parts) <= set(running(hadir).get("pids", {})) and answer(hadir, "/readyz") is not None


def ended(pids: list[int]) -> bool:
    """Whether all of them end within the minute."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([handle], [], [], 60)[0]:
                return False
        finally:
            os.close(handle)
    return True


def all_pids(hadir: Hadir) -> list[int]:
    told = running(hadir)
    return [*told["pids"].values(), *([told["demo"]] if "demo" in told else [])]


def up(hadir: Hadir, *words: str) -> subprocess.Popen[str]:
    """A started `hadir up`, on free ports, that is ready and has said so."""
    said_before = hadir.logs().count(LAST_LINE)
    child = hadir.start("up", "--port", "0", "--mqtt-port", "0", *words)
    eventually(lambda: hadir.logs().count(LAST_LINE) > said_before or child.poll() is not None)
    eventually(lambda: is_ready(hadir, "broker", "collector", "engine", "web") or child.poll() is not None)
    assert child.poll() is None
    return child


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_the_demo_shows_its_counters_and_tells_what_it_is(hadir: Hadir):
    child = up(hadir, "--demo")
    told = running(hadir)
    assert set(told) == {"web", "mqtt", "pids", "demo"}
    eventually(lambda: set(running(hadir)["pids"]) == {"broker", "collector", "engine", "web", "bridge-gw-demo"})
    page = answer(hadir, "/") or ""
    assert "Loket 12" in page
    eventually(lambda: '"staffed"' in (answer(hadir, "/api/v1/live") or ""))
    said = hadir.logs()
    assert f"http://127.0.0.1:{told['web']}/\n" in said
    assert f"http://127.0.0.1:{told['web']}/login?code=" in said
    assert f"mqtt://127.0.0.1:{told['mqtt']}" in said
    assert "This is a simulation" in said

    pids = all_pids(hadir)
    assert hadir.stop(child) == 0
    assert ended(pids)
    assert not (hadir.data / "run.json").exists()
    assert list((hadir.data / "ports").iterdir()) == []


def test_every_process_that_is_killed_runs_again(hadir: Hadir):
    parts = ("broker", "collector", "engine", "web", "bridge-gw-demo")
    child = up(hadir, "--demo")
    eventually(lambda: is_ready(hadir, *parts))
    before = running(hadir)
    for pid in all_pids(hadir):
        os.kill(pid, signal.SIGKILL)

    def all_anew() -> bool:
        now = running(hadir)
        return now["demo"] != before["demo"] and all(now["pids"][part] != before["pids"][part] for part in parts)

    eventually(all_anew)
    eventually(lambda: is_ready(hadir, *parts))
    after = running(hadir)
    assert (after["web"], after["mqtt"]) == (before["web"], before["mqtt"])
    eventually(lambda: '"staffed"' in (answer(hadir, "/api/v1/live") or ""))
    assert hadir.stop(child) == 0


def test_ctrl_c_ends_everything_in_order_and_without_a_word(hadir: Hadir):
    child = up(hadir)
    pids = all_pids(hadir)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(60) == 0
    assert ended(pids)
    assert hadir.logs().rstrip().endswith(LAST_LINE)


def test_when_it_is_killed_nothing_stays_behind_and_the_next_one_goes_on(hadir: Hadir):
    child = up(hadir, "--demo")
    pids = all_pids(hadir)
    hadir.kill(child)
    assert ended(pids)
    hadir.stop(up(hadir, "--demo"))


def test_a_second_one_on_the_same_data_says_so_and_leaves_the_first_alone(hadir: Hadir):
    child = up(hadir)
    before = running(hadir)
    second = hadir.run("up", "--port", "0", "--mqtt-port", "0")
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"{hadir.data}: hadir up runs here already, its pages on port {before['web']}; stop that one first\n"
    )
    assert running(hadir) == before
    hadir.stop(child)


@pytest.mark.parametrize("flag", ["--port", "--mqtt-port"])
def test_a_taken_port_is_one_line_with_status_2_and_nothing_stays(flag: str, taken: int, hadir: Hadir):
    refused = hadir.run("up", "--port", "0", "--mqtt-port", "0", flag, str(taken))
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert f"port {taken}" in refused.stderr
    assert flag in refused.stderr
    assert not (hadir.data / "run.json").exists()


def test_a_file_in_the_place_of_the_data_directory_is_one_line_with_status_2(hadir: Hadir):
    (hadir.data / "taken").write_text("")
    refused = hadir.run("up", "--demo", "--port", "0", "--data", str(hadir.data / "taken"))
    assert refused.returncode == 2
    assert refused.stderr == (
        f"{hadir.data}/taken: cannot be the data directory: File exists; "
        "name a folder that can be written, with --data\n"
    )


def test_a_wrong_site_file_is_told_with_its_lines_and_nothing_starts(hadir: Hadir):
    site = hadir.data / "site.yaml"
    site.write_text(SITE.format(name="Loket 1", port="/dev/none").replace("agency: dinas", "agency: dinsa"))
    refused = hadir.run("up", "--port", "0", "--mqtt-port", "0", "--site", str(site))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{site}:7: outlets[0].agency: ")
    assert len(refused.stderr.splitlines()) == 1
    assert not (hadir.data / "record.db").exists()


def test_a_wrong_store_is_told_once_and_nothing_stays(hadir: Hadir):
    refused = hadir.run("up", "--port", "0", "--mqtt-port", "0", "--store", "tape:///dev/st0")
    assert refused.returncode == 2
    assert "tape" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (hadir.data / "run.json").exists()


def test_a_site_file_is_taken_over_when_it_has_changed_and_not_otherwise(hadir: Hadir):
    site = hadir.data / "site.yaml"
    for name, taken_over in (("Loket 1", True), ("Loket 1", False), ("Loket satu", True)):
        site.write_text(SITE.format(name=name, port="/dev/none"))
        child = up(hadir, "--site", str(site))
        assert "bridge-gw-1" not in running(hadir)["pids"]
        assert ("changes taken over" in hadir.logs()) is taken_over
        hadir.stop(child)
        for log in hadir.data.glob("up-*.log"):
            log.unlink()
    exported = hadir.run("site", "export")
    assert "Loket satu" in exported.stdout


def test_a_port_that_appears_later_gets_its_bridge(hadir: Hadir, pseudo_terminal: Callable[..., PseudoTerminal]):
    site = hadir.data / "site.yaml"
    port = hadir.data / "usb"
    site.write_text(SITE.format(name="Loket 1", port=port))
    child = up(hadir, "--site", str(site))
    assert "bridge-gw-1" not in running(hadir)["pids"]
    port.symlink_to(pseudo_terminal("device").path)
    eventually(lambda: "bridge-gw-1" in running(hadir)["pids"])
    hadir.stop(child)


def test_the_demo_refuses_the_data_of_another_site(hadir: Hadir):
    site = hadir.data / "site.yaml"
    site.write_text(SITE.format(name="Loket 1", port="/dev/none"))
    assert hadir.run("site", "apply", str(site)).returncode == 0
    refused = hadir.run("up", "--demo", "--port", "0")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"{hadir.data}: holds the site balai, which is not the simulated one; name another folder with --data\n"
    )


def test_a_broker_that_is_named_is_used_and_none_started(hadir: Hadir, mosquitto: Any):
    child = hadir.start("up", "--port", "0", HADIR_BROKER=mosquitto.url)
    eventually(lambda: is_ready(hadir, "collector", "engine", "web"))
    told = running(hadir)
    assert "broker" not in told["pids"]
    assert mosquitto.url.endswith(f":{told['mqtt']}")
    hadir.stop(child)


def test_without_a_site_the_terminal_says_what_to_do(hadir: Hadir):
    child = up(hadir)
    assert "hadir site apply" in hadir.logs()
    hadir.stop(child)
