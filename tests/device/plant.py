"""Plant device mistakes and see each of them stop on the make-believe device.

    python tests/device/plant.py          all of plants.toml, and first nothing at all
    python tests/device/plant.py 7        every seventh of them

A mistake in utils is met by the tour, one in page 00 by its code, in which training takes 6 steps and not 600. Status 1
when one goes through, or something stops without any.
"""

import importlib.machinery
import json
import os
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = "notebooks/00-start-here.ipynb"
# what makes the page short: few steps, no bounds on what they have reached, no slider, every figure drawn
SHORT = {"steps=600), 600": "steps=6), 6", "[0, 10, 20, 40, 80, 160, 320, 600]": "[0, 6]", "draw(600)": "draw(6).png()",
         "\npicture\n": "\npicture.png()\n", "widgets.interact(draw, step=(look_at, 600))": "",
         "from utils.claims import claim\n": "claim = lambda sentence, measured, **bounds: print(sentence, measured)\n"}


def page():
    """The code of page 00, made short."""
    cells = json.loads((ROOT / PAGE).read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code") + "\n"
    for old, new in SHORT.items():
        assert old in code, f"{PAGE} does not hold {old!r} any more"
        code = code.replace(old, new)
    return code


def put(text, plant):
    """The text with a mistake planted, where its `old` stands for the first time (a page may say a thing twice)."""
    assert plant["old"] in text, f"{plant['mistake']}: {plant['file']} does not hold {plant['old']!r}"
    return text.replace(plant["old"], plant["new"], 1)


def met(plant):
    """What stops in a process of its own with the mistake planted; "" when nothing does."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with open(reading, encoding="utf-8") as answer:
            said = answer.read()
        os.waitpid(child, 0)
        return said
    said = "the process ended"
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.chdir(ROOT)
        said = _stops(plant)
    finally:
        os.write(writing, said.encode())
        os._exit(0)


def _stops(plant):
    if plant and plant["file"] != PAGE:
        _load_planted(plant)
    code = page() if plant is None or plant["file"] == PAGE else ""
    if plant and plant["file"] == PAGE:
        code = put(code, plant)
    try:
        if code:
            exec(compile(code, PAGE, "exec"), {"__name__": "__main__"})
        if plant is None or not code:
            import tour

            tour.all_of_it()
    except Exception as error:  # noqa: BLE001 whatever stops it is what is asked for
        return f"{type(error).__name__}: {error}".splitlines()[0][:150]
    return ""


def _load_planted(plant):
    """Let the file be imported with the mistake in it."""
    file, plain = str(ROOT / plant["file"]), importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, name):
        if loader.path != file:
            return plain(loader, name)
        return compile(put(Path(file).read_text(encoding="utf-8"), plant), file, "exec")

    importlib.machinery.SourceFileLoader.get_code = get_code


def main():
    os.environ |= {"PRACTICUM_DEVICE": "fake", "PRACTICUM_OFFLINE": "1", "MPLBACKEND": "agg"}
    sys.path[:0] = [str(HERE), str(ROOT)]
    import makebelieve  # noqa: F401
    import matplotlib.figure  # noqa: F401 what takes long to import is there before the forks
    import skimage  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch
    import torchvision  # noqa: F401

    torch.set_num_threads(1)  # a thread pool does not survive a fork
    plants, bad = tomllib.loads((HERE / "plants.toml").read_text(encoding="utf-8"))["plant"], 0
    plants = plants[::int(sys.argv[1]) if len(sys.argv) > 1 else 1]
    said = met(None)
    print(f"{'✘' if said else '✔'} nothing planted: {said or 'nothing stops'}", flush=True)
    bad += bool(said)
    for plant in plants:
        said = met(plant)
        print(f"{'✔' if said else '✘'} {plant['mistake']}: {said or 'goes through'}", flush=True)
        bad += not said
    print(f"{bad} of {len(plants) + 1} are wrong." if bad else f"{len(plants)} of {len(plants)} mistakes stopped.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
