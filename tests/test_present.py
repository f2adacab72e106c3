"""A page's slides with its kernel: each code cell once, in order; pictures, sliders and claims as in the deck."""

import json
import tomllib

import beside
import lab
import pytest
from pages import ROOT, claim_calls, notebooks, text_of
from present import EXTENSIONS, live, main, prepare, prose
from slides import derive, house_names

HOUSE = house_names(ROOT / "utils")


def kind(cell):
    return cell["metadata"].get("slideshow", {}).get("slide_type")


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem[:2])
def test_a_page_with_its_kernel(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    made = live(nb, HOUSE)["cells"]
    of_page = [cell for cell in nb["cells"] if cell["cell_type"] == "code"]
    code = [cell for cell in made if cell["cell_type"] == "code"]
    assert [text_of(cell) for cell in code] == [text_of(cell) for cell in of_page], "each once, in the page's order"
    parts = [part for slide in derive(nb, HOUSE) for part in slide.parts]
    wanted = {part.cell for part in parts if part.kind in ("picture", "slider", "print")}
    numbers = [number for number, cell in enumerate(nb["cells"]) if cell["cell_type"] == "code"]
    seen = {number for number, cell in zip(numbers, code, strict=True) if kind(cell) != "skip"}
    assert wanted <= seen, "a picture, slider or claim of the deck that no slide shows"
    drawn = {part.cell for part in parts if part.kind in ("picture", "slider")}
    assert all(cell["metadata"]["jupyter"]["source_hidden"] for number, cell in zip(numbers, code, strict=True)
               if number in drawn)
    assert kind(made[0]) == "slide"
    assert {kind(cell) for cell in made} <= {"slide", "subslide", "fragment", "notes", "skip", None}
    assert len({cell["id"] for cell in made}) == len(made)
    claims = {number for number, cell in zip(numbers, of_page, strict=True) if claim_calls(text_of(cell))}
    assert claims & seen


def test_links_lead_to_the_pages_themselves():
    text = "[a](05-ista-fista.ipynb#x) [b](../LECTURE.md#A0.1) [c](https://x.org/y) [d](#here) ![e](p.png)"
    assert prose(text, None) == {"cell_type": "markdown", "metadata": {}, "source":
                                 "[a](../../notebooks/05-ista-fista.ipynb#x) [b](../../LECTURE.md#A0.1) "
                                 "[c](https://x.org/y) [d](#here) ![e](p.png)"}


def small(folder, count=1):
    (folder / "notebooks").mkdir()
    (folder / "utils").mkdir()
    path = folder / "notebooks/99-a-page.ipynb"
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# 99 · A page\n\n## The question\n\nWhat?"},
             {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": count}]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def test_settings_are_written_anew_each_time(tmp_path):
    path = small(tmp_path)
    said = prepare(path, tmp_path)
    assert set(said) == {"JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR"}
    left = tmp_path / "build/present/settings/deck-mode-is-on"
    left.touch()
    prepare(path, tmp_path)
    assert not left.exists() and (tmp_path / "build/present/99-a-page.ipynb").exists()
    assert (tmp_path / "build/present/config/custom/custom.css").read_text(encoding="utf-8")


def test_what_is_missing_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lab, "main", lambda flags, page: (flags, page))
    monkeypatch.setattr("os.environ", {})
    path = small(tmp_path, count=None)
    assert main([], str(path), tmp_path) == 1
    assert capsys.readouterr().err == "jupyterlab-slideshow is not there: make present NB=… installs it\n"
    (tmp_path / EXTENSIONS / "jupyterlab-slideshow").mkdir(parents=True)
    assert main([], str(path), tmp_path) == 1
    assert "never ran" in capsys.readouterr().err and not (tmp_path / "build/present/99-a-page.ipynb").exists()
    path.unlink()
    (tmp_path / "notebooks").rmdir()
    (tmp_path / "utils").rmdir()
    flags, page = main(["--port", "1"], str(small(tmp_path)), tmp_path)
    assert page == "build/present/99-a-page.ipynb" and flags[-2:] == ["--port", "1"]


@pytest.mark.parametrize("extra", ["site", "present"])
def test_what_instructors_need_is_pinned_and_stays_out_of_the_courses_environment(extra):
    names = [each.split("==")[0] for each in beside.extra(extra)]
    assert names and all("==" in each for each in beside.extra(extra))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    held = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements.lock")]
    assert not [name for name in names if any(f"{name}==" in text for text in [*held, *project["dependencies"]])]
