"""Run solved pages with answers whose values are right and whose gradients are not: no check may say ✔ to one.

    python tools/answers.py notebooks/10-vae-mnist.ipynb …               (without names: all of them)
    python tools/answers.py --kind detached --kind numpy notebooks/…      (without kinds: all of them)

Before each check the answer is wrapped. Its result is detached, or computed under no_grad, or goes through numpy and
back; or the first or the last of the float inputs that can carry a gradient is detached. The check must refuse it,
unless the exercise says that it needs no gradient (Exercise.gradient), and since the page goes on with the course's
own, all its claims must hold and no cell may stop.
"""

import argparse
import sys
from pathlib import Path

from execute import STOPS, read, run
from lines import checks_of, code_cells, tell, verdicts
from nbformat.v4 import new_code_cell
from pages import any_console, notebooks
from student_run import claims_differ, environment, stops

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("detached", "no_grad", "numpy", "first input", "last input")
WRAP = '''
def _without_gradient(answer, exercise, kind):
    import functools, inspect
    import torch
    from utils.exercises import EXERCISES

    asked = EXERCISES[exercise].gradient

    def changed(x):
        if type(x) in (tuple, list):
            return type(x)(map(changed, x))
        if isinstance(x, dict):
            return {key: changed(value) for key, value in x.items()}
        if not isinstance(x, torch.Tensor):
            return x
        return torch.from_numpy(x.detach().cpu().numpy().copy()).to(x.device) if kind == "numpy" else x.detach()

    @functools.wraps(answer)
    def wrapped(*positional, **named):
        if kind == "no_grad":
            with torch.no_grad():
                return answer(*positional, **named)
        if not kind.endswith("input"):
            return changed(answer(*positional, **named))
        bound = inspect.signature(answer).bind(*positional, **named)
        floats = [key for key, x in bound.arguments.items() if isinstance(x, torch.Tensor) and x.is_floating_point()
                  and (asked is True or key in asked)]
        for key in floats[:1] if kind == "first input" else floats[-1:]:
            bound.arguments[key] = bound.arguments[key].detach()
        return answer(*bound.args, **bound.kwargs)
    return answer if asked is False else wrapped

'''


def wrapped(nb, kind):
    """Put before each check a cell that wraps the answer; hand back {cell's id: [exercise, …]}."""
    cells, found = [], {}
    for cell in nb.cells:
        checks = checks_of(cell.source) if cell.cell_type == "code" else []
        if checks:
            lines = [f"{c.answer} = _without_gradient({c.answer}, {c.exercise!r}, {kind!r})" for c in checks]
            cells.append(new_code_cell(WRAP + "\n".join(lines)))
            found[cell["id"]] = [check.exercise for check in checks]
        cells.append(cell)
    nb.cells = cells
    return found


def needs_gradient(name):
    """Whether the exercise asks for a gradient through any input."""
    from utils.exercises import EXERCISES  # torch takes seconds, and most runs need no look
    return EXERCISES[name].gradient is not False


def trial(path, kind):
    """(checks that refused, [exercises that were accepted], what differs) of one page run with such answers."""
    stored, nb = read(path), read(path)
    checked = wrapped(nb, kind)
    try:
        run(nb, path.parent, environment(), allow_errors=True)
    except STOPS as error:
        return 0, [], [f"the run ends: {' '.join(str(error).split())[:300]}"]
    refused, accepted = 0, []
    for cell in code_cells(nb):
        for line in verdicts(cell) if cell["id"] in checked else []:
            names = [name for name in checked[cell["id"]] if line[2:].startswith(f"{name}:")]
            refused += len(names) if line.startswith("✘") else 0
            accepted += names if line.startswith("✔") else []
    return refused, accepted, [*stops(nb), *claims_differ(stored, nb)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--kind", action="append", choices=KINDS)
    options = parser.parse_args(arguments)
    any_console()
    bad = 0
    for path in options.notebooks or notebooks(ROOT):
        for kind in options.kind or KINDS:
            refused, accepted, found = trial(path, kind)
            wrong = [name for name in accepted if needs_gradient(name)]
            found += [f"✔ for a wrong gradient: {name}" for name in wrong]
            free = [name for name in accepted if name not in wrong]
            note = f", {len(free)} need no gradient" if free else ""
            tell(f"{path.name} · {kind}: {refused} refused{note}", found)
            bad += bool(found)
    print(f"{bad} trials are not as they should be." if bad else "Every such answer was refused, every claim held.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
