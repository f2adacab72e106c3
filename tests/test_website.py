"""The site's sources: alt texts, sliders, folded passages, links; a build that fails leaves the old site."""

import base64
import html
import json
import re
import subprocess

import links
import pytest
import website
import yaml
from pages import ROOT, notebooks

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
THERE = {"README.md", "LECTURE.md", "data/README.md", "notebooks/05-ista-fista.ipynb"}


def code(source, *outputs, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": list(outputs), "execution_count": 1}


def picture(alt):
    return {"output_type": "display_data", "data": {"image/png": DOT, "text/plain": alt},
            "metadata": {"image/png": {"alt": alt}}}


def test_links_lead_to_what_the_site_has():
    here = "notebooks/00-start-here.ipynb"
    assert website.linked("[a](../LECTURE.md#A0.1)", here, THERE) == "[a](../LECTURE.md#A0.1)"
    assert website.linked("[a](../README.md#course-map)", here, THERE) == "[a](../index.md#course-map)"
    assert website.linked("[a](05-ista-fista.ipynb)", here, THERE) == "[a](05-ista-fista.ipynb)"
    assert website.linked("[a](notebooks/05-ista-fista.ipynb)", "data/README.md", THERE) == "a"  # nothing lies there
    stays = "[a](https://x.org) [b](#c) ![d](e.png)"
    assert website.linked(stays, here, THERE) == stays
    assert website.linked("[a](ledger/points.toml)", "README.md", THERE) == "a"
    assert website.linked("[a](ledger/points.toml)", "README.md", THERE, "https://x.org/blob/1") == \
        "[a](https://x.org/blob/1/ledger/points.toml)"


def test_the_repository_is_known_on_github_alone():
    told = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "abc"}
    assert website.repository(told) == "https://github.com/o/r/blob/abc"
    assert website.repository({}) == website.repository({"GITHUB_REPOSITORY": "o/r"}) == ""


def test_a_folded_passage_is_markdown():
    text = "A.\n\n<details><summary>Why?</summary>As `f` says, $a<b$.</details>\n\nB."
    assert website.opened("<!-- nav:begin -->bar<!-- nav:end -->\n" + text) == \
        "A.\n\n<details>\n<summary>Why?</summary>\n\nAs `f` says, $a<b$.\n\n</details>\n\nB."
    assert website.opened(website.opened(text)) == website.opened(text)


def test_pictures_are_files_and_say_the_stored_sentence(tmp_path):
    nb = {"cells": [code("draw()", picture('A "dot"\n& <more>.'))]}
    cell, = website.page(nb, "99-a-page", {}, THERE, tmp_path)["cells"]
    assert cell["outputs"][0]["data"] == {"text/html": (
        '<img src="../_static/pictures/99-a-page-000.png" alt="A &quot;dot&quot; &amp; &lt;more&gt;." '
        'width="1" height="1" loading="lazy">')}
    assert (tmp_path / "pictures/99-a-page-000.png").read_bytes() == base64.b64decode(DOT)
    assert cell["metadata"]["tags"] == ["hide-input"]


def test_a_slider_moves_where_its_frames_are_kept_and_says_so_elsewhere(tmp_path):
    record = {"names": ["a"], "labels": [["1", "2"]], "start": [1], "frames": [DOT, DOT], "alts": ["One.", "Two."]}
    nb = {"cells": [code("widgets.interact(draw, a=[1, 2])", tags=["slider"]),
                    code("widgets.interact(other, a=[1, 2])", tags=["slider"])]}
    one, other = website.page(nb, "99-a-page", {"draw": record}, THERE, tmp_path)["cells"]
    made = one["outputs"][0]["data"]["text/html"]
    assert 'type="range" min="0" max="1" value="1" aria-label="a"' in made
    assert '<img src="../_static/pictures/99-a-page-draw-001.png" alt="Two." width="1" height="1"' in made
    assert json.loads(made.split('json">')[1].split("</script>")[0])["frames"] == [
        f"../_static/pictures/99-a-page-draw-00{at}.png" for at in (0, 1)]
    assert other["outputs"][0]["data"]["text/html"] == website.STILL
    assert all("remove-input" in cell["metadata"]["tags"] for cell in (one, other))


