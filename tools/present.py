"""A page as slides in JupyterLab, with its kernel: python tools/present.py [JupyterLab's flags] notebooks/NN-name.ipynb

The slides of the page's deck (tools/slides.py) become a notebook in build/present/, written anew each time; cells that
no slide shows run there, too, unseen. jupyterlab-slideshow shows it, from an environment of its own. Settings, open
tabs and style sheet are its own as well, so that the course as students see it stays as it is.
"""

import copy
import json
import os
import re
import shutil
import sys
from pathlib import Path
from posixpath import join, normpath

import lab
from decks import DeckError, read
from pages import any_console, replace, text_of
from slides import LINES, MARK, derive, house_names

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
FOLDER = "build/present"
EXTENSIONS = "build/slideshow/share/jupyter/labextensions"
# type for a hall, and no news; JupyterLab takes sizes from a person's settings alone, not from overrides.json
SETTINGS = {
    "@jupyterlab/apputils-extension/themes.jupyterlab-settings":
        {"overrides": {"code-font-size": "18px", "content-font-size1": "22px"}},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}


def prose(text, kind=None):
    """A Markdown cell. kind: slide, subslide, fragment, notes; None, without any key, goes on with the slide before."""
    def led(match):
        far = re.match(r"\w+:|#", match[2])
        return match[0] if far else f"[{match[1]}]({normpath(join('../../notebooks', match[2]))})"
    text = re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", led, text)
    return {"cell_type": "markdown", "metadata": {"slideshow": {"slide_type": kind}} if kind else {}, "source": text}


def shown(cell, part):
    """A code cell as a slide shows it: the code of pictures, claims and sliders is folded away."""
    cell = copy.deepcopy(cell)
    cell["metadata"].pop("slideshow", None)
    if part.kind != "code":
        cell["metadata"]["jupyter"] = {"source_hidden": True}
    return cell


def unseen(cell):
    cell = copy.deepcopy(cell)
    cell["metadata"]["slideshow"] = {"slide_type": "skip"}
    return cell


def as_it_is(cell):
    """Whether a slide has room for all of a cell's code; of a longer one it shows what the deck shows."""
    plain = [line for line in text_of(cell).splitlines() if not MARK.search(line)]
    return len(plain) <= LINES


def live(nb, house=frozenset()):
    """A page (a dict) whose cells are the slides of its deck: each code cell once, in the page's order, seen or not."""
    cells, made, slides = nb["cells"], [], derive(nb, house)
    waiting = [number for number, cell in enumerate(cells) if cell["cell_type"] == "code"]

    def run_before(number):
        while waiting and waiting[0] < number:
            made.append(unseen(cells[waiting.pop(0)]))

    for at, slide in enumerate(slides):
        head, body = [f"{'##' if at else '#'} {slide.heading}"], []
        for part in slide.parts:
            if part.kind == "text" and not body and not part.fragment:
                head.append(part.content)
            elif part.kind == "code" and not as_it_is(cells[part.cell]):
                body.append(part._replace(kind="text", content=f"```python\n{part.content}\n```"))
            elif part.kind == "text" or part.cell in waiting:
                body.append(part)
        if not body and len(head) == 1:
            continue  # its lines stand on the slide before: one cell prints them all
        run_before(min((part.cell for part in body if part.kind != "text"), default=0))
        made.append(prose("\n\n".join(head), "subslide" if slide.below else "slide"))
        for part in body:
            if part.kind == "text":
                made.append(prose(part.content, "fragment" if part.fragment else None))
            elif part.cell in waiting:
                run_before(part.cell)
                made.append(shown(cells[waiting.pop(0)], part))
        if slide.notes:
            made.append(prose("\n\n".join(slide.notes), "notes"))
    run_before(len(cells))
    for number, cell in enumerate(made):
        cell["id"] = f"slide-{number:03}"
    return {**nb, "cells": made}


def prepare(path, root=ROOT):
    """Write the page's slides and the folders of a JupyterLab that shows them -> what the environment must say."""
    nb, folder = live(read(path), house_names(root / "utils")), root / FOLDER
    for name in ("settings", "tabs", "config"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name, held in SETTINGS.items():
        (folder / "settings" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "settings" / name).write_text(json.dumps(held), encoding="utf-8")
    (folder / "config/custom").mkdir(parents=True)
    shutil.copy(HERE / "present.css", folder / "config/custom/custom.css")
    replace(folder / path.name, json.dumps(nb, ensure_ascii=False, indent=1))
    return {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "tabs"),
            "JUPYTER_CONFIG_DIR": str(folder / "config")}


def main(flags, page, root=ROOT):
    any_console()
    extensions = root / EXTENSIONS
    if not (extensions / "jupyterlab-slideshow").is_dir():
        print("jupyterlab-slideshow is not there: make present NB=… installs it", file=sys.stderr)
        return 1
    try:
        os.environ.update(prepare(Path(page).resolve(), root))
    except (DeckError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{FOLDER}/{Path(page).name}: Run All, then the deck's button above the page (INSTRUCTORS.md has the keys)",
          flush=True)
    return lab.main([f"--LabApp.extra_labextensions_path={extensions}", "--LabApp.custom_css=True", *flags],
                    f"{FOLDER}/{Path(page).name}")


if __name__ == "__main__":
    sys.path.pop(0)  # the course's tools are no modules for the server
    sys.exit(main(sys.argv[1:-1], sys.argv[-1]))
