"""The house rules of utils/: who may import whom, how large a room may be, what every public thing must say."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted((ROOT / "utils").rglob("*.py"))
WALL = 200

# room -> what it may import from utils. A room in a folder takes its folder's row, and may import its neighbours.
DOORS = {
    "__init__": set(),
    "machine": set(),
    "runtime": {"machine"},
    "downloads": {"runtime"},
    "archives": {"downloads"},
    "pictures": {"runtime", "archives"},
    "toys": {"runtime"},
    "data": {"machine", "runtime", "archives", "pictures", "corruptions", "toys"},
    "corruptions": set(),
    "energies": set(),
    "inference": {"energies"},
    "models": {"energies", "inference"},
    "training": {"runtime"},
    "measures": {"energies", "inference"},
    "claims": {"machine"},
    "clock": {"machine"},
    "exercises": {"energies", "inference", "models", "machine", "runtime"},
    "legible": set(),
    "house": {"legible"},
    "figures": {"house", "legible"},
    "frames": {"house"},
    "ahead": set(),
    "widgets": {"frames", "ahead"},
    "selftest": {"runtime", "data", "figures"},
}


def room_of(path):
    """The row of DOORS that a file belongs to: its folder's name under utils, else its own."""
    parts = path.relative_to(ROOT / "utils").with_suffix("").parts
    return parts[0]


def imported_rooms(source):
    """The rooms of utils that a module's source imports, wherever in it the import stands."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {n.name.split(".")[1] for n in node.names if n.name.startswith("utils.")}
            rooms |= {"(all)" for n in node.names if n.name == "utils"}
        elif isinstance(node, ast.ImportFrom):
            name = ("utils." if node.level else "") + (node.module or "")
            if name.rstrip(".") == "utils":
                rooms |= {n.name for n in node.names}
            elif name.startswith("utils."):
                rooms.add(name.split(".")[1])
    return rooms


def undocumented(source):
    """Public functions, classes and the module itself without a docstring."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) else ["the module"]
    return missing + [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))
                      and not n.name.startswith("_") and not ast.get_docstring(n)]


@pytest.mark.parametrize("path", ROOMS, ids=lambda p: str(p.relative_to(ROOT)))
def test_room(path):
    room, source = room_of(path), path.read_text(encoding="utf-8")
    assert room in DOORS, f"{room} is a new room: give it a row in DOORS, and one subject"
    strangers = imported_rooms(source) - DOORS[room] - {room}
    assert not strangers, f"{path.name} imports {sorted(strangers)}; {room} may import {sorted(DOORS[room])}"
    assert len(source.splitlines()) <= WALL, f"{path.name} is longer than {WALL} lines: split it by subject"
    assert not undocumented(source), f"no docstring: {undocumented(source)}"


def test_tools_are_never_imported_by_the_course():
    for path in [*ROOMS, *(ROOT / "notebooks").glob("*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        assert "import tools" not in text and "from tools" not in text, path


@pytest.mark.parametrize("source, rooms", [
    ("from utils.data import mnist", {"data"}), ("import utils.figures as f", {"figures"}),
    ("from utils import data, claims", {"data", "claims"}), ("def f():\n    from utils.models import VAE", {"models"}),
    ("from .data import mnist", {"data"}), ("from . import energies", {"energies"}), ("import torch.utils", set()),
    ("from torch.utils.data import DataLoader", set()), ("import utils", {"(all)"})])
def test_the_reader_of_imports_sees_every_form(source, rooms):
    assert imported_rooms(source) == rooms


def test_the_reader_of_docstrings_sees_a_missing_one():
    assert undocumented('"""A room."""\ndef f(): pass\ndef _g(): pass') == ["f"]
    assert undocumented("x = 1") == ["the module"]
