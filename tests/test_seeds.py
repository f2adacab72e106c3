"""Seeds by claims: what holds in every run, what fails, what is not reached, what stops for another reason."""

import json

import nbformat
import pytest
import seeds
from nbformat.v4 import new_code_cell, new_notebook, new_output

HEAD = "import os\nfrom utils.claims import claim\nseed = int(os.environ['PRACTICUM_SEED'])"
GREEN = "claim('a seed is at least 0', seed + 0.5, at_least=0)"
RED = "claim('a seed is at most 1', seed, at_most=1)"


def write(path, *sources):
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in (HEAD, *sources)]), path)
    return str(path)


def test_every_claim_green(tmp_path, capsys):
    path = write(tmp_path / "05-page.ipynb", GREEN)
    assert seeds.main(["--n", "3", "-j", "2", "--json", str(tmp_path / "runs.json"), path]) == 0
    printed = capsys.readouterr().out
    assert "no digits · 3 seeds" in printed and "every claim held" in printed
    (row,) = [line for line in printed.splitlines() if "a seed is at least 0" in line]
    assert row.split()[-5:] == ["3/3", "0.5", "1.5", "2.5", "–"]
    runs = json.loads((tmp_path / "runs.json").read_text(encoding="utf-8"))
    assert sorted(run["seed"] for run in runs) == [0, 1, 2]


def test_a_failed_claim_hides_no_other(tmp_path, capsys):
    path = write(tmp_path / "05-page.ipynb", RED, GREEN)
    assert seeds.main(["--n", "3", path]) == 1
    printed = capsys.readouterr().out
    (red,) = [line for line in printed.splitlines() if "a seed is at most 1" in line]
    assert "2/3" in red and red.split()[-1] == "2"
    assert "3/3" in printed


@pytest.mark.parametrize("source, words", [
    ("if seed == 1:\n    1 / 0", "seed 1, Cell 1: ZeroDivisionError"),
    (f"if seed == 1:\n    {GREEN}", "0 (not reached)"),
    ("if seed == 1:\n    os._exit(1)", "seed 1, "),
])
def test_other_ends_are_red(tmp_path, capsys, source, words):
    path = write(tmp_path / "05-page.ipynb", source)
    assert seeds.main(["--n", "2", path]) == 1
    assert words in capsys.readouterr().out


def test_every_compared_line_counts(tmp_path, capsys):
    def stored(source, text, **metadata):
        return new_code_cell(source, execution_count=1, metadata=metadata, outputs=[new_output("stream", text=text)])

    guess = stored("print('steps:', ['✔ close', '✘ too low'][seed > 0], '· measured', seed)",
                   "steps: ✔ close · measured 9\n")
    table = stored("print('row', seed if seed < 2 else 0, 'measured', seed)", "row 0 measured 5\n")
    slider = stored("print(seed)", "7\n", tags=["nbval-ignore-output"])
    red = stored(RED, "✔ a seed is at most 1 · measured 0\n")
    path = tmp_path / "05-page.ipynb"
    nbformat.write(new_notebook(cells=[stored(HEAD, ""), guess, table, slider]), path)
    assert seeds.main(["--n", "3", str(path)]) == 1
    printed = capsys.readouterr().out
    assert ("a line differs for seeds 1, 2:\n    stored 'steps: ✔ close · measured'\n"
            "    got    'steps: ✘ too low · measured'\n") in printed
    assert "a line differs for seeds 1:\n    stored 'row 0 measured'\n    got    'row 1 measured'\n" in printed
    assert printed.count("a line differs") == 2 and "NOT all is well" in printed
    nbformat.write(new_notebook(cells=[stored(HEAD, ""), red, slider]), path)
    assert seeds.main(["--n", "3", str(path)]) == 1
    assert "a line differs" not in capsys.readouterr().out, "a red claim is told once, in the table"
    assert seeds.main(["--n", "2", str(path)]) == 0


def test_the_data_folder_may_start_with_a_tilde(tmp_path, monkeypatch):
    raw = tmp_path / "digits/MNIST/raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PRACTICUM_DATA", "~/digits")
    assert seeds.has_mnist()
    monkeypatch.setenv("PRACTICUM_DATA", "~/nothing")
    assert not seeds.has_mnist()


def test_without_mnist_only_the_offline_digits_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path))
    path = write(tmp_path / "05-page.ipynb", "offline = os.environ.get('PRACTICUM_OFFLINE')  # mnist()",
                 "claim('the digits are offline', offline == '1')")
    assert seeds.main(["--n", "1", path]) == 0
    printed = capsys.readouterr().out
    assert "only the offline digits are run" in printed and "offline digits · 1 seeds" in printed
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte.gz").touch()
    assert seeds.main(["--n", "1", path]) == 1, "with full MNIST both are run, and this claim fails on one"
    assert "full MNIST · 1 seeds" in capsys.readouterr().out


def test_numbers_are_read_as_claims_print_them():
    assert seeds.spread(["1,234", "1.5e-03 to 2", "−3"]).split() == ["-3", "1.001", "1234"]
    assert seeds.spread(["yes", "no", "yes"]) == "no, yes"
