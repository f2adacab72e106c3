"""The machinery of the self-checks, on exercises of its own; then rules over all exercises and their answers."""

import copy
import importlib
import json
import math
import random
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from utils import exercises
from utils.exercises import guesses, harness, runs

TESTS = Path(__file__).parent
PAGES = [importlib.import_module(path.stem) for path in sorted(TESTS.glob("test_exercises_[0-9][0-9].py"))]
RIGHT = {name: answers if isinstance(answers, list) else [answers]
         for page in PAGES for name, answers in page.RIGHT.items()}
WRONG = [wrong for page in PAGES for wrong in page.WRONG]
ALL = sorted(exercises.EXERCISES)
CALLS = json.loads((TESTS / "calls.json").read_text(encoding="utf-8"))  # written by `make calls`


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(harness, "EXERCISES", {})
    monkeypatch.setattr(harness, "_verdicts", {})


@pytest.fixture
def doubling(fresh):
    return harness.Exercise(
        "double", lambda x: 2 * x, lambda: [(torch.randn(3, 2),), (torch.randn(1, 4),)],
        mistakes={"you squared it": lambda x: x**2}, page="toys")


@pytest.fixture
def scaling(fresh):
    """Two inputs, two outputs, one of them a constant by design."""
    return harness.Exercise(
        "scale", lambda x, s: ((x * s).sum(1), x.detach().square().mean()),
        lambda: [(torch.randn(4, 3), torch.randn(3))], returns=("energy", "size"),
        mistakes={"s is a constant for you": lambda x, s: ((x * s.detach()).sum(1), x.detach().square().mean())})


def verdict(answer, name="double"):
    return harness.verdict(answer, name)


@pytest.mark.parametrize("answer", [
    lambda x: x * 2, lambda x: x + x, lambda x: torch.einsum("ij,->ij", x, torch.tensor(2.0))])
def test_right_answers_are_right(doubling, answer):
    right, sentence = verdict(answer)
    assert right and "agrees with the course's" in sentence


def raises_value_error(x):
    raise ValueError("bad day")


def not_filled_in(x):
    raise NotImplementedError("Write 2x.")


@torch.no_grad()
def without_grad(x):
    return 2 * x


def switches_the_gradient_on(x):
    x.requires_grad_()
    (x**2).sum().backward()
    return x.grad


def leaves(x):
    raise SystemExit


