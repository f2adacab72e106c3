"""The grader's side of the checks: the same verdict on other inputs, for points, and out of reach of the answer."""

import importlib
import os
import sys
from pathlib import Path

import pytest
import torch

from utils import exercises
from utils.exercises import grading, harness

PAGES = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("test_exercises_[0-9]*.py"))]
RIGHT = [(name, answer) for page in PAGES for name, answers in page.RIGHT.items()
         for answer in (answers if isinstance(answers, list) else [answers])]
ONE = [pytest.param(*each, i, id=f"{each[0]}-{i}") for i, each in enumerate(RIGHT)]


def marked(answer, name="double", seed=3):
    return grading.mark(grading.record(answer, name, seed), name, seed)


@pytest.fixture
def doubling(monkeypatch):
    """Twice x, whose gradient counts, and which must not break for an empty batch."""
    monkeypatch.setattr(grading, "LARGEST", 1000)
    monkeypatch.setattr(harness, "EXERCISES", {})
    monkeypatch.setattr(harness, "_answers", {})
    monkeypatch.setattr(harness, "_verdicts", {})
    seen = []

    def double(x):
        return 2 * x

    def cases():
        seen.append(torch.randn(3, 2))
        return [(seen[-1],), (torch.randn(1, 4),)]

    exercise = harness.Exercise("double", double, cases, mistakes={"you squared it": lambda x: x**2},
                                properties={"an empty batch breaks it": lambda f: f(torch.zeros(0, 2)).shape == (0, 2)})
    exercise.seen = seen
    return exercise


@pytest.mark.parametrize("answer, share, word", [
    (lambda x: x + x, 1, "agrees"),
    (lambda x: 2 * x.detach(), 0.5, "no gradient comes back"),
    (lambda x: torch.from_numpy(2 * x.numpy()), 0.5, "stops when its inputs carry a gradient"),
    (lambda x: x + x if len(x) else x.sum(), 0.5, "an empty batch breaks it"),
    (lambda x: x + x if len(x) else x / 0 / [], 0.5, "stops with TypeError"),
    (lambda x: x**2, 0, "you squared it"),
    (lambda x: 2 * x if len(x) > 1 else x, 0, "should be"),
    (lambda x: x.mul_(2), 0, "changes its input x in place"),
    (lambda x: None, 0, "is there a `return`"),
    (lambda x: (2 * x, x), 0, "returns 2 values"),
    (lambda x: (2 * x).tolist()[0], 0, "returns 2 values"),
    (lambda x: 2 * x.numpy(), 0, "returns a ndarray"),
    (lambda x: (2 * x).to("meta"), 0, "returns a Tensor"),
    (lambda x: (2 * x).to_sparse(), 0, "returns a Tensor"),
    (lambda x: (2 * x)[:, :1].expand(-1, 400), 0, "returns a Tensor"),
    (lambda x: sys.exit(), 0, "stops with SystemExit"),
    (lambda: 0, 0, "stops with TypeError"),
    (None, 0, "no function was handed in"),
    ("text", 0, "no function was handed in: 'text'"),
])
def test_full_half_and_no_points(doubling, answer, share, word):
    earned, sentence = marked(answer)
    assert earned == share and word in sentence


def test_a_hole_says_so(doubling):
    def hole(x):
        raise NotImplementedError("Write 2x.")
    assert marked(hole) == (0, "not filled in yet. Write 2x.")


def test_the_inputs_are_those_of_the_seed_and_not_the_students(doubling):
    harness.check(lambda x: 2 * x, "double")
    marked(lambda x: 2 * x, seed=3)
    marked(lambda x: 2 * x, seed=4)
    check, recorded, judged, again, other, *_ = doubling.seen
    assert torch.equal(recorded, judged) and torch.equal(recorded, again)
    assert not torch.equal(check, recorded) and not torch.equal(recorded, other)


@pytest.mark.parametrize("handed_in", [
    lambda own: own, lambda own: lambda x: own(x), lambda own: lambda x: harness.EXERCISES["double"].reference(x)])
def test_the_courses_own_earns_nothing_and_is_whole_afterwards(doubling, handed_in):
    assert marked(handed_in(doubling.reference)) == (0, "it stops with Copied: it calls the course's own")
    assert torch.equal(doubling.reference(torch.ones(2)), torch.full((2,), 2.0))


def test_whoever_edits_the_judge_in_his_kernel_changes_no_points(doubling, monkeypatch):
    with monkeypatch.context() as his:
        for where in (harness, grading):
            his.setattr(where, "judge", lambda *_: (True, "agrees with the course's"))
        his.setattr(grading, "agrees", lambda *_: True)
        kept = grading.record(lambda x: x**2, "double", 3)
        assert grading.mark(kept, "double", 3)[0] == 1  # there, yes
    assert grading.mark(kept, "double", 3) == (0, "you squared it")


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("kept", [b"", b"x" * 99, grading._bytes({}), grading._bytes([1]),
                                  grading._bytes({"outcomes": {}, "kept": {}}),
                                  grading._bytes({"outcomes": {"0 False": Trap()}, "kept": {}})])
def test_a_forged_record_earns_nothing_and_runs_nothing(doubling, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert grading.mark(kept, "double", 3)[0] == 0
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("answer, said", [(lambda x: 2 * x, 2.0), (lambda x: 2 * x.detach(), 1.0)])
def test_grade_hands_the_points_to_the_hidden_test(doubling, capsys, answer, said):
    again = harness.check(answer, "double")
    harness.check(again, "double")  # the cell is run again: the page may hold the course's own by now
    assert exercises.grade("double", points=2) == said
    assert f"{said:g} of 2 points, double: " in capsys.readouterr().out


@pytest.mark.parametrize("answer", [lambda x: x**2, None])
def test_grade_fails_where_check_never_does(doubling, answer):
    assert harness.check(answer, "double") is doubling.reference
    harness.check(doubling.reference, "double")
    with pytest.raises(grading.NotEarned):
        exercises.grade("double", points=2)


def test_grade_knows_no_other_exercise_and_no_answer_before_the_check(doubling):
    with pytest.raises(KeyError):
        exercises.grade("treble", points=2)
    with pytest.raises(grading.NotEarned, match="no function was handed in"):
        exercises.grade("double", points=2)


def test_the_record_is_left_for_another_process(doubling, tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_GRADING", str(tmp_path))
    monkeypatch.setenv("PRACTICUM_GRADING_SEED", "11")
    harness.check(lambda x: 2 * x, "double")
    exercises.grade("double", points=2)
    kept = (tmp_path / "double.pt").read_bytes()
    assert grading.mark(kept, "double", 11)[0] == 1
    assert grading.mark(kept, "double", 12)[0] == 0  # other inputs, other values


# --- every exercise of the course ---

@pytest.mark.parametrize("name, answer, seed", ONE)
def test_a_right_answer_earns_all_points_on_any_inputs(name, answer, seed):
    assert marked(answer, name, seed)[0] == 1, marked(answer, name, seed)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__[-2:])
def test_a_wrong_answer_never_earns_all_points(page):
    """And half of them only where there is more to an answer than its values."""
    for name, answer, word in page.WRONG:
        share, sentence = marked(answer, name)
        assert share < 1 and (word in sentence or "Copied" in sentence), (name, sentence)
        exercise = exercises.EXERCISES[name]
        assert share == 0 or exercise.gradient is not False or exercise.properties, (name, sentence)