def test_dead_links_and_requests_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="sub/b.html#y">b</a><a href="#x">x</a><a href="https://o.org">o</a>'
        '<link rel="canonical" href="https://o.org/a">', encoding="utf-8")
    (tmp_path / "sub/b.html").write_text('<a name="y" href="../a.html#x"></a><img src="data:image/png;base64,A">',
                                         encoding="utf-8")
    assert links.dead(tmp_path) == links.outside(tmp_path) == []
    (tmp_path / "sub/c.html").write_text(
        '<a href="../a.html#z">z</a><a href="d.html">d</a><img src="p.png"><script src="//cdn.org/m.js"></script>'
        '<link rel="stylesheet" href="http://f.org">', encoding="utf-8")
    (tmp_path / "s.css").write_text("@font-face { src: url('https://f.org/f.woff2') } p { background: url(p.png) }",
                                    encoding="utf-8")
    assert links.dead(tmp_path) == [f"a dead link in sub/c.html: {link}" for link in ("../a.html#z", "d.html", "p.png")]
    assert [line.rsplit(": ", 1)[1] for line in links.outside(tmp_path)] == \
        ["//cdn.org/m.js", "http://f.org", "https://f.org/f.woff2"]


def course(folder, count=1):
    (folder / "notebooks").mkdir(parents=True)
    (folder / "utils").mkdir()
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# 99 · A page"},
             {**code("1"), "execution_count": count}]
    nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "notebooks/99-a-page.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    (folder / "notebooks/cover.png").write_bytes(base64.b64decode(DOT))
    for name in ["README.md", *(name for names in website.DOCUMENTS.values() for name in names)]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"# {name}\n", encoding="utf-8")
    (folder / "build/site").mkdir(parents=True)
    (folder / "build/site/index.html").write_text("old", encoding="utf-8")
    return folder


def made(folder, capsys, monkeypatch, status=0, page="<p>new"):
    """Build with a Sphinx that writes one page, or fails."""
    def run(command, **_):
        out = website.Path(command[-1])
        out.mkdir()
        (out / "index.html").write_text(page, encoding="utf-8")
        return subprocess.CompletedProcess(command, status, "", f"{command[-2]}/index.md:1: WARNING: odd\n")
    monkeypatch.setattr(website, "texts", lambda *_: ["// MathJax"])
    monkeypatch.setattr(website.subprocess, "run", run)
    returned = website.main([], folder)
    there = (folder / "build/site/index.html").read_text(encoding="utf-8")
    assert [path.name for path in (folder / "build").iterdir()] == ["site"]  # nothing half-made is left
    return returned, there, capsys.readouterr().err


def test_a_site_is_put_in_place_whole(tmp_path, capsys, monkeypatch):
    assert made(course(tmp_path / "a"), capsys, monkeypatch) == (0, "<p>new", "")
    returned, there, said = made(course(tmp_path / "b"), capsys, monkeypatch, status=1)
    assert (returned, there, said) == (1, "old", "no site, Sphinx stopped:\nindex.md:1: WARNING: odd\n")
    returned, there, said = made(course(tmp_path / "c"), capsys, monkeypatch, page='<a href="gone.html">')
    assert (returned, there) == (1, "old")
    assert said == "no site, for it would have\na dead link in index.html: gone.html\n"
    returned, there, said = made(course(tmp_path / "d", count=None), capsys, monkeypatch)
    assert (returned, there) == (1, "old") and said.startswith("99-a-page.ipynb: 1 of its code cells never ran")


def test_without_npm_one_line_says_so(tmp_path, capsys, monkeypatch):
    def absent(*_):
        raise website.VendorError("npm fetches mathjax, once: install Node.js")
    course(tmp_path)
    monkeypatch.setattr(website, "texts", absent)
    assert website.main([], tmp_path) == 1
    assert capsys.readouterr().err == "npm fetches mathjax, once: install Node.js\n"
    assert (tmp_path / "build/site/index.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem[:2])
def test_every_picture_of_a_page_has_its_sentence(path, tmp_path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    stored = [" ".join(o["metadata"]["image/png"]["alt"].split()) for c in nb["cells"] if c["cell_type"] == "code"
              for o in c["outputs"] if "image/png" in o.get("data", {})]
    cells = website.page(nb, path.stem, {}, THERE, tmp_path)["cells"]
    texts = [o["data"]["text/html"] for c in cells if c["cell_type"] == "code"
             for o in c["outputs"] if "text/html" in o.get("data", {})]
    assert [html.unescape(alt) for alt in re.findall(r'alt="([^"]*)"', "".join(texts))] == stored


def test_the_workflow_builds_and_hands_on_the_site():
    jobs = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8"))["jobs"]
    steps, deploy = jobs["build"]["steps"], jobs["deploy"]
    assert "make site FRAMES=1" in [step.get("run") for step in steps]
    assert [step["with"]["path"] for step in steps if "pages" in step.get("uses", "")] == ["build/site"]
    assert deploy["needs"] == "build" and deploy["permissions"] == {"pages": "write", "id-token": "write"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "tools/website.py $(if $(FRAMES),--frames)" in makefile
