"""Seeds by claims: what holds in every run, what fails, what is not reached, what stops for another reason."""

import json

import nbformat
import pytest
import records
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


def test_the_spread_is_over_both_ends_of_ranges():
    assert seeds.spread([1234, [1.5e-3, 2.0], -3, None]).split() == ["-3", "1.001", "1234"]
    assert seeds.spread(["inf", 1.0, 2.0]).split() == ["1", "2", "inf"]
    assert seeds.spread([True, False, None, True]) == "no, yes"


# --- the ledger ---

@pytest.fixture
def counted(monkeypatch):
    """The (source, seed) of every run that is made."""
    made, run_once = [], seeds.run_once
    monkeypatch.setattr(seeds, "run_once", lambda path, source, seed: made.append((source, seed)) or
                        run_once(path, source, seed))
    return made


@pytest.fixture
def quick(monkeypatch):
    """Runs without a kernel: a claim that measures the seed, red from 3 on."""
    def run_once(path, source, seed):
        claim = {"sentence": "a seed is at most 2", "at_least": None, "at_most": 2, "value": seed, "held": seed <= 2}
        return {"page": path.name, "version": records.version(seeds.read(path)), "source": source, "seed": seed,
                "on": "cpu", "errors": [], "lines": [], "claims": [claim], "seconds": 0.1, "stopped": seed == 99}

    monkeypatch.setattr(seeds, "run_once", run_once)


def test_the_ledger_holds_what_the_claims_were_given(tmp_path):
    several = "import torch\nclaim('drawn from [0, 1]', torch.arange(3) / 2 + seed, at_least=0.0, at_most=2)"
    lazy = "claim('three are whole', (n == int(n) for n in range(3)))"
    path, file = write(tmp_path / "05-page.ipynb", GREEN, several, lazy, RED), tmp_path / "seeds.jsonl"
    assert seeds.main(["--n", "3", "--ledger", str(file), path]) == 1
    last = records.read(file)[-1]
    assert (last["page"], last["source"], last["seed"]) == ("05-page.ipynb", "none", 2)
    assert last["on"].startswith("cpu, ") and "torch 2." in last["on"]
    assert [[c["value"], c["at_least"], c["at_most"], c["held"]] for c in last["claims"]] == [
        [2.5, 0, None, True], [[2.0, 3.0], 0.0, 2, False], [True, None, None, True], [2, None, 1, False]]


def test_a_second_time_only_what_is_missing_is_run(tmp_path, capsys, counted):
    path, file = write(tmp_path / "05-page.ipynb", GREEN), tmp_path / "seeds.jsonl"
    command = ["--ledger", str(file), path]
    assert seeds.main(["--n", "1", *command]) == 0 == seeds.main(["--n", "2", *command])
    assert counted == [("none", 0), ("none", 1)]
    assert "2 seeds, 1 from the ledger" in capsys.readouterr().out
    kept = file.read_bytes()
    file.write_bytes(kept + b'{"page": "05-pa')  # stopped in the middle of a line
    assert seeds.main(["--n", "2", *command]) == 0
    assert len(counted) == 2 and file.read_bytes() == kept
    write(tmp_path / "05-page.ipynb", GREEN, "# a comment is no other version")
    assert seeds.main(["--n", "2", *command]) == 0 and len(counted) == 2
    assert seeds.main(["--n", "1", "--again", *command]) == 0 and counted.pop() == ("none", 0) and len(counted) == 2
    assert file.read_bytes() == kept
    write(tmp_path / "05-page.ipynb", GREEN, "another = 1")
    capsys.readouterr()
    assert seeds.main(["--n", "1", *command]) == 0 and counted[2:] == [("none", 0)]
    assert "05-page.ipynb has changed since 2 of its runs in seeds.jsonl: they are dropped." in capsys.readouterr().out
    assert len(records.read(file)) == 1


def test_a_line_that_differs_is_told_again_until_the_page_is_stored_anew(tmp_path, capsys):
    path, file = tmp_path / "05-page.ipynb", tmp_path / "seeds.jsonl"

    def store(text):
        cell = new_code_cell("print('row', seed)", execution_count=2, outputs=[new_output("stream", text=text)])
        nbformat.write(new_notebook(cells=[new_code_cell(HEAD, execution_count=1), cell]), path)

    store("row 7\n")
    for _ in range(2):
        assert seeds.main(["--n", "1", "--ledger", str(file), str(path)]) == 1
        assert "stored 'row 7'\n    got    'row 0'" in capsys.readouterr().out
    store("row 0\n")
    assert seeds.main(["--n", "1", "--ledger", str(file), str(path)]) == 0


def test_what_a_page_does_wrong_is_kept_and_what_befell_its_kernel_is_not(tmp_path, capsys):
    file = tmp_path / "seeds.jsonl"
    wrong = write(tmp_path / "05-page.ipynb", "if seed == 1:\n    1 / 0")
    dead = write(tmp_path / "06-page.ipynb", "if seed == 1:\n    os._exit(1)")
    for _ in range(2):
        assert seeds.main(["--n", "2", "--ledger", str(file), wrong, dead]) == 1
        assert "seed 1, Cell 1: ZeroDivisionError" in capsys.readouterr().out
    assert [(r["page"][:2], r["seed"], len(r["errors"])) for r in records.read(file)] == [
        ("05", 0, 0), ("05", 1, 1), ("06", 0, 0)]


def test_three_shards_merged_are_the_ledger_of_one_run(tmp_path, capsys, quick):
    pages = [write(tmp_path / f"0{k}-page.ipynb", f"x = {k}  # mnist") for k in (5, 6)]
    common = ["--n", "4", "--source", "offline", *pages]
    assert seeds.main(["--ledger", str(tmp_path / "one.jsonl"), *common]) == 1
    parts = [str(tmp_path / f"part{k}.jsonl") for k in (1, 2, 3)]
    for k, file in enumerate(parts, 1):
        seeds.main(["--shard", f"{k}/3", "--ledger", file, *common])
    assert [len(records.read(tmp_path / f"part{k}.jsonl")) for k in (1, 2, 3)] == [3, 3, 2]
    for files in (parts, parts[::-1], [parts[1]]):  # a second and a third time nothing changes
        assert seeds.main(["--ledger", str(tmp_path / "all.jsonl"), "--merge", *files]) == 0
        assert (tmp_path / "all.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert seeds.main(["--ledger", str(tmp_path / "all.jsonl"), "--merge"]) == 0, "no shard had anything to run"
    assert (tmp_path / "all.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    write(tmp_path / "06-page.ipynb", "x = 7  # mnist")
    seeds.main(["--ledger", str(tmp_path / "new.jsonl"), *common])
    capsys.readouterr()
    assert seeds.main(["--ledger", str(tmp_path / "all.jsonl"), "--merge", str(tmp_path / "new.jsonl")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("Nothing was merged. 06-page.ipynb: version ") and told.count("\n") == 1
    assert (tmp_path / "all.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b"])
def test_no_such_shard(text, capsys):
    with pytest.raises(SystemExit):
        seeds.main(["--shard", text])
    assert "is no part like 3/12" in capsys.readouterr().err


def test_of_a_page_that_is_not_the_courses_nothing_is_kept(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(records, "LEDGER", tmp_path / "seeds.jsonl")
    assert seeds.main(["--n", "1", write(tmp_path / "05-page.ipynb")]) == 0
    assert not (tmp_path / "seeds.jsonl").exists()
