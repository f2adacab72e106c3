"""Make a class's assignments from the notebooks: for each page nbgrader's source and release, and the gradebook.

    python tools/assignment.py --course ~/week8 [notebooks/05-ista-fista.ipynb …]     `make assignment`

The source of a page is the solved page, its exercises marked as nbgrader's solutions and its checks as locked tests
with a hidden line that grades; nbgrader makes the release from it, with the holes of the student edition. Points and
grade ids stand in ledger/points.toml: a submission is found by its ids, so they stay as long as a class uses them.
"""

import argparse
import json
import re
import secrets
import sys
import tomllib
from pathlib import Path

from editions import GO_ON, EditionError, student_source
from lines import checks_of
from pages import any_console, notebooks, replace, text_of

ROOT = Path(__file__).resolve().parents[1]
POINTS = ROOT / "ledger/points.toml"
HIDDEN = "### BEGIN HIDDEN TESTS\nexercises.grade({name!r}, points={points})\n### END HIDDEN TESTS"
NOTE = ("> **Assignment.** Write where it says `raise NotImplementedError` or `None`; the next cell checks it, and the "
        "page runs on in any case. Points are given by the same check on other inputs: all for what is right, half for "
        "right values with a wrong gradient. A wrong guess costs nothing. A check cell that was changed comes back.")
CONFIG = '''"""For nbgrader in this folder. Written once by `make assignment`: what you add below stays."""

import sys

sys.path[:0] = [{root!r}, {tools!r}]
import autograding  # noqa: E402

autograding.configure(get_config(), seed={seed})  # noqa: F821
'''


class AssignmentError(Exception):
    """A page from which no assignment can be made; the message says where and why."""


def points(file=POINTS):
    """{page: {grade id: points}} as the ledger says."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def unlinked(text):
    """A page's Markdown as it reads in a folder of its own: its links to other pages lead there, others are text."""
    def moved(match):
        target = match[2]
        if re.fullmatch(r"\d\d-[^/]*\.ipynb(#.*)?", target):
            file, _, place = target.partition("#")
            return f"[{match[1]}](../{file.removesuffix('.ipynb')}/{file}{'#' if place else ''}{place})"
        return match[1] if target.startswith("../") else match[0]
    return re.sub(r"\[([^\[\]]*)\]\(([^)\s]+)\)", moved, text)


def marks(grade_id, **more):
    """nbgrader's metadata of one cell."""
    return {"schema_version": 3, "grade_id": grade_id, "cell_type": "code", "grade": False, "solution": False,
            "locked": False, "task": False} | more


def source(path, worth):
    """The notebook (a dict) that nbgrader takes as the source of a page's assignment.   worth: {grade id: points}."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    answers, ids = [], []
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = unlinked(text_of(cell))
            continue
        cell["outputs"], cell["execution_count"] = [], None
        checks = checks_of(text_of(cell))
        if "solution" in cell["metadata"].get("tags", []):
            answers.append(cell)
        if len(checks) > 1 or checks and not answers:
            raise AssignmentError(f"{path.name}: a check must be of one answer, in a cell above: {text_of(cell)}")
        for check in checks:
            if check.exercise not in worth:
                raise AssignmentError(f"{path.name}: ledger/points.toml gives no points for {check.exercise}")
            ids.append(check.exercise)
            answers.pop()["metadata"]["nbgrader"] = marks(f"answer-{check.exercise}", solution=True)
            cell["metadata"]["nbgrader"] = marks(f"check-{check.exercise}", grade=True, locked=True,
                                                 points=worth[check.exercise])
            cell["source"] = f"{text_of(cell)}\n{HIDDEN.format(name=check.exercise, points=worth[check.exercise])}"
    for cell in answers:  # guesses: to be filled in, worth nothing
        cell["metadata"]["nbgrader"] = marks(f"guess-{cell['id']}", solution=True)
    if gone := sorted(worth.keys() - set(ids)):
        raise AssignmentError(f"{path.name}: it has no exercise {', '.join(gone)}, as ledger/points.toml says")
    head = text_of(nb["cells"][0])
    at = re.search(r"<!-- nav:end -->", head) or re.search(r"^# .*$", head, re.MULTILINE)
    nb["cells"][0]["source"] = f"{head[:at.end()]}\n\n{NOTE}{head[at.end():]}"
    return nb


def opened(nb, hidden=False):
    """The notebook with its holes open, in place; its hidden lines stay only where asked for."""
    for cell in nb["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "code" and "solution" in tags:
            cell["source"] = student_source(text_of(cell), True)
            cell["metadata"]["tags"] = [*tags, *([] if GO_ON in tags else [GO_ON])]
        if not hidden:
            cell["source"] = re.sub(r"\n?### BEGIN HIDDEN TESTS\n.*?\n### END HIDDEN TESTS", "", text_of(cell),
                                    flags=re.DOTALL)
    return nb


def write(course, pages, worth):
    """Write the sources of the pages and, unless it is there, nbgrader's settings, into the folder of a course."""
    for path in pages:
        text = json.dumps(source(path, worth[path.stem]), indent=1, ensure_ascii=False) + "\n"
        folder = course / "source" / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / path.name, text)
    settings = course / "nbgrader_config.py"
    if not settings.exists():
        replace(settings, CONFIG.format(root=str(ROOT), tools=str(ROOT / "tools"), seed=secrets.randbelow(2**31)))
    course.chmod(0o700)  # solutions, the seed of the hidden inputs, the gradebook


def released(course, pages):
    """Let nbgrader make the releases and enter them in the gradebook. Status 1 where it failed for a page."""
    from nbgrader.apps import NbGraderAPI  # only the class's environment has it
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    api, failed = NbGraderAPI(config=config), 0
    for path in pages:
        done = api.generate_assignment(path.stem, force=True)
        failed += not done["success"]
        print(f"{'✔' if done['success'] else '✘'} {path.stem}", *([] if done["success"] else [done["log"]]), sep="\n")
    return 1 if failed else 0


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of notebooks/ when none is named")
    parser.add_argument("--course", type=Path, required=True, help="the folder of the class, which nobody else reads")
    options = parser.parse_args(arguments)
    any_console()
    pages = options.notebooks or notebooks(root)
    course = options.course.resolve()
    try:
        write(course, pages, points())
    except (AssignmentError, EditionError) as error:
        print(error, file=sys.stderr)
        return 1
    return released(course, pages)


if __name__ == "__main__":
    sys.exit(main())