@pytest.mark.parametrize("answer, word", [
    (lambda x: x**2, "you squared it"),
    (lambda x: -2 * x, "sign is turned round"),
    (lambda x: x, "all values are 0.5 times what they should be"),
    (lambda x: 2.0005 * x, "should be"),
    (lambda x: 2 * x + 0.25, "all values are 0.25 above what they should be"),
    (lambda x: 2 * x + (x == x[0, 0]), "value [0, 0] is"),
    (lambda x: 2 * x + torch.arange(x.numel()).view_as(x), "value [0, 1] is"),  # all but the first are wrong
    (lambda x: (2 * x).sum(1), "take no sum over dimension 1"),
    (lambda x: (2 * x).mean(), "take no mean over all of it"),
    (lambda x: 2 * x.unsqueeze(0), "one dimension too many"),
    (lambda x: (2 * x).T, "it is transposed"),
    (lambda x: torch.stack([x, 3 * x]), "the mean over dimension 0 is still to be taken"),
    (lambda x: None, "is there a `return`"),
    (lambda x: "text", "returns a str"),
    (lambda x: (v for v in x), "returns a generator"),
    (lambda x: nn.Linear(2, 2), "returns a Linear"),
    (lambda x: (2 * x).numpy(), "returns a ndarray"),
    (lambda x: (2 * x).sum().item(), "leave out .item()"),
    (lambda x: (2 * x).double(), "end with .to(y.dtype)"),
    (lambda x: (2 * x).half(), "returns float16, float32 is asked for"),
    (lambda x: (2 * x).to("meta"), "it returns a tensor on meta, its inputs are on"),
    (lambda x: (2 * x).to_sparse(), "sparse"),
    (lambda x: torch.quantize_per_tensor(2 * x, 0.1, 0, torch.qint8), "quantized"),
    (lambda x: torch.masked.masked_tensor(2 * x, x > 0), "MaskedTensor"),
    (lambda x: (2 * x, x), "returns 2 values, 1 is asked for"),
    (lambda x: 2 * x / 0, "not finite"),
    (lambda x: x.mul_(2), "changes its input x in place"),
    (lambda x: x.unsqueeze_(0)[0] * 2, "changes its input x in place"),
    (switches_the_gradient_on, "switches on the gradient of its input x"),
    (lambda: 0, "stops with TypeError"),
    (raises_value_error, "stops with ValueError: bad day"),
    (leaves, "stops with SystemExit"),
    (not_filled_in, "not filled in yet. Write 2x."),
    (lambda x: 2 * torch.zeros(3, dtype=torch.float64) @ x, "dtype=y.dtype"),
    (3.0, "is no function"),
    (None, "no function of this name yet"),
    (lambda x: 2 * x.detach(), "no gradient comes back"),
    (without_grad, "no gradient comes back"),
    (lambda x: torch.from_numpy(2 * x.detach().numpy()), "no gradient comes back"),
    (lambda x: torch.tensor((2 * x).tolist()), "no gradient comes back"),
    (lambda x: torch.from_numpy(2 * x.numpy()), "stops when its inputs carry a gradient"),
    (lambda x: x + x.detach(), "part of it is cut off"),
    (lambda x: 2 * (x.detach() + x.flip(0) - x.flip(0).detach()), "flows where it should not"),  # in another row
    (lambda x: 2 * x + 0 * x.abs().log().clamp(max=0) * torch.inf, "not finite"),
    (lambda x: 2 * x + 0 * (x - x).sqrt(), "is nan"),
])
def test_wrong_answers_are_told_what_is_wrong(doubling, answer, word):
    right, sentence = verdict(answer)
    assert not right and word in sentence


@pytest.mark.parametrize("answer, word", [
    (lambda x, s: [(x * s).sum(1), x.detach().square().mean()], "agrees"),  # the page unpacks a list as well
    (lambda x, s: ((x * s).sum(1), x.square().mean()), "flow"),
    (lambda x, s: (x.detach() @ s, x.detach().square().mean()), "no gradient reaches x"),
    (lambda x, s: (x @ s.detach(), x.detach().square().mean()), "s is a constant for you"),
    (lambda x, s: (x.detach().square().mean(), x @ s), "their order is not: energy, size"),
    (lambda x, s: (x @ s, x.square().sum()), "size: the value is"),
    (lambda x, s: (x @ s, x.square().mean(1)), "size: the result has shape (4,), should be (): the mean over"),
])
def test_outputs_and_inputs_are_named(scaling, answer, word):
    assert word in verdict(answer, "scale")[1]


def test_a_square_that_is_transposed_is_told_so(fresh):
    harness.Exercise("double", lambda x: 2 * x, lambda: [(torch.randn(3, 3),)])
    assert "should be" in verdict(lambda x: 2 * x.T)[1] and "; it is transposed" in verdict(lambda x: 2 * x.T)[1]


def test_one_number_is_no_tensor_of_several(fresh):
    harness.Exercise("mean", lambda x: x.mean().item(), lambda: [(torch.randn(3),)], gradient=False)
    assert verdict(lambda x: x.mean(), "mean")[0] and verdict(lambda x: float(x.mean()), "mean")[0]
    assert verdict(lambda x: x, "mean")[1] == "it returns a Tensor, one number is asked for"


def test_nan_is_right_where_the_reference_has_it(fresh):
    harness.Exercise("log", lambda x: x.log(), lambda: [(torch.tensor([-1.0, 2.0]),)], gradient=False)
    assert verdict(lambda x: x.log2() * math.log(2), "log")[0]


