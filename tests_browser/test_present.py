"""A page as slides with its kernel: run through, shown as a deck, its slider moved on the slide.

Needs `make present` once (its environment in build/slideshow). SHOTS=folder keeps pictures of the slides.
"""

import os
import statistics
from pathlib import Path

import pytest
from laboratory import ROOT, Notebook, server

PAGE = "notebooks/00-start-here.ipynb"
SHOTS = os.environ.get("SHOTS")
READY = (ROOT / "build/slideshow/share/jupyter/labextensions/jupyterlab-slideshow").is_dir()

pytestmark = pytest.mark.skipif(not READY, reason="no jupyterlab-slideshow: make present installs it")


def test_slides_with_a_kernel(chromium, serious, tmp_path):
    with server(tmp_path, "tools/present.py", PAGE) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 720})
        page, asked, errors = context.new_page(), [], []
        page.set_default_timeout(300_000)
        page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else asked.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        book = Notebook(page, address, f"build/present/{Path(PAGE).name}")
        book.run_all()
        assert book.wrong() == []
        book.select(0)
        book.command("deck:start")
        page.wait_for_selector(".jp-Deck")
        page.wait_for_timeout(2000)
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCell.node.focus()")
        sizes = page.evaluate("""() => [...document.querySelectorAll(".jp-Deck .jp-RenderedHTMLCommon p")]
            .filter(one => one.getClientRects().length).map(one => parseFloat(getComputedStyle(one).fontSize))""")
        assert sizes and min(sizes) >= 20
        seen, moved = 0, []
        for number in range(60):
            if SHOTS:
                Path(SHOTS).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=f"{SHOTS}/live-{number:02}.png")
            handle = page.locator(".jp-Deck .noUi-handle >> visible=true")
            if handle.count() and not moved:
                page.wait_for_timeout(4000)
                handle.first.focus()
                moved = [book.press(handle.first, key) for key in ("ArrowLeft", "ArrowRight", "ArrowLeft")]
                if SHOTS:
                    page.screenshot(path=f"{SHOTS}/live-slider.png")
            before = page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")
            page.keyboard.press("Space")
            page.wait_for_timeout(400)
            seen += 1
            if page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex") == before:
                break
        assert moved and None not in moved
        print(f"\n{seen} times Space to the last slide; its slider took {statistics.median(moved):.0f} ms")
        page.keyboard.press("Escape")
        page.wait_for_selector(".jp-Deck", state="detached", timeout=20_000)
        context.close()
    assert not [url for url in asked if not url.startswith("ws://127.0.0.1")] and not errors
