"""Decks as a lecture hall sees them: opened in Chromium from file:// with the network off, every slide looked at.

Needs `make slides`, Playwright (from PyPI) and a Chromium or Chrome. SHOTS=folder keeps a picture of every slide.
"""

import json
import os
from pathlib import Path

import pytest
from slides import FEWEST, MOST

ROOT = Path(__file__).parents[1]
DECKS = sorted((ROOT / "build/slides").glob("[0-9]*.html"))
SHOTS = os.environ.get("SHOTS")

pytestmark = pytest.mark.skipif(not DECKS, reason="no decks: make slides")

# what stands on the slide that shows, in its own pixels; fragments are all visible by now
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
  const stage = document.querySelector(".slides").getBoundingClientRect();
  const all = q => [...slide.querySelectorAll(q)].filter(
    e => !e.closest("aside, mjx-assistive-mml") && e.getClientRects().length);
  const inside = all("h1,h2,p,li,pre,img,td,th,mjx-container,svg,label").map(e => e.getBoundingClientRect());
  const most = side => Math.max(0, ...inside.map(box => box[side]));
  const prose = all("p,li,td,h2").map(e => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll("code,mjx-container").forEach(x => x.remove());
    return copy.textContent; });
  return {
    title: slide.querySelector("h1,h2").innerText,
    below: (most("bottom") - stage.bottom) / scale, right: (most("right") - stage.right) / scale,
    images: all("img").map(i => ({alt: i.alt, there: i.naturalWidth > 0, moves: !!i.closest(".frames"),
                                  height: i.getBoundingClientRect().height / scale})),
    formulas: all("mjx-container").length, errors: all("mjx-merror, [data-mml-node=merror]").length,
    raw: prose.filter(t => /\\$|[*][*]/.test(t)),
    small: Math.min(...all("p,li,td,pre").map(e => parseFloat(getComputedStyle(e).fontSize)), 99)};
}"""


@pytest.fixture
def opened(offline):
    """A function that opens a deck without a network -> (page, requests, errors)."""
    def open_(path, *size, **settings):
        found = offline(path, *size, **settings)
        found[0].wait_for_function("window.Reveal && Reveal.isReady()", timeout=60_000)
        return found
    return open_


def walk(page, name):
    """Every slide with all its fragments shown."""
    rows = []
    while True:
        page.evaluate("() => { while (Reveal.availableFragments().next) Reveal.nextFragment(); }")
        page.evaluate("() => Promise.all([...Reveal.getCurrentSlide().querySelectorAll('img')].map(i => i.decode()))")
        rows.append(page.evaluate(LOOK))
        if SHOTS:
            page.wait_for_timeout(250)
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{SHOTS}/{name}-{len(rows):02}.png")
        if page.evaluate("Reveal.isLastSlide()"):
            return rows
        page.evaluate("Reveal.next()")


def stored_alts(path):
    nb = json.loads((ROOT / "notebooks" / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
    return {" ".join(o["metadata"]["image/png"]["alt"].split()) for c in nb["cells"] if c["cell_type"] == "code"
            for o in c["outputs"] if "image/png" in o.get("data", {})}


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem[:2])
def test_deck(opened, path, size):
    page, asked, errors = opened(path, *size)
    rows = walk(page, f"{path.stem[:2]}-{size[1]}")
    main = page.evaluate("Reveal.getHorizontalSlides().length")
    alts = stored_alts(path)
    still = [i for r in rows for i in r["images"] if not i["moves"]]
    print(f"\n{path.stem[:2]} at {size[1]}: {main}+{len(rows) - main} slides, {path.stat().st_size / 1e6:.1f} MB, "
          f"{sum(r['formulas'] for r in rows)} formulas, {sum(len(r['images']) for r in rows)} pictures, lowest "
          f"{min((i['height'] for r in rows for i in r['images']), default=0):.0f} px, "
          f"smallest type {min(r['small'] for r in rows):.0f} px")
    assert not asked and not errors
    assert FEWEST <= main <= MOST
    over = [(n, r["title"], round(r["below"]), round(r["right"])) for n, r in enumerate(rows, 1)
            if r["below"] > 0.5 or r["right"] > 0.5]
    assert not over, f"runs over: {over}"
    assert not [(r["title"], r["raw"]) for r in rows if r["errors"] or r["raw"]], "unrendered"
    assert sum(r["formulas"] for r in rows) > 0
    assert not [i["alt"] for i in still if i["alt"] not in alts], "not the stored alt text"
    assert all(i["there"] and i["alt"] for r in rows for i in r["images"])
    low = [(n, r["title"], round(i["height"])) for n, r in enumerate(rows, 1) for i in r["images"] if i["height"] < 230]
    assert not low, f"pictures too small for the back row: {low}"


@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem[:2])
def test_sliders_move_by_keyboard_or_say_that_they_stand(opened, path):
    page, asked, errors = opened(path)
    figures = page.evaluate("""() => [...document.querySelectorAll("figure.frames")].map(f => {
        const i = Reveal.getIndices(f.closest("section")); return [i.h, i.v || 0]; })""")
    if not figures:
        nb = (ROOT / "notebooks" / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        assert page.locator("p.still").count() or "interact(" not in nb
        pytest.skip("drawn without frames (make slides FRAMES=1); the slides say so")
    for h, v in figures:
        page.evaluate("([h, v]) => Reveal.slide(h, v)", [h, v])
        figure = page.locator("section.present:not(.stack) figure.frames")
        for n in range(figure.locator("input").count()):
            handle, image = figure.locator("input").nth(n), figure.locator("img")
            handle.focus()
            page.keyboard.press("Home")
            first = image.get_attribute("src")
            ms = page.evaluate("""async n => {
                const figure = document.querySelector("section.present:not(.stack) figure.frames");
                const image = figure.querySelector("img");
                const input = figure.querySelectorAll("input")[n], t = performance.now();
                input.value = 1; input.dispatchEvent(new Event("input")); await image.decode();
                return performance.now() - t; }""", n)
            page.keyboard.press("Home")
            page.keyboard.press("ArrowRight")
            assert handle.input_value() == "1" and image.get_attribute("src") != first and image.get_attribute("alt")
            assert handle.get_attribute("aria-valuetext") == figure.locator("output").nth(n).inner_text()
            assert ms < 500
            assert page.evaluate("() => [Reveal.getIndices().h, Reveal.getIndices().v || 0]") == [h, v]
            print(f"\n{path.stem[:2]} slider {handle.get_attribute('aria-label')}: {ms:.0f} ms to the decoded picture")
    assert not asked and not errors


@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem[:2])
def test_speaker_view_and_print(opened, path, tmp_path):
    page, asked, _ = opened(path)
    with page.context.expect_page() as popup:
        page.keyboard.press("s")
    popup.value.wait_for_selector("#current-slide iframe", timeout=30_000)
    said = page.evaluate("""() => {
        const slide = Reveal.getSlides().slice(1).find(s =>
            s.querySelector("aside.notes")?.textContent.trim().length > 20);
        const {h, v} = Reveal.getIndices(slide);
        Reveal.slide(h, v);
        return slide.querySelector("aside.notes").textContent.replace(/\\s+/g, "").slice(0, 20); }""")
    popup.value.wait_for_function("""said => document.querySelector('.speaker-controls-notes .value')
        .textContent.replace(/\\s+/g, "").includes(said)""", arg=said, timeout=30_000)
    paper, _, _ = opened(path, query="?print-pdf")
    paper.wait_for_selector(".pdf-page")
    paper.pdf(path=str(tmp_path / "deck.pdf"), prefer_css_page_size=True, print_background=True)
    sheets = paper.locator(".pdf-page").count()
    assert sheets == page.evaluate("Reveal.getTotalSlides()") and (tmp_path / "deck.pdf").stat().st_size > 50_000
    assert not asked


@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem[:2])
def test_axe_finds_nothing_serious_on_any_slide(opened, serious, path):
    page, asked, _ = opened(path)
    found = {}
    while True:
        page.evaluate("() => { while (Reveal.availableFragments().next) Reveal.nextFragment(); }")
        assert page.evaluate("document.getAnimations().length") == 0, "it moves, though less motion was asked for"
        for line in serious(page, "section.present:not(.stack)"):
            found.setdefault(line, page.evaluate("Reveal.getCurrentSlide().querySelector('h1,h2').innerText"))
        if page.evaluate("Reveal.isLastSlide()"):
            break
        page.evaluate("Reveal.next()")
    assert not found and not asked
