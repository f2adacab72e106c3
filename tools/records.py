"""The ledger: what each claim measured, for each seed and each source of digits, in one small file of JSON lines.

A line holds runs of one page that have everything in common but the seed:

    {"page": …, "version": …, "source": …, "on": device and versions, "claims": [[sentence, at_least, at_most], …],
     "runs": {seed: [value, …], …}}

A value belongs to the claim at its place: a number, [lowest, highest] of several, true or false, null where the run did
not reach the claim. A run in which not all was well is {"values": …, "red": places of claims that failed, "errors": …,
"lines": compared lines that read otherwise than on the stored page}. One run is appended as one line; `write` puts what
belongs together into one line, in one order, so that the same runs are always the same bytes.
"""

import hashlib
import io
import json
import math
import tokenize
from pathlib import Path

from pages import replace, text_of

ROOT = Path(__file__).resolve().parents[1]
LEDGER = ROOT / "ledger/seeds.jsonl"


class Mixed(ValueError):
    """Runs of different versions of a page do not go into one ledger."""


def without_comments(source):
    """A cell's code without comments and blank lines, which change no number; as it is when it is no Python."""
    lines = source.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError):  # a magic, a cell that is half written
        return source
    return "\n".join(line.rstrip() for line in lines if line.strip())


def version(nb):
    """Twelve hex digits that stay the same as long as the code of a notebook (a dict) does, comments apart."""
    code = [without_comments(text_of(cell)) for cell in nb["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256("\n\0\n".join(filter(None, code)).encode()).hexdigest()[:12]


def rounded(number):
    """A number as the ledger keeps it: five digits; what JSON does not know as text."""
    return (float(f"{number:.5g}") if math.isfinite(number) else str(number)) if isinstance(number, float) else number


def key(run):
    """By what two runs are told apart."""
    return run["page"], run["source"], run["seed"], run["on"]


def _dumps(thing):
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"))


def _line(common, runs):
    """One line of the file for runs that share `common`."""
    held = {}
    for run in sorted(runs, key=lambda run: run["seed"]):
        values = [claim["value"] for claim in run["claims"]]
        red = [i for i, claim in enumerate(run["claims"]) if claim["value"] is not None and not claim["held"]]
        other = {"red": red, "errors": run["errors"], "lines": run["lines"]}
        other = {name: found for name, found in other.items() if found}
        held[str(run["seed"])] = {"values": values} | other if other else values
    page, kept, source, on, claims = common
    return _dumps({"page": page, "version": kept, "source": source, "on": on, "claims": json.loads(claims),
                   "runs": held}) + "\n"


def _common(run):
    """What the runs of one line have in common."""
    claims = [[claim["sentence"], claim["at_least"], claim["at_most"]] for claim in run["claims"]]
    return run["page"], run["version"], run["source"], run["on"], _dumps(claims)


def read(path):
    """The runs of a ledger file, [] when there is none. A last line that was cut off while it was written is no run.

    A run: {page, version, source, seed, on, errors, lines, claims: [{sentence, at_least, at_most, value, held}]}.
    """
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
    runs = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            group = json.loads(line)
            for seed, found in group["runs"].items():
                found = found if isinstance(found, dict) else {"values": found}
                rows = zip(group["claims"], found["values"], strict=True)
                red = found.get("red", [])
                claims = [{"sentence": sentence, "at_least": low, "at_most": high, "value": value,
                           "held": value is not None and i not in red}
                          for i, ((sentence, low, high), value) in enumerate(rows)]
                runs.append({name: group[name] for name in ("page", "version", "source", "on")} | {
                    "seed": int(seed), "errors": found.get("errors", []), "claims": claims,
                    "lines": [tuple(line) for line in found.get("lines", [])]})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number} of {path} is no line of a ledger: {error}") from None
    return runs


def merged(*ledgers, versions=None):
    """The runs of all ledgers, [(name, runs), …], each once. Raises Mixed for different versions of a page.

    versions: {page: version} that the runs must be of. Of two runs that differ in nothing but what they measured (a
    time, say) one is kept, the same in any order.
    """
    seen, found = {page: ("the page here", kept) for page, kept in (versions or {}).items()}, {}
    for name, runs in ledgers:
        for run in runs:
            first, kept = seen.setdefault(run["page"], (name, run["version"]))
            if kept != run["version"]:
                raise Mixed(f"{run['page']}: version {kept} in {first}, version {run['version']} in {name}; "
                            "run the older one again.")
            texts = {_line(_common(r), [r]): r for r in (run, found.get(key(run), run))}
            found[key(run)] = texts[min(texts)]
    return [found[k] for k in sorted(found)]


def append(path, run):
    """Add one run at the end, at once, so that nothing is lost when the program is stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(_line(_common(run), [run]))


def write(path, runs):
    """Write a ledger anew, whole or not at all: the same runs, in whatever order, give the same bytes."""
    groups = {}
    for run in merged(("ledger", runs)):
        groups.setdefault(_common(run), []).append(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, "".join(_line(common, groups[common]) for common in sorted(groups)))
