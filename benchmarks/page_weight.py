"""What a browser fetches for the first sight of a page: kB over the wire, compressed as we send it, and requests.

Chromium with nothing kept, at the mall of scripts/pictures.py (37 outlets, 22 agencies, five alerts), by its own count
of what came (headers too). The stream of events, which never ends, is not in it. Target: the live page < 100 kB.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from hadir.output import table

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from pictures import PICTURES, mall


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed; `make test` installs it")
    with tempfile.TemporaryDirectory() as folder, mall(Path(folder), 0) as (url, session), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        rows = [(name, *_fetched(browser, url, path, session)) for name, (path, *_) in PICTURES.items()]
        browser.close()
    print(table(["page", "kB", "requests"], rows))


def _fetched(browser: Browser, url: str, path: str, session: str) -> tuple[str, str]:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    context.add_cookies([{"name": "hadir_session", "value": session, "url": url}])
    page = context.new_page()
    came: list[float] = []
    listening = context.new_cdp_session(page)
    listening.send("Network.enable")
    listening.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
    page.goto(f"{url}{path}", wait_until="load")
    page.wait_for_timeout(1000)
    context.close()
    return f"{sum(came) / 1000:.1f}", str(len(came))


if __name__ == "__main__":
    main()
