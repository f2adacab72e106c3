"""A new release of a page meets a student's copy in work/: nothing of his is lost, and one line says what was done.

A copy remembers its release: each cell's id with a digest of its text, in the notebook's metadata. What differs from
that is the student's. A copy in which nothing does is replaced. Any other stays byte for byte, and the new page comes
beside it, 05-ista-fista-2.ipynb, with his answers under the ids of their cells, and the cells that he added.
"""

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from pages import replace, text_of

KEY = "practicum"  # in the notebook's metadata
GENERATED = re.compile(r"<!-- (nav|course-map):begin -->.*?<!-- \1:end -->|Measured time: [^.]*\.", re.DOTALL)
HOLE = re.compile(r"raise NotImplementedError\(|^\w+ = None( {2}#|$)", re.MULTILINE)


class Update(NamedTuple):
    """What became of a copy: the new page with what is his, and how much that is."""

    page: dict
    answers: int  # carried over
    reworded: int  # of these, to exercises that the new release has changed
    added: int  # cells of his own, carried over
    homeless: int  # answers whose exercise is gone
    others: int  # other changes: they stand in his copy alone


def digest(cell):
    """Of a cell's kind and text, without what `make generate` puts there: a new time is no new release."""
    text = GENERATED.sub("", text_of(cell).replace("\r\n", "\n")).rstrip()
    return hashlib.sha256(f"{cell['cell_type']}\n{text}".encode()).hexdigest()[:12]


def stamped(nb):
    """The notebook (a dict) with its release in its metadata."""
    nb["metadata"][KEY] = {"cells": {cell["id"]: digest(cell) for cell in nb["cells"]}}
    return nb


def release(nb):
    """[(id, digest)] of the release that a copy was made from; [] when it does not say, or not in that form."""
    kept = nb.get("metadata", {}).get(KEY)
    cells = kept.get("cells") if isinstance(kept, dict) else None
    return list(cells.items()) if isinstance(cells, dict) else []


def read(path):
    """A student's copy as a dict, None when it is no notebook: broken off, merged by hand, of an old format."""
    try:
        nb = json.loads(path.read_text(encoding="utf-8-sig"))
        for cell in nb["cells"]:
            cell["metadata"].get("tags", []), text_of(cell).encode(), cell["cell_type"] + cell.get("id", "")
        return nb if isinstance(nb["metadata"], dict) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def untouched(mine):
    """Whether a copy is as its release was, outputs and empty cells apart."""
    cells = [cell for cell in mine["cells"] if text_of(cell).strip()]
    return bool(release(mine)) and [(cell.get("id"), digest(cell)) for cell in cells] == release(mine)


def differs(cell, place):
    """Whether a cell is the student's by what it says, where no release is known: an exercise filled in."""
    return digest(cell) != digest(place) and not HOLE.search(text_of(cell))


def update(mine, new):
    """Put what a student wrote into the new page, by the ids of cells. Neither argument is changed.   -> Update."""
    page, base = copy.deepcopy(new), dict(release(mine))
    places = {cell["id"]: cell for cell in page["cells"]}
    answers = reworded = homeless = others = 0
    seen, waiting, added = set(), [], {}  # added: {id of the course's cell before which they go: his cells}
    for cell in mine["cells"]:
        name = cell.get("id") if cell.get("id") not in seen else None  # a copied cell may have kept its id
        seen.add(name)
        place = places.get(name)
        if base and name not in base:
            waiting += [cell] if text_of(cell).strip() else []
            continue
        if place:
            added[name], waiting = waiting, []
        if not (digest(cell) != base[name] if base else place and differs(cell, place)):
            continue
        if place and "solution" in place["metadata"].get("tags", []) and place["cell_type"] == cell["cell_type"]:
            place["source"], answers = cell["source"], answers + 1
            reworded += bool(base) and base[name] != dict(release(new))[name]
        elif not place and "solution" in cell["metadata"].get("tags", []):
            homeless += 1
        else:
            others += 1
    cells, fresh = [], 0
    for cell in [*page["cells"], None]:
        for his in added.get(cell["id"], []) if cell else waiting:
            fresh += 1
            cells.append(clean(his, f"{digest(his)[:6]}{fresh:02x}"))
        cells += [cell] if cell else []
    page["cells"] = cells
    return Update(page, answers, reworded, fresh, homeless, others)


def clean(cell, name):
    """A cell of the student's as a cell of the new page: without outputs, under an id of its own."""
    cell = copy.deepcopy(cell) | {"id": name}
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def copies(folder, name):
    """The student's copies of a page, the latest last: NN-title.ipynb, NN-title-2.ipynb, …"""
    stem = Path(name).stem
    numbered = [(int(match[1] or 1), path) for path in folder.glob(f"{stem}*.ipynb")
                if (match := re.fullmatch(re.escape(stem) + r"(?:-([1-9]\d{0,3}))?", path.stem))]
    return [path for _, path in sorted(numbered)]


def count(number, what):
    return f"{number} {what}{'s' if number != 1 else ''}"


def bring(folder, name, text):
    """Bring the page of that name and text into the folder; the line that says what was done."""
    there, home = copies(folder, name), folder.name
    if not there:
        replace(folder / name, text)
        return f"wrote {home}/{name}"
    last, new = there[-1], json.loads(text)
    mine = read(last)
    if mine is not None and release(mine) == release(new):
        return f"kept  {home}/{last.name}, which is yours (delete it to begin anew)"
    if mine is not None and untouched(mine):
        replace(last, text)
        return f"wrote {home}/{last.name}: the page has a new release, and you had changed nothing"
    number = int(re.search(r"-(\d+)$", last.stem)[1]) + 1 if last.stem != Path(name).stem else 2
    beside = folder / f"{Path(name).stem}-{number}.ipynb"
    if mine is None:
        replace(beside, text)
        return (f"wrote {home}/{beside.name}: {home}/{last.name} can't be read as a notebook, so nothing was carried "
                "over, and it stays as it is")
    if not any("id" in cell for cell in mine["cells"]):
        replace(beside, text)
        return (f"wrote {home}/{beside.name}: the page has a new release; the cells of {home}/{last.name} have lost "
                "their ids, so nothing was carried over, and it stays as it is")
    found = update(mine, new)
    replace(beside, json.dumps(found.page, indent=1, ensure_ascii=False) + "\n")
    carried = [count(found.answers, "answer")] + [count(found.added, "cell") + " of yours"] * bool(found.added)
    said = f"wrote {home}/{beside.name}: the page has a new release, with {' and '.join(carried)} carried over"
    if found.reworded:
        said += f" ({found.reworded} to an exercise that has changed)"
    alone = ([count(found.homeless, "answer") + " to exercises that are gone"] * bool(found.homeless)
             + [count(found.others, "other change")] * bool(found.others))
    return said + f"; {home}/{last.name} stays as it is" + (f", with {' and '.join(alone)}" if alone else "")
