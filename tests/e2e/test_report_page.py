"""The report's page in a real browser: nothing leaves, nothing runs, nothing overflows."""

from __future__ import annotations

import os
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from synthetic_healthcare.evaluation.page.figures import collect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SAMPLE = Path(__file__).parents[1] / "unit" / "page" / "sample.py"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium found: none of {', '.join(NAMES)} is on the path and CHROMIUM is not set")
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        launched = playwright.chromium.launch(executable_path=path, args=flags)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sample = runpy.run_path(str(SAMPLE))
    real, synthetic = sample["patients"](600, 1), sample["patients"](500, 2, drift=0.4)
    figures = collect(
        synthetic,
        real,
        schema=sample["schema_of"](real),
        rng=np.random.default_rng(0),
        history=sample["training_history"](),
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    sample["report"](figures).to_html(path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_is_quiet_inert_and_fits(browser: Browser, page_file: Path, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(page_file.as_uri())
    # What is folded away must fit as well.
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
    page.wait_for_timeout(50)
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.scripts.length") == 0
    assert page.get_by_role("heading", name="<script>alert(1)</script>").count() == 1
    assert page.get_by_role("img", name="Privacy score").is_visible()
    # The style sheet passes the content policy: the verdict has its ground.
    ground = page.eval_on_selector(".verdict", "one => getComputedStyle(one).backgroundColor")
    assert ground not in ("rgba(0, 0, 0, 0)", "transparent")
    page.close()