@pytest.mark.parametrize("options, off, right", [
    ({}, 5e-5, True), ({}, 1e-3, False), ({"rtol": 0.1}, 0.05, True), ({"rtol": 0.1}, 0.2, False),
    ({"atol": 9.0, "rtol": 0.0}, 1.0, True)])
def test_an_answer_may_differ_by_the_tolerances_of_its_exercise(fresh, options, off, right):
    harness.Exercise("double", lambda x: 2 * x, lambda: [(torch.randn(5),)], gradient=False, **options)
    assert verdict(lambda x: 2 * (1 + off) * x)[0] == right


def test_left_out_an_answer_may_differ_by_a_ten_thousandth_and_where_it_is_0_by_a_hundred_thousandth(fresh):
    harness.Exercise("double", lambda x: 2 * x, lambda: [(torch.tensor([0.0, 1e4]),)], gradient=False)
    for off, right in ((0.9, True), (1.1, False)):
        assert verdict(lambda x: 2 * x + off * torch.tensor([1e-5, 0.0]))[0] == right  # noqa: B023
        assert verdict(lambda x: 2 * x + off * torch.tensor([0.0, 2.0]))[0] == right  # noqa: B023


def test_an_answer_is_judged_by_its_own_name_and_an_exercise_belongs_to_the_file_that_made_it(fresh):
    page = {"__name__": "utils.exercises.toys", "Exercise": harness.Exercise, "torch": torch}
    exec("def made():\n    Exercise('double', lambda x: 2 * x, lambda: [(torch.ones(3),)])", page)
    page["made"]()
    assert harness.EXERCISES["double"].page == "toys"

    def double(x):
        return x + x
    assert harness.verdict(double)[0]


def test_a_constant_that_is_none_is_told_so(fresh):
    harness.Exercise("still", lambda x, c: x + c.detach(), lambda: [(torch.randn(3), torch.randn(3))])
    assert "a gradient flows through c, which must be a constant" in verdict(lambda x, c: x + c, "still")[1]


@pytest.mark.parametrize("gradient, right", [(True, False), (False, True), (("s",), True), (("x",), False)])
def test_an_exercise_says_what_the_page_differentiates(fresh, gradient, right):
    harness.Exercise("scale", lambda x, s: x * s, lambda: [(torch.randn(4), torch.randn(4))], gradient=gradient)
    assert verdict(lambda x, s: x.detach() * s, "scale")[0] == right


def test_the_answer_is_called_as_the_page_calls_it(fresh):
    harness.Exercise("loss", lambda x, beta=1.0: beta * x, keywords=("beta",),
                     cases=lambda: [(torch.randn(3),), (torch.randn(3), 2.0)])
    assert verdict(lambda x, beta=1.0: x * beta, "loss")[0]
    for answer in (lambda x, b=1.0: x * b, lambda x, beta: x * beta):
        right, sentence = verdict(answer, "loss")
        assert not right and "keep the first line as it was" in sentence


class Bowl(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.5, 0.5]))

    def forward(self, y):
        return self.w[0] * y.square().sum(1) + self.w[1]


def backward_inside(energy, y):
    y = y.detach().requires_grad_()
    energy(y).sum().backward()
    return energy(y.detach()).mean() + 0 * y.grad.sum()


@pytest.mark.parametrize("answer, word", [
    (lambda energy, y: energy(y).sum() / len(y), "agrees"),
    (lambda energy, y: energy(y).mean().detach(), "no gradient comes back"),
    (backward_inside, "leaves gradients in the parameters of energy"),
    (lambda energy, y: (energy.w.data.add_(1), energy(y).mean())[1], "changes the parameters of energy"),
])
def test_a_network_among_the_inputs(fresh, answer, word):
    harness.Exercise("loss", lambda energy, y: energy(y).mean(), lambda: [(Bowl(), torch.randn(5, 2))])
    assert word in verdict(answer, "loss")[1]


