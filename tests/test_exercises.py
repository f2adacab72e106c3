"""The machinery of the self-checks, on an exercise of its own; then a rule over all registered exercises."""

import pytest
import torch

from utils import exercises
from utils.exercises import harness


@pytest.fixture
def doubling(monkeypatch):
    monkeypatch.setattr(harness, "EXERCISES", {})
    return harness.Exercise(
        "double", lambda x: 2 * x, lambda: [(torch.randn(3, 2),), (torch.randn(1, 4),)],
        mistakes={"you squared it": lambda x: x**2})


def verdict(answer):
    return harness.verdict(answer, "double")


@pytest.mark.parametrize("answer", [
    lambda x: x * 2, lambda x: x + x, lambda x: torch.einsum("ij,->ij", x, torch.tensor(2.0))])
def test_right_answers_are_right(doubling, answer):
    right, sentence = verdict(answer)
    assert right and "agrees with the course's" in sentence


def raises_value_error(x):
    raise ValueError("bad day")


def not_filled_in(x):
    raise NotImplementedError("Write 2x.")


@pytest.mark.parametrize("answer, word", [
    (lambda x: x**2, "you squared it"),
    (lambda x: -2 * x, "sign is turned round"),
    (lambda x: x, "0.5 times too large"),
    (lambda x: 2 * x + (x == x[0, 0]), "value [0, 0] is"),
    (lambda x: (2 * x).sum(1), "has shape (3,), should be (3, 2)"),
    (lambda x: None, "is there a `return`"),
    (lambda x: "text", "returns a str"),
    (lambda x: (2 * x, x), "returns 2 values, 1 are asked for"),
    (lambda x: 2 * x / 0, "not finite"),
    (lambda x: x.mul_(2), "changes its input in place"),
    (lambda: 0, "stops with TypeError"),
    (raises_value_error, "stops with ValueError: bad day"),
    (not_filled_in, "not filled in yet. Write 2x."),
    (3.0, "is no function"),
])
def test_wrong_answers_are_told_what_is_wrong(doubling, answer, word):
    right, sentence = verdict(answer)
    assert not right and word in sentence


def test_a_property_that_no_output_shows(doubling):
    doubling.properties["call it twice and it changes"] = lambda f: False
    assert verdict(lambda x: 2 * x) == (False, "call it twice and it changes")
    doubling.properties = {"never reached": lambda f: 1 / 0}
    assert verdict(lambda x: 2 * x)[1].startswith("it stops with ZeroDivisionError")


def test_check_hands_back_a_right_function_in_any_case(doubling, capsys):
    def double(x):
        return x + x

    def wrong(x):
        return x**2

    assert harness.check(double) is double
    assert harness.check(wrong, "double") is doubling.reference
    assert "✔ double: agrees" in (out := capsys.readouterr().out)
    assert "✘ double: you squared it" in out and "goes on with the course's own" in out


def test_an_unknown_exercise_is_named(doubling):
    with pytest.raises(KeyError, match="no exercise is called 'triple'; there are double"):
        harness.check(lambda x: x, "triple")


@pytest.mark.parametrize("guess, word", [
    (None, "write your guess first"), (10, "close"), (20, "too high"), (1, "too low")])
def test_predict_judges_a_guess(guess, word, capsys):
    exercises.predict("how many", guess, 10.5)
    assert word in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(exercises.EXERCISES))
def test_every_exercise_accepts_its_reference_and_knows_three_mistakes(name):
    exercise = exercises.EXERCISES[name]
    assert harness.verdict(exercise.reference, name)[0]
    assert len(exercise.mistakes) + len(exercise.properties) >= 3, f"{name}: at least three typical mistakes"
    for message, mistake in exercise.mistakes.items():
        assert harness.verdict(mistake, name) == (False, message)


@pytest.mark.parametrize("name", sorted(exercises.EXERCISES))
def test_every_exercise_survives_what_no_one_expects(name):
    for answer in (lambda *a: None, lambda *a: torch.zeros(0), lambda *a: 1 / 0, lambda *a: "text", lambda: 0):
        assert not harness.verdict(answer, name)[0]
