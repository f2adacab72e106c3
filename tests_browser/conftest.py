"""What all tests in a browser share: the Chromium or Chrome that is there, driven by Playwright, and axe-core."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).parent)]

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: make test-browser installs it")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = os.environ.get("BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
if os.name == "posix" and len(os.environ.get("TMPDIR", "")) > 60:  # the sockets of Chromium have short names
    os.environ["TMPDIR"] = "/tmp"
# what in a page is ours, and which findings stop a test
# axe reads the colors of this moment: what still fades in would be called pale
SERIOUS = """async what => {
  const moving = document.getAnimations().filter(a => a.effect?.getComputedTiming().endTime < 3000);
  await Promise.race([Promise.allSettled(moving.map(a => a.finished)), new Promise(done => setTimeout(done, 5000))]);
  const found = await axe.run(what, {resultTypes: ["violations"], preload: false});
  return found.violations.filter(v => ["serious", "critical"].includes(v.impact))
    .map(v => `${v.impact} ${v.id}: ${v.nodes.length} times, ${v.nodes[0].html.slice(0, 120)}`);
}"""


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(580, func_only=True))
        if BROWSER is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium or Chrome on the PATH"))


@pytest.fixture(scope="session")
def chromium():
    with playwright.sync_playwright() as p:
        root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses to run as root
        browser = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


@pytest.fixture
def offline(chromium):
    """A function that opens a file without a network -> (page, requests to other hosts, errors)."""
    contexts = []

    def open_(path, width=1280, height=720, query="", **settings):
        context = chromium.new_context(viewport={"width": width, "height": height}, offline=True,
                                       reduced_motion="reduce", **settings)
        contexts.append(context)
        page, asked, errors = context.new_page(), [], []
        own = ("file:", "data:", "blob:", "about:")
        page.on("request", lambda r: None if r.url.startswith(own) else asked.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(path.resolve().as_uri() + query)
        return page, asked, errors
    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def serious():
    """A function: axe-core's serious and critical findings in the parts of a page that a selector names."""
    from vendor import VendorError, texts
    try:
        source, = texts("axe-core", ["axe.min.js"])
    except VendorError as error:
        pytest.skip(f"no axe-core: {error}")

    def look(page, what="body"):
        page.evaluate(source)
        return page.evaluate(SERIOUS, what)
    return look
