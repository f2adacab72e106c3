"""Record with what each solved page calls its exercises' functions, for the checks to try the same.

    python tools/calls.py                          writes tests/calls.json anew (offline digits, one thread)
    python tools/calls.py notebooks/05-….ipynb …   renews these pages only

A recorder is put around what `exercises.check` hands back; what is called while a check runs is not recorded. Kept is
what does not depend on the machine: of a tensor dtype, dimensions (equal letters are equal lengths, 1 stays 1), whether
it requires grad, and what occurs among its values in any of the calls; of numbers the number where it is short.

{page: {exercise: [{"arguments": {name: class}, "keywords": [name], "grad_enabled": bool, "result": class}]}}
"""

import argparse
import json
import sys
from pathlib import Path

from execute import STOPS, read, run
from nbformat.v4 import new_code_cell
from pages import notebooks, replace
from student_run import environment

ROOT = Path(__file__).resolve().parents[1]
FILE = "tests/calls.json"
MARK = "recorded calls: "
PATIENCE = 3600  # seconds for a cell: a busy machine spoils no record
MOST = 8  # so many different numbers are listed one by one, more become a range
RECORDER = '''
def _record_calls():
    import functools, inspect, json, math
    import torch
    from utils import exercises

    found, busy = {}, []

    def letters():
        names = {0: "0", 1: "1"}

        def letter(length):
            return names.setdefault(length, chr(ord("a") + len(names) - 2))
        return letter

    def values(x):
        """What occurs among a tensor's values."""
        x = x.detach()
        if x.numel() == 0 or x.dtype == torch.bool or x.is_complex():
            return set()
        tests = {"negative": x < 0, "zero": x == 0, "positive": x > 0, "at least 30": x >= 30, "at most -30": x <= -30}
        if x.is_floating_point():
            tests |= {"inf": x == math.inf, "-inf": x == -math.inf, "nan": x.isnan(),
                      "between 0 and 1": (x > 0) & (x < 1), "subnormal": (x != 0) & (x.abs() < 1e-30)}
        return {what for what, where in tests.items() if bool(where.any())}

    def number(x):
        if isinstance(x, bool) or x is None or not isinstance(x, float):
            return repr(x)
        if not math.isfinite(x) or float(f"{x:.4g}") == x:
            return f"{x:.4g}"
        edges = [(0, "below 0"), (1, "between 0 and 1"), (30, "between 1 and 30")]
        return "a float " + next((text for top, text in edges if x < top), "above 30")

    def describe(x, letter, seen, where):
        """The class of a value, as a text or a nested dict; what may differ from call to call goes to seen[where]."""
        if isinstance(x, torch.Tensor):
            try:
                seen.setdefault(where, set()).update(values(x))
            except RuntimeError:                # within vmap and the like no value can be looked at
                seen.setdefault(where, set()).add("not to be seen")
            shape = " ".join(letter(n) for n in x.shape)
            grad = ", requires grad" if x.requires_grad else ""
            return f"{str(x.dtype).removeprefix('torch.')} ({shape}){grad}"
        if isinstance(x, (bool, str)) or x is None:
            return repr(x)
        if isinstance(x, (int, float)):
            seen.setdefault(where, set()).add(number(x))
            return type(x).__name__
        if isinstance(x, (tuple, list)) and len(x) <= 6:
            inner = [describe(e, letter, seen, f"{where}[{i}]") for i, e in enumerate(x)]
            return ("(%s)" if isinstance(x, tuple) else "[%s]") % ", ".join(inner)
        if isinstance(x, dict):
            inner = (f"{k!r}: " + describe(v, letter, seen, f"{where}[{k!r}]") for k, v in x.items())
            return "{%s}" % ", ".join(inner)
        if isinstance(x, torch.nn.Module):
            return "a module" + (", training" if x.training else "")
        if callable(x):
            return "a function"
        return f"a {type(x).__name__}" + (f" of {len(x)}" if isinstance(x, (tuple, list)) else "")

    def recording(name, answer):
        signature = inspect.signature(answer)

        @functools.wraps(answer)
        def recorded(*positional, **named):
            if busy:
                return answer(*positional, **named)
            seen, letter = {}, letters()
            bound = signature.bind(*positional, **named).arguments
            arguments = {key: describe(value, letter, seen, key) for key, value in bound.items()}
            grad = torch.is_grad_enabled()
            out = answer(*positional, **named)
            call = {"arguments": arguments, "keywords": sorted(named), "grad_enabled": grad,
                    "result": describe(out, letter, {}, "result")}
            kept = found.setdefault(name, {}).setdefault(json.dumps(call), {})
            for where, what in seen.items():
                kept.setdefault(where, set()).update(what)
            return out
        return recorded

    original = exercises.check

    def check(answer, name=None):
        busy.append(1)
        try:
            right = original(answer, name) if name else original(answer)
        finally:
            busy.pop()
        name = name or (answer if isinstance(answer, str) else answer.__name__)
        found.setdefault(name, {})
        return recording(name, right)

    exercises.check = check
    exercises.predict = lambda *guess, **bounds: None  # takes no function, so there is nothing to record
    return lambda: json.dumps({name: [json.loads(call) | {"seen": {w: sorted(s) for w, s in kept.items()}}
                                      for call, kept in calls.items()] for name, calls in found.items()})

_recorded_calls = _record_calls()
'''