def test_what_is_not_finite_in_the_reference_is_not_compared(fresh):
    harness.Exercise("floor", lambda y: -torch.xlogy(y, y).sum(-1), lambda: [(torch.tensor([[0.0, 0.5, 1.0]]),)])
    assert verdict(lambda y: torch.special.entr(y).sum(-1), "floor")[0]


def test_an_infinite_input_has_no_slope_to_compare(fresh):
    harness.Exercise("draw", lambda mu, logvar: mu + (logvar / 2).exp(),
                     lambda: [(torch.randn(3), torch.full((3,), -torch.inf)), (torch.randn(3), torch.randn(3))])
    assert verdict(lambda mu, logvar: mu + logvar.exp().sqrt(), "draw")[0]  # its slope at −∞ is 0 · ∞


def test_a_mistake_is_named_only_if_it_explains_every_case(fresh):
    harness.Exercise("power", lambda x, p: x**p, lambda: [(torch.rand(3) + 1, 2.0), (torch.rand(3) + 1, 3.0)],
                     mistakes={"it is twice x": lambda x, p: 2 * x, "p is forgotten": lambda x, p: x**1})
    assert verdict(lambda x, p: 2 * x, "power") == (False, "it is twice x")
    assert verdict(lambda x, p: 2 * x if p == 2 else x.sum(), "power") == (False, "it is twice x")  # two mistakes
    assert "should be" in verdict(lambda x, p: 2 * x if p == 2 else x, "power")[1]


def test_a_property_that_no_output_shows(doubling):
    doubling.properties["call it twice and it changes"] = lambda f: False
    assert verdict(lambda x: 2 * x) == (False, "call it twice and it changes")
    doubling.properties = {"never reached": lambda f: 1 / 0}
    assert verdict(lambda x: 2 * x)[1].startswith("it stops with ZeroDivisionError")


def ruthless(x):
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.set_default_device("meta")
    torch.use_deterministic_algorithms(True)
    return 2 * x


def state():
    return (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate(),
            torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_device(),
            torch.are_deterministic_algorithms_enabled())


def test_what_a_check_draws_is_drawn_on_the_cpu_whatever_a_page_has_made_the_default():
    x = torch.ones(3, requires_grad=True)
    with torch.device("meta"):
        cases = runs.drawn(exercises.EXERCISES["follow"])
        found, there = runs._differentiate((x * x,), {"x": x})
    assert {case["after"].device.type for case in cases} == {"cpu"} and there and found["x"].abs().min() > 0


