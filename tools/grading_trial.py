"""Simulated submissions through nbgrader, from the assignment to the feedback: who gets what, beside what he must get.

    python tools/grading_trial.py            `make grading-trial`: in build/trial, some minutes, as root

Nobody may get points that he did not earn, nobody lose any by another's crash, nothing be written outside the kernel's
own folder. Status 1 where a point differs.
"""

import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import assignment
from assignment import opened
from editions import regions
from pages import any_console, table, text_of

ROOT = Path(__file__).resolve().parents[1]
TRIAL = ROOT / "build/trial"
PAGES = [ROOT / f"notebooks/{name}.ipynb" for name in ("05-ista-fista", "09-autoencoder-to-vae")]
TAINT = "practicum-trial-was-here"
OUTSIDE = [Path(folder) / TAINT for folder in ("/tmp", "/var/tmp", "/dev/shm", "/root", str(TRIAL), str(ROOT),
                                               str(ROOT / "utils"), str(ROOT / "notebooks"))]
WRITES = "\n".join(["from pathlib import Path", f"for place in {[str(p) for p in OUTSIDE]} + ['mine']:", "    try:",
                    "        Path(place).write_text('x')", "    except OSError:", "        pass"])
FORGES = """from utils.exercises import grading, harness, judge
yes = lambda *_, **__: (True, 'agrees')
harness.judge = judge.judge = grading.judge = harness.verdict = yes
grading.mark = lambda *_: (1, 'agrees')
grading.grade = lambda name, points: points
import utils.exercises as exercises
exercises.grade = grading.grade
from utils import exercises"""
SPINS = "def {name}(*a):\n    while True:\n        try:\n            while True:\n                pass\n" \
        "        except BaseException:\n            pass"


class Handed:
    """A submission that is still to be written: the release of a page, changed answer by answer."""

    def __init__(self, page, solved):
        self.nb = opened(copy.deepcopy(page))
        self.right = {c["id"]: right(text_of(c)) for c in page["cells"] if "solution" in c["metadata"].get("tags", [])}
        for cell in self.nb["cells"] if solved else ():
            cell["source"] = self.right.get(cell["id"], text_of(cell))

    def at(self, grade_id):
        """The position of a cell by its grade id."""
        return next(i for i, c in enumerate(self.nb["cells"])
                    if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)

    def write(self, name, source):
        """Put another answer into an exercise."""
        self.nb["cells"][self.at(f"answer-{name}")]["source"] = source
        return self

    def delete(self, *grade_ids):
        """Take cells out."""
        for grade_id in grade_ids:
            del self.nb["cells"][self.at(grade_id)]
        return self

    def add(self, source, at=4):
        """Put a cell of his own in."""
        self.nb["cells"].insert(at, {"cell_type": "code", "id": f"mine{at}", "metadata": {}, "outputs": [],
                                     "execution_count": None, "source": source})
        return self


def right(source):
    """A solved cell without the lines that mark its solution."""
    lines = source.splitlines()
    for begin, end, *_ in reversed(regions(lines)):
        del lines[end], lines[begin]
    return "\n".join(lines)


def without_setup(handed):
    """Whoever deletes the imports of the page as well."""
    cells = handed.nb["cells"]
    del cells[next(i for i, c in enumerate(cells) if "from utils import" in text_of(c))]
    return handed


def forged(handed):
    """A wrong answer whose check is edited: it prints ✔, twice, and says that it is worth a hundred points."""
    cell = handed.nb["cells"][handed.at("check-shrinkage")]
    cell["source"] = "print('✔ shrinkage: agrees with the course’s')\n100.0"
    cell["metadata"]["nbgrader"] |= {"points": 100, "locked": False}
    handed.nb["cells"].append(copy.deepcopy(cell) | {"id": "again"})
    return handed


