"""The lines that a run of a page prints, as CI compares them, and its check cells."""

import ast
import difflib
import itertools
import re
from functools import cache
from typing import NamedTuple

from pages import ROOT, text_of

VERDICT = re.compile(r"[✔✘] ")


class Check(NamedTuple):
    """One `answer = exercises.check(…)`: the exercise's name, and the names on the page that hold the answer."""

    exercise: str
    answer: str
    target: str


@cache
def patterns(file=ROOT / "tests/sanitize.cfg"):
    """[(regular expression, replacement)] of the file by which nbval sanitizes, read as nbval reads it."""
    text = file.read_text(encoding="utf-8")
    pairs = re.findall(r"^regex: (.*)$\n^replace: (.*)$", text, re.MULTILINE)
    return [(re.compile(regex), replacement) for regex, replacement in pairs]


def sanitized(text):
    for pattern, replacement in patterns():
        text = pattern.sub(replacement, text)
    return text


def code_cells(nb):
    return [cell for cell in nb["cells"] if cell["cell_type"] == "code"]


def tags(cell):
    return cell["metadata"].get("tags", [])


def printed(cell):
    """What a code cell shows as text, sanitized, in lines: what was printed, then each display's texts."""
    streams, shown = {}, []
    for output in cell["outputs"]:
        if "text" in output:
            streams[output["name"]] = streams.get(output["name"], "") + "".join(output["text"])
        shown += ["".join(text) for kind, text in sorted(output.get("data", {}).items()) if kind.startswith("text/")]
    return [line for text in [*streams.values(), *shown] for line in sanitized(text).splitlines()]


def verdicts(cell):
    """The lines of a cell that say ✔ or ✘: claims, checks, predictions, the tally."""
    return [line for line in printed(cell) if VERDICT.match(line)]


def differences(stored, cell, red=()):
    """[(line of the stored cell, line of the same cell in a run)] where they differ; '' where one has no such line.

    red: sentences of claims that failed in the run, whose lines are told elsewhere. What a cell that stops does not
    reach is no difference, nor is anything in a cell that CI does not compare.
    """
    if "nbval-ignore-output" in tags(cell) or stored.get("execution_count") is None:
        return []
    want, got, found = printed(stored), printed(cell), []
    for what, i, j, k, m in difflib.SequenceMatcher(None, want, got, autojunk=False).get_opcodes():
        if what != "equal":
            found += itertools.zip_longest(want[i:j], got[k:m], fillvalue="")
    known = {f"✘ {sentence} · measured" for sentence in red}
    return [(w, g) for w, g in found if g not in known and (g or not errors(cell))]


def errors(cell):
    """'ZeroDivisionError: division by zero' for each error that a cell shows."""
    return [f"{o['ename']}: {o['evalue']}" for o in cell["outputs"] if o["output_type"] == "error"]


def where(number, cell):
    """'Cell 7 (baa63f5e: painter = …)', as messages name a cell."""
    first = next((line for line in text_of(cell).splitlines() if line.strip()), "")
    return f"Cell {number} ({cell.get('id', 'no id')}: {first[:60]})"


def tell(head, found):
    """Print a line with ✔ or ✘, and below it what was found."""
    print(f"{'✘' if found else '✔'} {head}", *(f"    {line}" for line in found), sep="\n", flush=True)


def calls_of(source, function):
    """[(the call, the name that its result is assigned to, or '')] of exercises.function(…) in a cell's source."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    targets = {id(node.value): node.targets[0].id for node in ast.walk(tree)
               if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
             and node.func.attr == function and getattr(node.func.value, "id", "") == "exercises"]
    return [(call, targets.get(id(call), "")) for call in sorted(found, key=lambda call: call.lineno)]


def checks_of(source):
    """The exercises that a cell checks: check("f"), or as the first pages had it check(f) and check(g, "f")."""
    found = []
    for call, target in calls_of(source, "check"):
        texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        names = [a.id for a in call.args if isinstance(a, ast.Name)]
        if texts or names:
            found.append(Check((texts or names)[-1], (names or texts)[0], target))
    return found
