"""A prediction, read with good will and compared by a distance that fits the quantity."""

import ast
import math
import operator
import re

HOLE = "write your guess first, then run the cell above and this one."
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
             ast.Pow: operator.pow}


def number(guess):
    """The number that somebody means: 0.085, "8.5 %", "about 600", "1/8", "12 s". Raises ValueError with a sentence."""
    if isinstance(guess, str):
        return _read(guess)
    if isinstance(guess, bool):
        raise ValueError("write one number, not True or False.")
    try:
        value = float(guess.item() if hasattr(guess, "item") else guess)
    except Exception:  # noqa: BLE001 whatever stands there: it is no number, and that is all there is to say
        raise ValueError(f"write one number, not a {type(guess).__name__}.") from None
    if not math.isfinite(value):
        raise ValueError("write a finite number.")
    return value


def _read(text):
    plain = text.strip().replace("−", "-").replace("×", "*").replace("^", "**").replace("_", "")
    plain = re.sub(r"^(about|around|roughly|circa|ca\.?|approx\.?|~|≈)\s*", "", plain, flags=re.IGNORECASE)
    plain = re.sub(r"(?<=\d),(?=\d{3}(\D|$))", "", plain)  # 1,200
    plain = re.sub(r"(?<=\d),(?=\d)", ".", plain)  # 0,5
    match = re.fullmatch(r"([-+*/().\d\s]*(?:\d\.?[eE][-+]?\d+)?[-+*/().\d\s]*?)\s*(%|[^\W\d]+\.?)?", plain)
    try:
        value = _compute(ast.parse(match[1].strip(), mode="eval").body)
    except Exception:  # noqa: BLE001 a text that holds no number
        raise ValueError(f"write one number; {text[:40]!r} is none.") from None
    return value / 100 if match[2] == "%" else value


def _compute(node):
    """Plain arithmetic on numbers, nothing else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_compute(node.operand)
    if isinstance(node, ast.BinOp):
        value = OPERATORS[type(node.op)](_compute(node.left), _compute(node.right))
        if isinstance(value, float) and math.isfinite(value):
            return value
    raise ValueError


def judge_guess(guess, truth, within=None, factor=None, between=None):
    """(close?, one sentence) for a guess; the measured number stands at the sentence's end."""
    if (within is None) == (factor is None):
        raise ValueError("say how close is close: within=… (a distance) or factor=… (a ratio), one of them")
    if factor is not None and factor < 1:
        raise ValueError(f"factor={factor} must be at least 1: 1.25 accepts a quarter more")
    if guess is None or guess is ... or (isinstance(guess, str) and not guess.strip()):
        return False, HOLE
    try:
        value, truth = number(guess), float(truth)
    except ValueError as sentence:
        return False, str(sentence)
    found = f" · measured {truth:.4g}, guessed {value:.4g}"
    if between is not None and not between[0] <= value <= between[1]:
        return False, f"this lies between {between[0]:g} and {between[1]:g}, your guess does not{found}"
    if within is not None:
        close, room = abs(value - truth) <= within, f"within {within:g}"
        off = f"by more than {within:g}"
    else:
        close = value * truth > 0 and max(value / truth, truth / value) <= factor
        room, off = f"within a factor of {factor:g}", f"by more than a factor of {factor:g}"
    if close:
        return True, f"your guess is close, {room}{found}"
    return False, f"your guess is too {'high' if value > truth else 'low'}, {off}{found}"
