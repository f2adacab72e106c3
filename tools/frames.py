"""Pictures for decks, which have no kernel: every slider's every place, and the page's own, in 200 dots an inch.

    python tools/frames.py notebooks/05-ista-fista.ipynb …     writes build/frames/05-ista-fista/HASH/draw.json

The page runs once; what it drew is kept by the hash of all that it depends on.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from pages import any_console, notebooks, text_of

ROOT = Path(__file__).resolve().parents[1]
MOST = 150  # places of one slider figure; more would make the deck too heavy to open
DPI = 200   # in which a picture fills a slide of 1920 × 1080; a stored page has 100

# runs in the page's kernel before its first cell: widgets.interact draws all places into a folder
RECORD = """
def _record(folder, most, dpi):
    import base64, json, pathlib
    from utils import house, widgets
    from utils.frames import Frames

    def interact(draw, **choices):
        frames = Frames(draw, choices)
        places = frames.places()
        if len(places) > most:
            return
        frames.picture(frames.start)  # the others stand as it does
        drawn = [frames.picture(place) for place in places]
        record = {"names": list(frames.values), "labels": frames.labels, "start": frames.start, "dpi": dpi,
                  "frames": [base64.b64encode(png).decode() for png, _ in drawn], "alts": [alt for _, alt in drawn]}
        (pathlib.Path(folder) / (draw.__name__ + ".json")).write_text(json.dumps(record), encoding="utf-8")

    widgets.interact = interact
    house.DPI = dpi
"""


class FramesError(Exception):
    """A page whose frames can't be drawn; the message says where it stopped."""


def key(path, root=ROOT):
    """What a page's pictures depend on: its code, and all of utils."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    parts = [text_of(c) for c in nb["cells"] if c["cell_type"] == "code"] + [RECORD, str(DPI)]
    parts += [p.read_text(encoding="utf-8") for p in sorted((root / "utils").rglob("*.py"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def kept(path, root=ROOT):
    """{draw: record} of the frames drawn for the page as it is now; empty if there are none."""
    folder = root / "build/frames" / path.stem / key(path, root)
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))}


def drawn(nb):
    """{cell id: [(base64 PNG, alt text), …]} of the pictures in a notebook's outputs."""
    found = {}
    for cell in nb["cells"]:
        shown = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        if shown:
            found[cell.get("id")] = [("".join(o["data"]["image/png"]), o["metadata"].get("image/png", {}).get("alt"))
                                     for o in shown]
    return found


def sharpened(nb, path, root=ROOT):
    """The notebook (a dict) with its pictures as the run for the frames drew them, where that drew the same ones."""
    file = root / "build/frames" / path.stem / key(path, root) / "pictures" / "all.json"
    sharp = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    stored = drawn(nb)
    for cell in nb["cells"]:
        new, old = sharp.get(cell.get("id"), []), stored.get(cell.get("id"), [])
        if [alt for _, alt in new] == [alt for _, alt in old]:
            shown = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
            for output, (png, _) in zip(shown, new, strict=True):
                output["data"]["image/png"] = png
    return nb


def draw(path, root=ROOT):
    """Run the page once and keep its frames, all or none. Raises FramesError. Does nothing if they are kept already."""
    folder = root / "build/frames" / path.stem / key(path, root)
    if folder.exists():
        return kept(path, root)
    waiting = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir(parents=True)
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(0, nbformat.v4.new_code_cell(f"{RECORD}\n_record({str(waiting)!r}, {MOST}, {DPI})"))
    try:
        where = {"metadata": {"path": str(path.parent)}}
        NotebookClient(nb, timeout=300, kernel_name="python3", resources=where).execute()
        (waiting / "pictures").mkdir()
        (waiting / "pictures/all.json").write_text(json.dumps(drawn(nb)), encoding="utf-8")
        for old in folder.parent.glob("[0-9a-f]*"):
            shutil.rmtree(old)
        waiting.replace(folder)
    except (CellExecutionError, DeadKernelError, TimeoutError) as error:
        last = (str(error).strip().splitlines() or ["it ended"])[-1]
        raise FramesError(f"{path.name}: no frames, its run stopped: {last}") from None
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return kept(path, root)


if __name__ == "__main__":
    any_console()
    for each in [Path(a).resolve() for a in sys.argv[1:]] or notebooks(ROOT):
        try:
            counts = ", ".join(f"{name} {len(record['frames'])}" for name, record in draw(each).items())
            print(f"{each.name}: {counts or 'no slider'}")
        except FramesError as reason:
            sys.exit(str(reason))