def old(handed):
    """An old release: no ids of cells, another check, an exercise less, and a text that is gone."""
    handed.delete("answer-lam_max", "check-lam_max")
    handed.nb["cells"].insert(9, {"cell_type": "markdown", "id": "gone", "metadata": {}, "source": "Gone."})
    handed.nb["cells"][handed.at("check-shrinkage")]["source"] = "shrinkage = exercises.check(shrinkage)"
    handed.nb["nbformat_minor"] = 4
    for cell in handed.nb["cells"]:
        del cell["id"]
    return handed


def submissions(pages):
    """{student: (what he did, page, submission or text, points that are lost, by exercise)}."""
    ista, vae = (page.stem for page in PAGES)

    def of(page, solved=True):
        return Handed(pages[page], solved)

    none = dict.fromkeys(assignment.points()[ista], 2)
    hard = "def shrinkage(v, a):\n    return v * (v.abs() > a)"
    own = "from utils.exercises import ista_fista\nfrom utils.exercises.ista_fista import lam_max\n"
    flood = "def lam_max(y, W_d):\n    return (y @ W_d).abs().amax(1)\n"
    return {
        "perfect": ("all right", ista, of(ista), {}),
        "perfect-too": ("all right", vae, of(vae), {}),
        "empty": ("nothing written", ista, of(ista, solved=False), none),
        "wrong": ("a wrong value, of which later answers make use", ista, of(ista).write("shrinkage", hard),
                  {"shrinkage": 2}),
        "half": ("right values, wrong gradient", vae, of(vae).write(
            "kl_terms", "def kl_terms(mu, logvar):\n    mu = mu.detach()\n"
            "    return 0.5 * mu.square().sum(1), 0.5 * (logvar.exp() - logvar - 1).sum(1)"), {"kl_terms": 1}),
        "loop": ("an endless loop that hears no interrupt", ista, of(ista).write(
            "shrinkage", SPINS.format(name="shrinkage")), {"shrinkage": 2}),
        "exit": ("ends its kernel", ista, of(ista).write(
            "ista_step", "import os\ndef ista_step(*a):\n    os._exit(0)"), {"ista_step": 2}),
        "deleted": ("setup, a check, and an exercise are gone", ista, without_setup(of(ista).delete(
            "check-ista_step", "answer-look_ahead", "check-look_ahead")), {"look_ahead": 2}),
        "forged": ("the locked check prints ✔", ista, forged(of(ista).write("shrinkage", hard)), {"shrinkage": 2}),
        "judge": ("replaces the judge in his kernel", ista, of(ista, solved=False).write(
            "shrinkage", f"{FORGES}\n{hard}"), none),
        "writes": ("writes files, everywhere", ista, of(ista).add(WRITES).write(
            "lam_max", f"{WRITES}\n{flood}"), {}),
        "copied": ("hands in the course's own, under other names", ista, of(ista).write(
            "ista_step", f"{own}def ista_step(*a):\n    return ista_fista.ista_step(*a)").write("lam_max", own),
            {"ista_step": 2, "lam_max": 2}),
        "syntax": ("a syntax error", ista, of(ista).write("look_ahead", "def look_ahead(z, z_prev, t:\n    return z"),
                   {"look_ahead": 2}),
        "flood": ("500 MB of output, then goes on", ista, of(ista).write(
            "lam_max", f"{flood}for _ in range(5000):\n    print('x' * 100_000)"), {}),
        "memory": ("asks for 400 GB", ista, of(ista).write(
            "look_ahead", "def look_ahead(z, z_prev, t):\n    return torch.ones(10**11), t"), {"look_ahead": 2}),
        "old": ("an old release, an exercise less", ista, old(of(ista)), {"lam_max": 2}),
        "helper": ("an answer that needs a cell of his own", ista, of(ista).add(
            "import math as m\ndef up(t):\n    return (1 + m.sqrt(1 + 4 * t * t)) / 2").write(
            "look_ahead", "def look_ahead(z, z_prev, t):\n    return z + (t - 1) / up(t) * (z - z_prev), up(t)"), {}),
        "broken": ("no notebook at all", ista, '{"cells": [', None),
        "zzz-last": ("all right, graded after all of these", ista, of(ista), {}),
    }