def ranged(seen):
    """The numbers that were seen, as a range where they are many; classes of floats and texts stay."""
    numbers = [text for text in seen if text.lstrip("-").replace(".", "").replace("e-", "").isdigit()]
    if len(numbers) <= MOST:
        return sorted(seen)
    ordered = sorted(numbers, key=float)
    return [f"{ordered[0]} to {ordered[-1]}", *sorted(set(seen) - set(numbers))]


def settled(calls):
    """The recorded calls with long lists shortened, in an order that does not depend on the run."""
    for call in calls:
        call["seen"] = {where: ranged(what) for where, what in call["seen"].items() if what}
    return sorted(calls, key=lambda call: json.dumps(call, ensure_ascii=False))


def record(path):
    """{exercise: [signature, …]} of one page, run on the offline digits. Raises one of STOPS when the page stops."""
    nb = read(path)
    setup = next(i for i, cell in enumerate(nb.cells) if cell.cell_type == "code")
    nb.cells.insert(setup + 1, new_code_cell(RECORDER))
    nb.cells.append(new_code_cell(f"print({MARK!r} + _recorded_calls())"))
    run(nb, path.parent, environment(), timeout=PATIENCE)
    (text,) = ["".join(output["text"]) for output in nb.cells[-1].outputs if "text" in output]
    return {name: settled(calls) for name, calls in json.loads(text.removeprefix(MARK)).items()}


def written(calls):
    """The text of tests/calls.json: one line a signature, so that a change is seen."""
    pages = []
    for page, exercises in sorted(calls.items()):
        rows = [f"  {json.dumps(name)}: [" + ",".join(f"\n   {json.dumps(call, ensure_ascii=False)}" for call in found)
                + "]" for name, found in exercises.items()]
        pages.append(f" {json.dumps(page)}: {{\n" + ",\n".join(rows) + "}")
    return "{\n" + ",\n".join(pages) + "}\n"


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    books = parser.parse_args(arguments).notebooks
    file = root / FILE
    calls = json.loads(file.read_text(encoding="utf-8")) if books and file.exists() else {}
    stopped = 0
    for path in books or notebooks(root):
        try:
            calls[path.stem] = record(path)
        except STOPS as error:
            print(f"{path.name}: not recorded, it stops.\n{error}", file=sys.stderr, flush=True)
            stopped += 1
            continue
        count = sum(len(found) for found in calls[path.stem].values())
        print(f"{path.name}: {len(calls[path.stem])} exercises, {count} kinds of call", flush=True)
        replace(file, written(calls))
    return 1 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
