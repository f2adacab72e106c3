"""Pages become slides by rule: enough, not too many, each picture and claim once; the author may overrule."""

import base64
import json
import struct
import subprocess

import decks
import frames
import pytest
import slides
import vendor
from pages import ROOT, claim_lines, notebooks

HOUSE = slides.house_names(ROOT / "utils")
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def text(source, **metadata):
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def code(source, *outputs, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": list(outputs), "execution_count": 1}


def picture(alt):
    return {"output_type": "display_data", "data": {"image/png": DOT}, "metadata": {"image/png": {"alt": alt}}}


def book(*cells):
    return {"cells": [text("# 99 · A page"), text("## The question\nWhat is it?"), *cells], "metadata": {},
            "nbformat": 4, "nbformat_minor": 5}


def shown(nb, house=frozenset()):
    return [(s.heading, [(p.kind, p.content, p.fragment) for p in s.parts]) for s in slides.derive(nb, house)]


@pytest.mark.parametrize("path", notebooks(), ids=lambda p: p.stem[:2])
def test_every_page_makes_a_deck(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    deck = slides.derive(nb, HOUSE)
    parts = [part for slide in deck for part in slide.parts]
    assert slides.FEWEST <= sum(not s.below for s in deck) <= slides.MOST and not deck[0].below
    stored = [p for c in nb["cells"] if c["cell_type"] == "code" for p in slides.pictures(c)]
    there = [p.content if p.kind == "picture" else p.content[1] for p in parts if p.kind in ("picture", "slider")]
    assert [p for p in there if p] == stored, "each stored picture once, in the page's order"
    moved = [p.content[0] for p in parts if p.kind == "slider"]
    sliders = [c for c in nb["cells"] if "slider" in c["metadata"].get("tags", [])]
    assert moved == [slides.drawn_by("".join(c["source"])) for c in sliders]
    lines = [line for p in parts if p.kind == "print" for line in p.content.splitlines()]
    assert [line for line in lines if " · measured " in line] == \
        [f"{'✔' if holds else '✘'} {sentence} · measured {measured}" for sentence, holds, measured in claim_lines(nb)]
    listings = [p.content for p in parts if p.kind == "code"]
    assert not any("SOLUTION" in c or len(c.splitlines()) > slides.LINES for c in listings)
    texts = [p.content for p in parts if p.kind == "text"]
    assert all(t.count("**") % 2 == 0 and t.count("$$") % 2 == 0 and "<details>" not in t for t in texts)


def test_a_picture_stands_between_the_words_around_it():
    nb = book(text("## Learning\nFar before.\n\nLook at the dot."), code("draw()", picture("A dot.")),
              text("It is small.\n\nMore."))
    heading, parts = shown(nb)[-1]
    assert heading == "Learning" and parts == [("text", "Look at the dot.", False), ("picture", (DOT, "A dot."), False),
                                               ("text", "It is small.", True)]
    assert slides.derive(nb)[-1].notes == ["Far before.", "More."]


@pytest.mark.parametrize("size, high", [((1000, 1120), True), ((1000, 950), True), ((1000, 940), False)])
def test_a_picture_as_high_as_wide_gets_the_whole_height_where_it_stands_alone(size, high):
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", *size) + b"\x08\x02").decode()

    def kind(*parts):
        slide = slides.Slide("One plate", False)
        slide.parts = list(parts)
        return decks.type_size(slide)

    part = slides.Part("picture", (png, "A plate."))
    assert decks.dots(png) == size
    assert kind(part) == ("pictured portrait" if high else "pictured")
    assert kind(part, part) == kind(slides.Part("slider", ("draw", None))) == "pictured"


def test_a_slider_takes_the_place_of_the_picture_that_its_function_drew():
    cells = [text("## Learning"), code("def draw(x):\n    pass\n\n\ndraw(2)", picture("A dot.")), text("Drag."),
             code("widgets.interact(draw, x=[1, 2])", tags=["slider"])]
    assert shown(book(*cells))[-1][1] == [("slider", ("draw", (DOT, "A dot.")), False), ("text", "Drag.", True)]
    cells[-1] = code("widgets.interact(other, x=[1, 2])", tags=["slider"])
    assert [parts[-1][1] for _, parts in shown(book(*cells))[-1:]] == [("other", None)]


def test_code_is_shown_without_marks_and_only_where_it_is_the_subject():
    hole = "def f(x):\n    # BEGIN SOLUTION: twice\n    return 2 * x\n    # END SOLUTION"
    cells = [text("## The energy\nTwice:\n\n$$f(x) = 2x$$"), code(hole, tags=["solution"]),
             code("def g():\n    pass\n\n\ng()")]
    assert shown(book(*cells))[-1][1][-1] == ("code", "def f(x):\n    return 2 * x", False)
    assert shown(book(*cells), {"g"})[-1][1][-1] == ("code", "def g():\n    pass", False)


def test_the_author_overrules():
    cells = [text("## Learning\nA word.", slideshow={"slide_type": "slide"}),
             code("x", picture("Hidden."), tags=["no-slide"]),
             text("Spoken.", slideshow={"slide_type": "notes"}), text("Gone.", slideshow={"slide_type": "skip"}),
             code("1 + 1", slideshow={"slide_type": "subslide"}), text("Later.", slideshow={"slide_type": "fragment"})]
    deck = slides.derive(book(*cells))
    assert [(p.kind, p.content, p.fragment) for s in deck[1:] for p in s.parts] == [
        ("text", "A word.", False), ("code", "1 + 1", False), ("text", "Later.", True)]
    assert deck[-1].notes == ["Spoken."]


def test_long_things_are_cut_at_whole_sentences_points_and_rows():
    assert slides.shorten("One two. Three $a. B$ four. Five.", 5) == "One two."
    assert slides.shorten("One two. Three $a. B$ four. Five.", 6, last=True) == "Three $a. B$ four. Five."
    assert slides.shorten("**Bold. And more** words here", 2) == ""
    points = "\n".join(f"- point {i} has five words" for i in range(6))
    assert [part.count("- ") for part in slides.chunks(points, 18)] == [3, 3]
    rows = "| a |\n|---|\n" + "\n".join("| 1 |" for _ in range(slides.ROWS + 1))
    assert [part.splitlines()[0] for part in slides.chunks(rows)] == ["| a |", "| a |"]


def make(folder, cells, capsys, monkeypatch):
    (folder / "notebooks").mkdir()
    (folder / "utils").mkdir()
    path = folder / "notebooks/99-a-page.ipynb"
    path.write_text(json.dumps(book(*cells)), encoding="utf-8")
    monkeypatch.setattr(decks, "texts", lambda name, members, kept: ["/* js */"] * len(members))
    status = decks.main([str(path)], folder)
    return status, folder / "build/slides/99-a-page.html", capsys.readouterr()


def test_a_deck_is_one_file_with_alt_texts_and_no_address(tmp_path, capsys, monkeypatch):
    cells = [text("## Learning"), code("draw()", picture('A "dot"\n& more.'))]
    status, made, _ = make(tmp_path, cells, capsys, monkeypatch)
    written = made.read_text(encoding="utf-8")
    assert status == 0 and 'alt="A &quot;dot&quot; &amp; more."' in written
    assert "http" not in written.replace("http://www.w3.org", "") and "src=" not in written.replace('src="data:', "")
    assert sorted(p.name for p in made.parent.iterdir()) == [made.name]


def test_a_page_that_never_ran_leaves_the_deck_as_it_was(tmp_path, capsys, monkeypatch):
    (tmp_path / "build/slides").mkdir(parents=True)
    (tmp_path / "build/slides/99-a-page.html").write_text("old", encoding="utf-8")
    cells = [{**code("draw()"), "execution_count": None}]
    status, made, said = make(tmp_path, cells, capsys, monkeypatch)
    assert status == 1 and made.read_text(encoding="utf-8") == "old"
    assert said.err == ("99-a-page.ipynb: 1 of its code cells never ran, so there is nothing to show: "
                        "make execute NB=notebooks/99-a-page.ipynb\n")


def test_a_slider_in_a_page_holds_every_place():
    record = {"names": ["a", "b"], "labels": [["1", "2"], ["x", "y"]], "start": [1, 0],
              "frames": ["P1", "P2", "P3", "P4"], "alts": ["1x", "1y", "2x", "2</script>y"]}
    made = decks.slider(record, [decks.inline(frame) for frame in record["frames"]])
    assert 'base64,P3" alt="2x"' in made and made.count('type="range"') == 2 and made.count("</script>") == 1


def test_a_deck_takes_the_sharp_pictures_of_its_run_where_they_show_the_same(tmp_path):
    """One cell's picture was drawn again; the other cell draws something else than the stored page by now."""
    def cell(name, png, alt):
        shown = {"output_type": "display_data", "data": {"image/png": png}, "metadata": {"image/png": {"alt": alt}}}
        outputs = [{"output_type": "stream"}, shown]
        return {"cell_type": "code", "id": name, "source": f"draw({name})", "outputs": outputs}

    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks/99-a.ipynb"
    stored = {"cells": [cell("a", "old a", "A line."), cell("b", "old b", "Two lines.")]}
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert frames.sharpened(stored, path, tmp_path) == json.loads(path.read_text(encoding="utf-8"))  # nothing kept
    folder = tmp_path / "build/frames/99-a" / frames.key(path, tmp_path) / "pictures"
    folder.mkdir(parents=True)
    run = {"cells": [cell("a", "new a", "A line."), cell("b", "new b", "Three lines.")]}
    (folder / "all.json").write_text(json.dumps(frames.drawn(run)), encoding="utf-8")
    sharp = frames.drawn(frames.sharpened(stored, path, tmp_path))
    assert sharp == {"a": [("new a", "A line.")], "b": [("old b", "Two lines.")]}
    assert frames.kept(path, tmp_path) == {}  # and no slider is called "all"


@pytest.mark.parametrize("line, rows", [
    ("    return x", ["    return x"]),
    ('    """The gradient of the energy in W_d.   y: (B, n), z: (B, m), W_d: (n, m) -> (n, m), of all samples."""',
     ['    """The gradient of the energy in W_d.',
      '    y: (B, n), z: (B, m), W_d: (n, m) -> (n, m), of all samples."""']),
    ('    """' + "word " * 20 + '"""', ['    """' + ("word " * 16).strip(), "    word word word word " + '"""']),
    ("    u = step(z)" + " " * 50 + "  # the only line that is new here",
     ["    # the only line that is new here", "    u = step(z)"])])
def test_long_lines_find_room_on_a_slide(line, rows):
    assert slides.narrow(line) == rows


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem[:2])
def test_no_code_on_a_slide_is_wider_than_it(path):
    for slide in slides.derive(json.loads(path.read_text(encoding="utf-8")), HOUSE):
        for part in slide.parts:
            lines = part.content.splitlines() if part.kind == "code" else []
            wide = [line for line in lines if len(line) > slides.COLUMNS]
            assert not wide, f"make these lines of cell {part.cell} shorter than {slides.COLUMNS} characters: {wide}"


def test_a_formula_over_two_lines_is_no_list():
    assert "<li>" not in decks.markdown("Then $a = b\n+ c$, so.", set())


def test_packages_are_had_or_one_line_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor.shutil, "which", lambda name: None)
    with pytest.raises(vendor.VendorError, match="install Node.js"):
        vendor.archive("mathjax", tmp_path)
    monkeypatch.setattr(vendor.shutil, "which", lambda name: "/bin/npm")
    failed = subprocess.CompletedProcess([], 1, "", "npm error code ENOTFOUND\nnpm error network")
    monkeypatch.setattr(vendor.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(vendor.VendorError, match="ENOTFOUND.*a network is needed, once$"):
        vendor.archive("mathjax", tmp_path)
    (tmp_path / "mathjax-3.2.2.tgz").write_bytes(b"something else")
    with pytest.raises(vendor.VendorError, match="another checksum"):
        vendor.archive("mathjax", tmp_path)
    for _, integrity in vendor.PACKAGES.values():
        assert len(base64.b64decode(integrity.removeprefix("sha512-"))) == 64