@pytest.mark.parametrize("ambient", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_a_check_changes_nothing_on_the_page_and_needs_nothing_of_it(doubling, ambient):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for start in (random.seed, np.random.seed, torch.manual_seed):
            start(123)  # not the state that another check has left
        with ambient():
            before = state()
            harness.check(ruthless, "double")
            assert state() == before
            assert harness.verdict(lambda x: 2 * x, "double")[0]
            assert not harness.verdict(without_grad, "double")[0]
            assert state() == before
    finally:
        torch.set_num_threads(threads)


def test_a_page_in_double_precision_gets_the_same_verdict(fresh):
    harness.Exercise("double", lambda x: 2 * x, lambda: [(torch.randn(3, dtype=torch.float32),)])
    torch.set_default_dtype(torch.float64)
    try:
        assert verdict(lambda x: 2 * torch.ones(3) * x)[0]
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_sampling_answer_is_comparable_and_the_page_keeps_its_own_stream(fresh):
    harness.Exercise("noise", lambda x: x + torch.randn_like(x), lambda: [(torch.zeros(4),)])
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    first = verdict(lambda x: torch.randn(4) + x, "noise")
    torch.rand(5)
    assert first[0] and verdict(lambda x: torch.randn(4) + x, "noise") == first
    torch.manual_seed(3)
    verdict(lambda x: torch.randn(4) + x, "noise")
    assert torch.equal(torch.rand(2), wanted)


def student_page(cells):
    """Run cells as a notebook would, in one namespace; -> the namespace."""
    page = {"exercises": exercises}
    for cell in cells:
        exec(cell, page)
    return page


HOLE = 'def double(x):\n    raise NotImplementedError("Write 2x.")'
SQUARE = "def double(x):\n    return x**2"
TWICE = "def double(x):\n    return 2 * x"
CHECK = 'double = exercises.check("double")'


def test_running_a_check_again_repeats_the_verdict_and_keeps_the_students_function(doubling, capsys):
    page = student_page([HOLE, CHECK, CHECK, SQUARE, CHECK, CHECK, TWICE, CHECK, CHECK])
    lines = [line for line in capsys.readouterr().out.splitlines() if "double" in line]
    assert [line[0] for line in lines] == list("✘✘✘✘✔✔")
    assert lines[0] == lines[1] and lines[2] == lines[3] and "you squared it" in lines[3]
    assert page["double"] is not doubling.reference and page["double"](1) == 2


def test_after_a_wrong_answer_the_page_goes_on_with_the_courses_own(doubling, capsys):
    page = student_page([CHECK, "y = double(1)", CHECK])
    out = capsys.readouterr().out
    assert out.count("✘ double: there is no function of this name yet") == 2 and "goes on with the course's own" in out
    assert page["y"] == 2 and page["double"] is doubling.reference


def test_the_older_forms_of_a_check(doubling, capsys):
    def double(x):
        return x + x

    assert harness.check(double) is double
    assert harness.check(lambda x: x**2, "double") is doubling.reference
    assert "✔ double: agrees" in (out := capsys.readouterr().out) and "✘ double: you squared it" in out


def test_an_unknown_exercise_is_named(doubling):
    with pytest.raises(KeyError, match="no exercise is called 'triple'; there are double"):
        harness.check(lambda x: x, "triple")


def test_tally(doubling, capsys):
    harness.Exercise("treble", lambda x: 3 * x, doubling.cases, page="toys")
    student_page([TWICE, CHECK, 'exercises.tally("toys")', "def treble(x):\n    return 3 * x",
                  'treble = exercises.check("treble")', 'exercises.tally("toys")'])
    lines = capsys.readouterr().out.splitlines()
    assert "✘ 1 of 2 exercises solved, open: treble" in lines and lines[-1] == "✔ 2 of 2 exercises solved"
    for page in "bears", "dolls", "cars", "balls":
        harness.Exercise(f"of {page}", lambda x: x, doubling.cases, page=page)
    with pytest.raises(KeyError, match="no page is called 'joys'; there are balls, bears, cars, dolls, toys"):
        harness.tally("joys")


@pytest.mark.parametrize("guess, value", [
    (0.085, 0.085), (3, 3), ("0.085", 0.085), ("8.5 %", 0.085), ("8.5%", 0.085), ("about 600", 600), ("~600", 600),
    ("1,200", 1200), ("0,5", 0.5), ("1/8", 0.125), ("2**10", 1024), ("2^10", 1024), ("1e-3", 1e-3), ("-1.5e2", -150),
    ("12 s", 12), ("600 steps", 600), ("≈ 3.5 nats", 3.5), ("−4", -4), (Fraction(1, 4), 0.25), (np.float32(2), 2),
    (torch.tensor(7), 7), (torch.tensor([7.0]), 7), (np.int64(5), 5), ("28*28", 784), ("784 ** 0.5", 28)])
def test_a_guess_is_read_with_good_will(guess, value):
    assert math.isclose(guesses.number(guess), value, rel_tol=1e-6)


@pytest.mark.parametrize("guess", [
    [0.08], (0.05, 0.1), torch.ones(2), "1/r**2", "many", "1/0", "9**9**9", lambda r: 1, {}, True, math.nan, math.inf,
    "nan", object(), "540-550 nats or so", 1j, "()", "__import__('os')"])
def test_a_guess_that_is_no_number_costs_one_line(guess, capsys):
    exercises.predict("how many", guess, 10.5, within=1)
    out = capsys.readouterr().out
    assert out.startswith("✘ how many: write ") and out.count("\n") == 1


@pytest.mark.parametrize("guess, options, word", [
    (None, {"within": 1}, "✘ how many: write your guess first"), (..., {"within": 1}, "write your guess first"),
    ("  ", {"within": 1}, "write your guess first"), (10, {"within": 1}, "✔ how many: your guess is close, within 1"),
    (20, {"within": 1}, "too high, by more than 1"), (11.8, {"within": 1}, "too high"), (9.2, {"within": 1}, "too low"),
    (1, {"within": 1}, "too low"), (-3, {"factor": 2}, "too low"),
    (20, {"factor": 2}, "✔ how many: your guess is close, within a factor of 2"), (22, {"factor": 2}, "too high"),
    (5, {"factor": 2}, "too low, by more than a factor of 2"), (15, {"within": 6, "between": (0, 12)}, "lies between")])
def test_predict_judges_a_guess(guess, options, word, capsys):
    exercises.predict("how many", guess, 10.5, **options)
    assert word in (out := capsys.readouterr().out)
    assert "10.5" not in out.split("measured")[0]  # what CI compares holds no measured number


@pytest.mark.parametrize("options", [{}, {"within": 1, "factor": 2}, {"factor": 0.5}])
def test_predict_asks_the_author_for_one_distance(options):
    with pytest.raises(ValueError, match="within|factor"):
        exercises.predict("how many", 3, 3, **options)


# Rules over all exercises of the course.


@pytest.mark.parametrize("name", ALL)
def test_every_exercise_accepts_its_reference_and_names_its_mistakes(name):
    exercise = exercises.EXERCISES[name]
    right, sentence = verdict(exercise.reference, name)
    assert right, sentence
    assert len(exercise.mistakes) + len(exercise.properties) >= 3, f"{name}: at least three typical mistakes"
    for message, mistake in exercise.mistakes.items():
        assert verdict(mistake, name) == (False, message)


@pytest.mark.parametrize("name", ALL)
def test_every_equivalent_answer_is_right(name):
    assert RIGHT.get(name), f"{name}: give another right answer in RIGHT"
    for answer in RIGHT[name]:
        right, sentence = verdict(answer, name)
        assert right, sentence


@pytest.mark.parametrize("name, answer, word", WRONG, ids=[f"{name}-{word}" for name, _, word in WRONG])
def test_a_typical_mistake_is_told(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", ALL)
def test_six_wrong_answers_are_tried(name):
    assert sum(1 for tried, _, _ in WRONG if tried == name) >= 6


def quantized(*a):
    return torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8)


@pytest.mark.parametrize("name", ALL)
def test_every_exercise_survives_what_no_one_expects(name):
    reference = exercises.EXERCISES[name].reference

    def turned(change):
        def answer(*a, **k):
            out = reference(*a, **k)
            return tuple(change(o) for o in out) if isinstance(out, tuple) else change(out)
        return answer

    odd = [lambda *a: None, lambda *a: torch.zeros(0), lambda *a: 1 / 0, lambda *a: "text", lambda: 0, quantized,
           lambda *a: nn.Linear(2, 2), lambda *a: (x for x in a), lambda *a: torch.tensor(torch.nan),
           lambda *a: torch.tensor(1j), leaves, None, "text", 3,
           turned(lambda o: o.to("meta")), turned(lambda o: o.to_sparse()), turned(lambda o: o * torch.nan),
           turned(lambda o: o.double() if o.is_floating_point() else o.float()), turned(lambda o: [o, [o]]),
           turned(lambda o: torch.masked.masked_tensor(o, torch.ones_like(o, dtype=torch.bool)))]
    for answer in odd:
        right, sentence = verdict(answer, name)
        assert not right and sentence


def kind(argument):
    """What a page can hand over: (type, number of dimensions) of a tensor, None for all else."""
    return (str(argument.dtype).removeprefix("torch."), argument.ndim) if torch.is_tensor(argument) else None


def recorded(text):
    """The same of an argument that was seen on the page: "float32 (a b), requires grad" -> ("float32", 2)."""
    match = re.match(r"(\w+) \(([^)]*)\)", text)
    return (match[1], len(match[2].split())) if match else None


@pytest.mark.parametrize("name", ALL)
def test_the_check_tries_what_the_page_feeds(name):
    exercise = exercises.EXERCISES[name]
    tried = [[kind(a) for a in case] for case in exercise.cases()]
    for call in next((page[name] for page in CALLS.values() if name in page), []):
        wanted = [recorded(text) for text in call["arguments"].values()]
        assert wanted in tried, f"no case is like the page's {call['arguments']}"
        assert set(call["keywords"]) <= set(exercise.keywords), f"the page hands over {call['keywords']} by name"
        assert exercise.gradient or "requires grad" not in call["result"], "the page differentiates it"


def cut(value):
    """The value, or a copy of the module, without a gradient."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).requires_grad_(False)
    return value.detach() if torch.is_tensor(value) else value


def detached(reference, which=None):
    """The reference with a result (which=None) or one input, by its place, that carries no gradient."""
    def answer(*a, **k):
        if which is not None:
            return reference(*(cut(x) if i == which else x for i, x in enumerate(a)), **k)
        out = reference(*a, **k)
        return tuple(map(cut, out)) if isinstance(out, tuple) else cut(out)
    return answer


def through_numpy(reference):
    def answer(*a, **k):
        out = reference(*a, **k)
        parts = [torch.tensor(o.detach().cpu().numpy(), device=o.device) if torch.is_tensor(o) else o for o in
                 (out if isinstance(out, tuple) else (out,))]
        return tuple(parts) if isinstance(out, tuple) else parts[0]
    return answer


def wanted_gradients(exercise):
    """{place of an input: whether a gradient must reach it}, over all cases, for the inputs that are compared."""
    found = {}
    for seed, case in enumerate(exercise.cases()):
        labels = runs.names(exercise.reference, len(case))
        case = dict(zip(labels, case, strict=True))
        follow = runs.followed(exercise, case)
        if follow:
            got = runs.run(exercise.reference, case, seed, follow).gradients
            for label in follow:
                if torch.is_tensor(case[label]) or isinstance(case[label], nn.Module):
                    g = got[label if torch.is_tensor(case[label]) else f"the parameters of {label}"]
                    found[labels.index(label)] = found.get(labels.index(label), False) or bool(
                        g[torch.isfinite(g)].abs().max() > 1e-4 if torch.isfinite(g).any() else False)
    return found


@pytest.mark.parametrize("name", ALL)
def test_a_right_value_without_its_gradient_is_refused_where_the_page_differentiates(name):
    exercise = exercises.EXERCISES[name]
    with runs.undisturbed():
        needed = [place for place, needed in wanted_gradients(exercise).items() if needed]
    assert bool(needed) == bool(exercise.gradient), f"{name}: gradient={exercise.gradient}, but nothing is compared"
    answers = [detached(exercise.reference), torch.no_grad()(exercise.reference), through_numpy(exercise.reference)]
    answers += [detached(exercise.reference, place) for place in needed]
    for answer in answers:
        right, sentence = verdict(answer, name)
        assert right != bool(needed), sentence
        assert right or "gradient" in sentence or sentence in exercise.mistakes, sentence


@pytest.mark.parametrize("name", ALL)
def test_the_verdict_on_a_wrong_answer_stands_however_often_it_is_checked(name, capsys, monkeypatch):
    monkeypatch.setattr(harness, "_verdicts", {})

    def wrong(*a):
        return "text"

    page = {"exercises": exercises, name: wrong}
    for _ in range(3):
        exec(f'{name} = exercises.check("{name}")', page)
    out = capsys.readouterr().out
    assert "✔" not in out and out.count(f"✘ {name}") == 3
    assert page[name] is exercises.EXERCISES[name].reference
