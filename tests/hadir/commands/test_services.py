from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Any

from tests.fixtures.hadir_command import Hadir, eventually


def page_address(hadir: Hadir) -> str:
    """What `hadir api run` printed, when it has."""
    eventually(lambda: "pages: http" in hadir.logs())
    found = re.search(r"pages: (http://\S+)", hadir.logs())
    assert found
    return found[1]


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_collector_and_api_run_by_themselves_and_end_in_order(hadir: Hadir, mosquitto: Any):
    hadir.environment["HADIR_BROKER"] = mosquitto.url
    collector = hadir.start("collector", "run")
    api = hadir.start("api", "run", "--port", "0")
    ready = page_address(hadir) + "readyz"
    eventually(lambda: status(ready) == 200)
    assert hadir.stop(api) == 0
    assert hadir.stop(collector) == 0
    assert "Traceback" not in hadir.logs()


def test_web_and_engine_run_apart(hadir: Hadir, mosquitto: Any):
    hadir.environment["HADIR_BROKER"] = mosquitto.url
    web = hadir.start("api", "run", "--only", "web", "--port", "0")
    engine = hadir.start("api", "run", "--only", "engine", "--verbose")
    health = page_address(hadir) + "healthz"
    eventually(lambda: status(health) == 200)
    eventually(lambda: "connected as hadir-engine" in hadir.logs())
    assert hadir.stop(engine) == 0
    assert hadir.stop(web) == 0
    assert "Traceback" not in hadir.logs()


def test_an_engine_that_fails_ends_the_pages_too(hadir: Hadir, mosquitto: Any):
    refused = hadir.run("api", "run", "--port", "0", HADIR_BROKER=mosquitto.url, HADIR_RECORD="postgresql://db/hadir")
    assert refused.returncode == 2
    assert "postgresql" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_taken_port_of_the_pages_is_one_line(hadir: Hadir, mosquitto: Any):
    hadir.start("api", "run", "--only", "web", "--port", "0", HADIR_BROKER=mosquitto.url)
    port = page_address(hadir).rstrip("/").rpartition(":")[2]
    refused = hadir.run("api", "run", "--port", port, HADIR_BROKER=mosquitto.url)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"port {port}: another program listens there; choose another with --port; 0 takes a free one\n"
    )
