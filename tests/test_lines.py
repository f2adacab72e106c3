"""The lines that CI compares: read as nbval reads them, told apart, and the check cells found."""

import lines
import pytest
from nbformat.v4 import new_code_cell, new_output
from nbval.plugin import get_sanitize_patterns


def cell(*outputs, source="f()", count=1, **metadata):
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def said(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(**data):
    return new_output("display_data", data={key.replace("_", "/"): text for key, text in data.items()})


def test_the_sanitizer_is_nbval_s():
    text = (lines.ROOT / "tests/sanitize.cfg").read_text(encoding="utf-8")
    assert [(p.pattern, new) for p, new in lines.patterns()] == get_sanitize_patterns(text) != []
    assert text.isascii(), "nbval reads this file in the locale's encoding"


def test_what_is_printed():
    made = cell(said("✔ a · measured 3\nb"), said("slow", "stderr"), shown(text_plain="A line.", image_png="AAAA"),
                said("c\ndigits: full MNIST\n"))
    assert lines.printed(made) == ["✔ a · measured", "bc", "digits: ...", "slow", "A line."]
    assert lines.verdicts(made) == ["✔ a · measured"]


@pytest.mark.parametrize("before, after, found", [
    ("a\nb\n", "a\nb\n", []),
    ("loss measured 3\n", "loss measured 4\n", []),
    ("a\nb\nc\n", "a\nx\nc\n", [("b", "x")]),
    ("a\nb\n", "a\n", [("b", "")]),
    ("b\n", "a\nb\n", [("", "a")]),
    ("✔ it holds · measured 3\n", "✘ it holds · measured 4\n", []),
    ("✔ steps: your guess is close\n", "✘ steps: your guess is too high\n",
     [("✔ steps: your guess is close", "✘ steps: your guess is too high")]),
])
def test_lines_that_differ(before, after, found):
    assert lines.differences(cell(said(before)), cell(said(after)), red=["it holds"]) == found


def test_what_is_not_compared():
    stop = new_output("error", ename="ValueError", evalue="no", traceback=[])
    assert lines.differences(cell(said("a\nb\n")), cell(said("a\n"), stop)) == [], "it stopped, which is told elsewhere"
    assert lines.differences(cell(said("a\n"), count=None), cell(said("b\n"))) == []
    ignored = {"tags": ["nbval-ignore-output"]}
    assert lines.differences(cell(said("a\n"), **ignored), cell(said("b\n"), **ignored)) == []


@pytest.mark.parametrize("source, found", [
    ('f = exercises.check("f")', ("f", "f", "f")),
    ("f = exercises.check(f)", ("f", "f", "f")),
    ('rank_of = exercises.check("rank_of", "rank")', ("rank", "rank_of", "rank_of")),
    ('rank_of = exercises.check(rank_of, "rank")', ("rank", "rank_of", "rank_of")),
    ('exercises.check("f")', ("f", "f", "")),
])
def test_check_cells(source, found):
    assert lines.checks_of(f"{source}\nprint(check(1), other.check(2))") == [found]


@pytest.mark.parametrize("source", ["def f(:", "print(1)", "exercises.predict('q', guess, 1)"])
def test_other_cells(source):
    assert lines.checks_of(source) == []
