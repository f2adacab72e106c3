"""The site as a reader has it: opened in Chromium from file:// with the network off, on a desk and on a phone.

Needs `make site`. SHOTS=folder keeps pictures of it.
"""

import json
import os
from pathlib import Path

import pytest
from pages import notebooks

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build/site"
SHOTS = os.environ.get("SHOTS")
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
PAGES = ["index.html", "LECTURE.html", "notebooks/00-start-here.html"]

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no site: make site")


def stored_alts(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    return [" ".join(o["metadata"]["image/png"]["alt"].split()) for c in nb["cells"] if c["cell_type"] == "code"
            for o in c["outputs"] if "image/png" in o.get("data", {})]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_nobody_and_axe_finds_nothing_serious(offline, serious, name, scheme, size):
    page, asked, errors = offline(SITE / name, *SIZES[size], color_scheme=scheme)
    page.wait_for_function("window.MathJax?.startup?.promise !== undefined || !document.querySelector('.math')")
    page.wait_for_function("document.documentElement.dataset.theme")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself scrolls sideways"
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/site-{Path(name).stem}-{size}-{scheme}.png")
    assert serious(page) == []
    assert not asked and not errors


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem[:2])
def test_a_screen_reader_gets_the_stored_sentences_and_formulas_stand(offline, path):
    page, asked, errors = offline(SITE / "notebooks" / f"{path.stem}.html")
    page.wait_for_function("() => { const all = document.querySelectorAll('.math'); "
                           "return all.length && [...all].every(one => one.querySelector('mjx-container')); }",
                           timeout=60_000)
    pictures = page.locator(".cell_output img:not(figure.frames img)")
    assert [pictures.nth(n).get_attribute("alt") for n in range(pictures.count())] == stored_alts(path)
    named = page.get_by_role("img", name=stored_alts(path)[0], exact=True)
    assert named.count() >= 1
    loaded = page.evaluate("""async () => { const all = [...document.images];
        all.forEach(one => { one.loading = "eager"; });
        await Promise.all(all.map(one => one.decode())); return all.every(one => one.naturalWidth > 0); }""")
    assert loaded and not page.locator("mjx-merror, [data-mml-node=merror]").count()
    assert not asked and not errors


def test_a_slider_moves_by_keyboard_and_search_finds(offline):
    page, asked, errors = offline(SITE / "notebooks/00-start-here.html")
    figure = page.locator("figure.frames").first
    if not figure.count():
        assert page.locator("p.still").count()
        pytest.skip("built without frames (make site FRAMES=1); the page says so")
    handle, image = figure.locator("input").first, figure.locator("img")
    handle.focus()
    page.keyboard.press("Home")
    before = image.get_attribute("src"), image.get_attribute("alt")
    page.keyboard.press("ArrowRight")
    assert (image.get_attribute("src"), image.get_attribute("alt")) != before
    assert handle.get_attribute("aria-valuetext") == figure.locator("output").first.inner_text()
    image.evaluate("one => one.decode()")
    assert not errors
    page.goto((SITE / "search.html").as_uri() + "?q=shrinkage")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a[href*='05-ista-fista']").count()
    assert not asked  # from file:// the lines around what was found can't be fetched, and the console says so
