"""What a run on a GPU is told as, tried without one: the CPU in its place, runs and answers that are made up."""

import gpu
import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


@pytest.fixture
def path(tmp_path):
    cell = new_code_cell("1", execution_count=1)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 05 · A page\n\nWhy?"), cell]), tmp_path / "05-page.ipynb")
    return tmp_path / "05-page.ipynb"


def played(monkeypatch, runs, wrong=()):
    """Two runs of a page, (what differs, measured numbers) each, and what is wrong with its answers."""
    left = iter(runs)

    def page(path, env):
        assert env["PRACTICUM_DEVICE"] == "cpu"
        found, numbers = next(left)
        return list(found), [("it is small", True, number) for number in numbers], 3.2
    monkeypatch.setattr(gpu, "page", page)
    monkeypatch.setattr(gpu, "answers", lambda path, env: (list(wrong), 60))


def test_a_page_that_is_as_stored(path, monkeypatch, capsys):
    played(monkeypatch, [((), ("0.1", "2")), ((), ("0.1", "2"))])
    assert gpu.main([str(path), "--on", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "✔ 05-page.ipynb: 2 claims, 60 answers · measured 3 s and 3 s" in out
    assert out.endswith("| 05-page | 2 | 0 | 60 | 0 | 3 | 3 |  | 0 of 2 |\n")


@pytest.mark.parametrize("runs, wrong, told, row", [
    ([(["red: it is small"], "12"), (["red: it is small"], "12")], [], "    red: it is small", "| 2 | 1 | 60 | 0 |"),
    ([([], "12"), (["cell 3 stops"], "1")], [], "    the second time cell 3 stops", "| 2 | 1 | 60 | 0 |"),
    ([([], "12"), ([], "12")], ["kl refuses"], "    kl refuses", "| 2 | 0 | 60 | 1 |")])
def test_what_differs_is_told_and_counted(path, monkeypatch, capsys, runs, wrong, told, row):
    played(monkeypatch, runs, wrong)
    assert gpu.main([str(path), "--on", "cpu"]) == 1
    out = capsys.readouterr().out
    assert told in out.splitlines() and row in out


def test_numbers_that_move_are_no_error(path, monkeypatch, capsys):
    played(monkeypatch, [((), ("0.1", "2", "3")), ((), ("0.1", "2.5"))])
    assert gpu.main([str(path), "--on", "cpu"]) == 0
    assert "2 of 3 |" in capsys.readouterr().out


def test_without_a_gpu_it_says_so(path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([str(path)]) == 2
    assert capsys.readouterr().out.startswith("There is no GPU here")


def test_a_process_on_the_gpu_inherits_no_seed(monkeypatch):
    monkeypatch.setenv("PRACTICUM_SEED", "8")
    env = gpu.environment(name="cuda")
    assert env["PRACTICUM_DEVICE"] == "cuda" and "PRACTICUM_SEED" not in env
