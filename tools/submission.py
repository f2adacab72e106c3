"""What a student handed in: the page as it was handed out with his answers in it, and the cells that they need.

A submission may lack cells, hold the locked ones edited, twice or in another order, or come from an older release.
What is graded is always the page of the course: its check cells, his answers, and the cells that he wrote or changed.
"""

import ast
import copy
import symtable
from typing import NamedTuple

from pages import text_of

PARTS = (ast.Attribute, ast.Subscript)


def grade_id(cell):
    """The id by which nbgrader knows a cell; None for a cell that it does not know."""
    found = cell["metadata"].get("nbgrader")
    return (found.get("grade_id") if isinstance(found, dict) else None) or None


def graded(cell):
    """Whether the cell is worth points."""
    return bool(grade_id(cell) and cell["metadata"]["nbgrader"].get("grade"))


def restored(handed_in, page):
    """The page (a notebook node, exercises open) with what is the student's; his cells come after their neighbors.

    An answer is found by its grade id, of two with the same id the last counts, as it would in the kernel. Any other
    code cell is found by its id, else by its text; where he changed it, his stands. Check cells are the page's.
    """
    places = {}
    for cell in page["cells"]:
        places[cell["id"]] = places[grade_id(cell) or cell["id"]] = cell["id"]
    by_text = {text_of(cell): cell["id"] for cell in reversed(page["cells"])}
    his, own, last = {}, {None: []}, None
    for cell in handed_in["cells"]:
        key = grade_id(cell)
        key = key if key in places else cell.get("id") if cell.get("id") in places else by_text.get(text_of(cell))
        if key is not None:
            last = places[key]
            his[last] = cell
        elif cell["cell_type"] == "code" and text_of(cell).strip():
            own.setdefault(last, []).append(_bare(cell))
    cells = own[None]
    for cell in page["cells"]:
        cell = copy.deepcopy(cell)
        if cell["cell_type"] == "code" and not graded(cell) and cell["id"] in his:
            cell["source"] = text_of(his[cell["id"]])
        cells += [cell, *own.get(cell["id"], [])]
    return cells


def _bare(cell):
    """A cell that the student added, without what its metadata says of it."""
    cell = copy.deepcopy(cell)
    cell["metadata"] = cell["metadata"].__class__()
    return cell


class Names(NamedTuple):
    """The names that a cell binds, those it reads of the page, those whose value it changes, and those it imports."""

    binds: set
    reads: set
    changes: set
    imports: set


class _OwnScopes(ast.NodeTransformer):
    """Comprehensions as generators: from Python 3.12 on the others' names count as those of the cell."""

    def visit_ListComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def names(source):
    """The Names of a cell's source; None when it is no Python."""
    try:
        tree = ast.parse(source)
        scopes = ast.unparse(_OwnScopes().visit(ast.parse(source)))
        table = symtable.symtable(scopes, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = Names(set(), set(), set(), set())
    for symbol in table.get_symbols():
        name = symbol.get_name()
        for kind, holds in ((found.binds, symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()),
                            (found.reads, symbol.is_referenced()), (found.imports, symbol.is_imported())):
            kind.update({name} if holds else ())
    for symbol in (s for inner in _scopes(table) for s in inner.get_symbols() if s.is_global()):
        (found.binds if symbol.is_assigned() else found.reads).add(symbol.get_name())
    for node in ast.walk(tree):
        call = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        if isinstance(node, PARTS) and isinstance(node.ctx, ast.Store) or isinstance(call, ast.Attribute):
            part = call or node  # surfaces[0] = …, codes.append(…)
            while isinstance(part, PARTS):
                part = part.value
            found.changes.update({part.id} if isinstance(part, ast.Name) else ())
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found.binds.add("*")
    return found


def _scopes(table):
    for child in table.get_children():
        yield child
        yield from _scopes(child)


def needed(cells, roots):
    """Positions of the code cells that must run before those at the positions `roots`, and these.

    A cell is needed when it binds or changes a name that a needed cell reads: wherever on the page, since a function
    looks its names up when it is called. What is no Python (a magic) and what imports * always runs.
    """
    known = {i: names(text_of(cell)) for i, cell in enumerate(cells) if cell["cell_type"] == "code"}
    modules = set().union(*(n.imports for n in known.values() if n))  # a call of theirs changes nothing of the page
    gives = {i: n.binds | n.changes - modules for i, n in known.items() if n}
    found = {i for i in known if i in roots or known[i] is None or "*" in gives[i]}
    todo, wanted = list(found), set()
    while todo:
        read = known[todo.pop()]
        fresh = read.reads - wanted if read else set()
        wanted |= fresh
        new = [i for i in gives if i not in found and gives[i] & fresh]
        found.update(new)
        todo += new
    return sorted(found)
