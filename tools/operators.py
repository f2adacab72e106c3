"""Small changes of a program, one at a time: what a slip of the hand does to a module of utils.

`changes(source)` makes every one that the operators below can make, in the order of the lines. Docstrings, messages and
annotations are left alone.
"""

import ast
import copy
import functools
from collections.abc import Callable
from typing import NamedTuple

COMPARE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
           ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
              ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
              ast.RShift: ast.LShift, ast.LShift: ast.RShift, ast.MatMult: ast.Mult}
_PAIRS = ("sum mean", "amax amin", "max min", "argmax argmin", "cos sin", "all any", "zeros ones", "new_zeros new_ones",
          "zeros_like ones_like", "rand randn", "rand_like randn_like", "logsumexp amax", "floor ceil")
OTHER = {a: b for pair in _PAIRS for a, b in (pair.split(), pair.split()[::-1])} | {
    "amax": "amin", "square": "abs", "relu": "abs", "sigmoid": "tanh", "softplus": "relu", "std": "var",
    "sqrt": "square", "sorted": "list", "round": "int", "softmax": "sigmoid", "median": "mean"}
DROPPED = {"detach", "clone", "double", "relu", "abs", "t", "conj", "flip", "clamp", "fill_diagonal_", "requires_grad_",
           "lower", "strip", "sign", "round"}
KEYWORDS = {"device", "strict"}  # on a CPU no device is missed, that is for tests/device; strict is a check itself
KEPT = {"dataclass", "contextmanager", "property", "wraps", "cache"}  # decorators that a module does not load without


class Change(NamedTuple):
    """One change: its line, what stood there, what stands there now, and what makes the changed program."""

    line: int
    old: str
    new: str
    build: Callable  # () -> ast.Module


@functools.lru_cache(4)
def same(source):
    """What two programs share if they are the same, comments and places apart."""
    return ast.dump(ast.parse(source))


def changes(source):
    """Every Change of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    skip = {id(inner) for node in ast.walk(tree) for part in _untouched(node) for inner in ast.walk(part)}
    around = {id(inner): s for s in ast.walk(tree) if isinstance(s, ast.stmt) for inner in ast.walk(s)}
    around |= {id(s): s for s in ast.walk(tree) if isinstance(s, ast.stmt)}
    found = [(node.lineno, node.col_offset, node) for node in ast.walk(tree)
             if hasattr(node, "lineno") and id(node) not in skip and id(node) in around]
    return [_change(source, around[id(node)], node, k) for _, _, node in sorted(found, key=lambda at: at[:2])
            for k in range(len(list(_slips(node))))]


def _change(source, statement, node, k):
    """The k-th slip at a node; the program is made when it is asked for."""
    inside = [id(n) for n in ast.walk(statement)].index(id(node))
    new = _changed(statement, inside, k)
    old = ast.unparse(statement)
    return Change(node.lineno, *_differing(old, ast.unparse(new)), lambda: _rebuilt(source, statement, new))


def _changed(statement, inside, k):
    """A copy of a statement with the k-th slip at its node number `inside`."""
    changed = copy.deepcopy(statement)
    node = list(ast.walk(changed))[inside]
    new = list(_slips(node))[k]
    return _Put(node, ast.Pass() if new is None else new).visit(changed)


def _rebuilt(source, statement, new):
    """The module with a statement put in the place of another, which its line, column and kind tell apart."""
    tree = ast.parse(source)
    at, = (n for n in ast.walk(tree) if type(n) is type(statement)
           and (n.lineno, n.col_offset, n.end_lineno) == (statement.lineno, statement.col_offset, statement.end_lineno))
    return ast.fix_missing_locations(_Put(at, new).visit(tree))


def _untouched(node):
    """Parts in which nothing is changed: annotations, what is raised, the text in braces, whether zip is strict."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.Raise):
        yield from ast.iter_child_nodes(node)
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    if isinstance(node, ast.ImportFrom | ast.Import):
        yield from node.names
    if isinstance(node, ast.keyword) and node.arg == "strict":
        yield node.value


def _slips(node):
    """What a node may become: (the node that stands there then, or None for nothing)."""
    if isinstance(node, ast.Compare):
        for j, op in enumerate(node.ops):
            if type(op) in COMPARE:
                yield _with(node, ops=[COMPARE[type(op)]() if k == j else o for k, o in enumerate(node.ops)])
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        if not (isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant)):
            yield _with(node, op=ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _numbers(node)
    elif isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.If | ast.While):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.FunctionDef):
        for j, decorator in enumerate(node.decorator_list):
            if not KEPT & {inner.id if isinstance(inner, ast.Name) else getattr(inner, "attr", "")
                           for inner in ast.walk(decorator)}:
                yield _with(node, decorator_list=node.decorator_list[:j] + node.decorator_list[j + 1:])
    if isinstance(node, ast.Raise | ast.AugAssign | ast.Continue | ast.Break) or \
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.YieldFrom) or _updates(node):
        yield None


def _updates(node):
    """Whether a statement makes something new of a name that is there already: x = f(x)."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and any(
        isinstance(inner, ast.Name) and inner.id == node.targets[0].id for inner in ast.walk(node.value))


def _numbers(node):
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(2 * value if value else 1.0)


def _calls(node):
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in OTHER:
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        yield _with(node, func=_with(node.func, **{field: OTHER[name]}))
    if name in DROPPED and isinstance(node.func, ast.Attribute):
        yield node.func.value
    for j, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg not in KEYWORDS:
            yield _with(node, keywords=node.keywords[:j] + node.keywords[j + 1:])


def _with(node, **fields):
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


class _Put(ast.NodeTransformer):
    """Put another node in the place of one."""

    def __init__(self, at, new):
        self.at, self.new = at, new

    def visit(self, node):
        return self.new if node is self.at else self.generic_visit(node)


def _differing(old, new):
    """The first line that two texts do not share, of either."""
    pairs = [(a, b) for a, b in zip(old.splitlines() + [""], new.splitlines() + [""], strict=False) if a != b]
    return tuple(" ".join(line.split()) for line in pairs[0]) if pairs else (old, new)