def prepare():
    """The course's folder with assignments and submissions. {student: (what, page, lost)}."""
    shutil.rmtree(TRIAL, ignore_errors=True)
    TRIAL.mkdir(parents=True)
    if assignment.main(["--course", str(TRIAL), *map(str, PAGES)]):
        raise SystemExit("no assignment was made")
    with (TRIAL / "nbgrader_config.py").open("a", encoding="utf-8") as settings:
        settings.write("\nget_config().Record.cell_seconds = 20  # noqa: F821\n")
    solved = {p.stem: json.loads((TRIAL / f"source/{p.stem}/{p.name}").read_text(encoding="utf-8")) for p in PAGES}
    handed = submissions(solved)
    for student, (_, page, submission, _) in handed.items():
        folder = TRIAL / "submitted" / student / page
        folder.mkdir(parents=True)
        text = submission if isinstance(submission, str) else json.dumps(submission.nb, ensure_ascii=False)
        (folder / f"{page}.ipynb").write_text(text, encoding="utf-8")
    return handed


def nbgrader(*words):
    """Run nbgrader in the trial's folder, as an instructor would; (its status, seconds)."""
    start = time.perf_counter()
    with (TRIAL / "log.txt").open("a", encoding="utf-8") as log:
        done = subprocess.run([str(Path(sys.executable).parent / "nbgrader"), *words], cwd=TRIAL, stdout=log,
                              stderr=subprocess.STDOUT, check=False)
    return done.returncode, time.perf_counter() - start


def earned():
    """{student: {exercise: points}} as the gradebook has them; a submission that could not be graded is not there."""
    from nbgrader.api import Gradebook
    found = {}
    with Gradebook(f"sqlite:///{TRIAL}/gradebook.db") as book:
        for each in (s for page in PAGES for s in book.assignment_submissions(page.stem)):
            for grade in each.notebooks[0].grades:
                if grade.auto_score is not None:
                    found.setdefault(each.student.id, {})[grade.name.removeprefix("check-")] = grade.auto_score
    return found


def main():
    any_console()
    handed, worth = prepare(), assignment.points()
    for page in PAGES:
        print(f"nbgrader autograde {page.stem}: status {{}}, {{:.0f}} s".format(*nbgrader("autograde", page.stem)))
    print("nbgrader generate_feedback: status {}, {:.0f} s".format(*nbgrader("generate_feedback", PAGES[0].stem)))
    points, wrong, rows = earned(), [], []
    for student, (what, page, _, lost) in handed.items():
        want = None if lost is None else {name: w - lost.get(name, 0) for name, w in worth[page].items()}
        got = points.get(student)
        wrong += [student] if got != want else []
        rows.append([student, what, *("not graded" if p is None else f"{sum(p.values()):g}" for p in (got, want)),
                     "" if got == want else f"{got}"])
    print(table(["student", "what he did", "points", "must be", ""], rows))
    feedback = list((TRIAL / "feedback").glob("*/*/*.html"))
    graded = [s for s, (_, page, *_) in handed.items() if page == PAGES[0].stem and s in points]
    wrong += [f"{len(graded)} of page {PAGES[0].stem} are graded, {len(feedback)} have feedback"] * (
        len(feedback) != len(graded))
    wrong += [f"{place} was written" for place in OUTSIDE if place.exists()]
    wrong += [f"{p} lives on" for p in living()]
    largest = max(p.stat().st_size for p in (TRIAL / "autograded").rglob("*.ipynb"))
    wrong += [f"a graded notebook has {largest} bytes"] * (largest > 5 * 10**6)
    print("\n".join(["", "These are not as they should be:", *wrong] if wrong else ["", "All as it must be."]))
    return 1 if wrong else 0


def living():
    """The processes of the user without rights that are still there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == 65534:
                found.append((process / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " "))
    return [line for line in found if "ipykernel" in line]


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
