"""Answers without a gradient: each kind is wrapped as it says, refusals are counted, an accepted one is told."""

import answers
import execute
import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

HEAD = "import torch\nfrom utils import exercises\nfrom utils.claims import claim"
ANSWER = "def kl_terms(mu, logvar):\n    return 0.5 * (mu**2).sum(1), 0.5 * (logvar.exp() - logvar - 1).sum(1)"
CHECK = 'kl_terms = exercises.check("kl_terms")'
USE = """y = torch.ones(1, 2, requires_grad=True)
kl_terms(y, torch.zeros(1, 2))[0].sum().backward()
claim("the slope is at least 1", y.grad.min(), at_least=1)"""


def page(root, *sources):
    path = root / "05-page.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    assert execute.main([str(path)]) == 0
    return str(path)


@pytest.fixture(autouse=True)
def own_seed(monkeypatch):
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)
    monkeypatch.delenv("PRACTICUM_SEED", raising=False)


def wrap(kind, gradient=True):
    from utils.exercises import EXERCISES
    EXERCISES["product"] = type("Product", (), {"gradient": gradient})
    try:
        space = {}
        exec(answers.WRAP, space)
        return space["_without_gradient"](lambda a, k, b: (a * b, k, {"sum": a + b}), "product", kind)
    finally:
        del EXERCISES["product"]


@pytest.mark.parametrize("kind, slopes", [("detached", None), ("no_grad", None), ("numpy", None),
                                          ("first input", (0, 2)), ("last input", (3, 0))])
def test_the_values_stay_and_the_gradient_goes(kind, slopes):
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    product, k, more = wrap(kind)(a, 1, b=b)
    assert product.item() == 6 and k == 1 and more["sum"].item() == 5
    if slopes is None:
        assert not product.requires_grad and not more["sum"].requires_grad
    else:
        found = torch.autograd.grad(product, (a, b), allow_unused=True)
        assert tuple(0 if g is None else g.item() for g in found) == slopes


@pytest.mark.parametrize("kind", ["first input", "last input"])
def test_only_inputs_that_can_carry_a_gradient_are_detached(kind):
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    product, *_ = wrap(kind, gradient=("b",))(a, 1, b)
    assert torch.autograd.grad(product, (a, b), allow_unused=True) == (torch.tensor(3.0), None)


def test_refused_answers_and_claims_that_hold(tmp_path, capsys):
    path = page(tmp_path, HEAD, ANSWER, CHECK, USE)
    assert answers.main(["--kind", "detached", "--kind", "last input", path]) == 0
    printed = capsys.readouterr().out
    assert "detached: 1 refused" in printed and "last input: 1 refused" in printed


def test_an_accepted_answer_and_what_it_breaks_are_told(tmp_path, capsys):
    lax = f"{HEAD}\nexercises.harness.judge = lambda *_: (True, 'agrees')"
    path = page(tmp_path, lax, ANSWER, CHECK, USE)
    assert answers.main(["--kind", "numpy", path]) == 1
    printed = capsys.readouterr().out
    assert "✔ for a wrong gradient: kl_terms" in printed and "stops: RuntimeError: element 0" in printed
    assert "missing: ✔ the slope is at least 1" in printed
