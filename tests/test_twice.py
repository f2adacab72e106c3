"""Cells that are run again: what uses itself up is told, with its cell."""

import execute
import nbformat
import pytest
import twice
from nbformat.v4 import new_code_cell, new_notebook

HEAD = "from utils.claims import claim\nfrom types import SimpleNamespace as Net"
# each: the page's cells, what must be told of two runs in a row and of training again; None where nothing changes
PAGES = {
    "good": (["net = Net(w=0)\ndef fit(net):\n    net.w += 1", "net = Net(w=0)\nfit(net)",
              "claim('w is at most 1', net.w, at_most=1)"], None, None),
    "goes on training": (["net = Net(w=0)\ndef fit(net):\n    net.w += 1", "fit(net)",
                          "claim('w is at most 1', net.w, at_most=1)"],
                         "Cell 3 (c3: claim('w is at most 1', net.w, at_most=1)) says '✘ w is at most 1 · measured'",
                         "Cell 3 (c3: claim('w is at most 1', net.w, at_most=1)) says '✘ w is at most 1 · measured'"),
    "uses up its net": (["net = Net(w=1)", "train = lambda net: net.pop if net.w == 3 else 1\ntrain(net)\nnet.w = 3"],
                        "Cell 2 (c2: train = lambda net: net.pop if net.w == 3 else 1) stops: AttributeError",
                        "Cell 2 (c2: train = lambda net: net.pop if net.w == 3 else 1) stops: AttributeError"),
    "turns round": (["told = []\ndef check():\n    told.append(1)\n    print('✘✔'[len(told) > 1], 'f: an answer')",
                     "check()"], "Cell 2 (c2: check()) says '✔ f: an answer'", None),
    "says more": (["n = [0]", "n[0] += 1\nfor i in range(n[0]):\n    print('✔ said')"],
                  "Cell 2 (c2: n[0] += 1) says 2 lines with ✔ or ✘, the stored page 1", None),
}


def stored(root, name):
    sources = [HEAD, *PAGES[name][0]]
    cells = [new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
    path = root / "05-page.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    assert execute.main([str(path)]) == 0
    return str(path)


@pytest.fixture(autouse=True)
def own_seed(monkeypatch):
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)
    monkeypatch.delenv("PRACTICUM_SEED", raising=False)


@pytest.mark.parametrize("name", PAGES)
def test_what_changes_is_told(tmp_path, capsys, name):
    path = stored(tmp_path, name)
    for mode, told in zip(([], ["--again"]), PAGES[name][1:], strict=True):
        capsys.readouterr()
        assert twice.main([*mode, path]) == (told is not None)
        printed = capsys.readouterr().out
        assert (told or "✔ 05-page.ipynb") in printed, printed


def test_the_order_of_training_again():
    cells = [new_code_cell(source) for source in ("a", "fit(a)", "b", "optimizer.step()", "c")]
    order = [cell.metadata["number"] for cell in twice.trained_again(cells)]
    assert order == [0, 1, 2, 3, 4, 1, 3, 1, 2, 3, 4]
    assert [cell.metadata["number"] for cell in twice.twice_each(cells[:2])] == [0, 0, 1, 1]
    assert [cell.metadata["number"] for cell in twice.trained_again(cells[:1])] == [0]
