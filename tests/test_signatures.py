"""What the pages may leave out: the names and defaults of everything public in utils, as tests/signatures.txt has them.

A default that changes is a change of every page that does not name it, and of what students have written: it is meant
or it is a mistake. Meant: python tests/test_signatures.py writes the file anew.
"""

import dataclasses
import importlib
import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_name("signatures.txt")
# the rooms that a page imports from; the pages' exercises are called by check alone
ROOMS = ("claims", "clock", "corruptions", "data", "energies", "figures", "inference", "models", "pictures",
         "runtime", "selftest", "toys", "training", "exercises.harness",
         *(f"measures.{path.stem}" for path in sorted((ROOT / "utils/measures").glob("[a-z]*.py"))))


def signatures():
    """A line for each public function and class: room.name(arguments with their defaults)."""
    lines = []
    for room in ROOMS:
        module = importlib.import_module(f"utils.{room}")
        for name, value in sorted(vars(module).items()):
            # of the classes those that a page makes by hand
            makes = inspect.isclass(value) and "__init__" in vars(value) and not dataclasses.is_dataclass(value)
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and (
                    inspect.isfunction(value) or makes):
                lines.append(f"{room}.{name}{inspect.signature(value)}")
    return lines


def test_names_and_defaults_are_those_that_the_pages_count_on():
    want, got = FILE.read_text(encoding="utf-8").splitlines(), signatures()
    assert [line for line in got if line not in want] == [] == [line for line in want if line not in got]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    FILE.write_text("\n".join(signatures()) + "\n", encoding="utf-8")
