"""The frame of the comparisons: what reaches the quality is timed, turn by turn; the tables follow from the results."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1] / "benchmarks"


def load(name):
    """A module of benchmarks/, which is no package."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(FOLDER))


frame, report = load("side_by_side"), load("report")


def waits(seconds):
    """A side's run: its error halves with the effort, and it takes so long whatever the effort."""
    def run(effort):
        time.sleep(seconds)
        return 1 / effort
    return run


@pytest.fixture
def toy():
    """Three sides, one of which never gets there, and one that is not installed."""
    def absent():
        raise ImportError("No module named 'absent'")
    sides = [frame.Side("ours, quick", waits(0.004), (1, 2, 4, 8), ours=True), frame.Side("slow", waits(0.02), (4, 8)),
             frame.Side("never", waits(0), (1, 2)), frame.peer("absent", absent)]
    return frame.Comparison("toy", "error", 0.25, lambda error: error, sides)


def test_sides_are_compared_at_equal_quality(toy):
    row = frame.compare(toy, rounds=3, say=lambda line: None)
    ours, slow, never, absent = row["sides"]
    assert ours["effort"] == "4" and ours["reached"] and ours["quality"] == [0.25] * 3
    assert slow["effort"] == "4" and len(slow["seconds"]) == 3 and slow["threads"] == 1
    assert not never["reached"] and "seconds" not in never and never["quality"] == [0.5]
    assert absent == {"name": "absent", "missing": "can't be installed or imported here: No module named 'absent'"}
    assert report.ratio(slow, ours)[0] > 1.5


def test_a_side_that_only_reached_it_by_luck_does_not_stand_as_one_that_did(toy):
    answers = iter([0.1, 0.9, 0.9, 0.9])
    toy.sides = [frame.Side("lucky", lambda effort: next(answers))]
    side, = frame.compare(toy, rounds=3, say=lambda line: None)["sides"]
    assert not side["reached"]
    assert report.timed({"sides": [side]}) == []


def test_turns_alternate_and_start_from_the_turn_s_seed(toy):
    seen = []
    toy.sides = [frame.Side(name, lambda effort, name=name: seen.append((name, torch.initial_seed())) or 0.0)
                 for name in "ab"]
    frame.compare(toy, rounds=2, say=lambda line: None)
    assert seen == [("a", 0), ("b", 0), ("b", 0), ("a", 0), ("a", 1), ("b", 1)]


def test_long_runs_that_show_the_quality_are_the_first_turn(toy):
    toy.once, toy.sides = True, toy.sides[:1]
    side, = frame.compare(toy, rounds=1, say=lambda line: None)["sides"]
    assert len(side["seconds"]) == len(side["quality"]) == 1


def test_more_threads_must_pay():
    before, seen = torch.get_num_threads(), []
    side = frame.Side("a", lambda effort: seen.append(torch.get_num_threads()) or time.sleep(0.01))
    count, tried = frame.best_threads(side, None, (1, 2), "wall")
    assert seen == [1, 1, 2, 2] and set(tried) == {1, 2}
    assert count == 1 or tried[1] > 1.03 * tried[2]
    assert torch.get_num_threads() == before


def test_a_busy_machine_is_told():
    found = frame.machine()
    assert found["busy"] == (found["share"] < 0.9)
    assert found["gflops"] > 0 and found["versions"]["torch"]


def kept(busy=False, **seconds):
    sides = [{"name": name, "ours": name.startswith("ours"), "reached": True, "quality": [0.2], "threads": 1,
              "seconds": s} for name, s in seconds.items()]
    machine = {"date": "2026-01-01", "cpu": "a CPU", "cpus": 2, "load": 1.5, "busy": busy, "gflops": 80.0,
               "python": "3.11", "versions": {"torch": "2"}}
    return {"benchmark": "toy", "clock": "cpu" if busy else "wall", "machine": machine, "rows": [
        {"what": "a toy", "quality": "error", "target": 0.25, "why": "Because.", "sides": sides}]}


@pytest.mark.parametrize(("theirs", "line"), [([2.0, 4.0, 3.0], "| 3.00 (2.00 to 4.00) | ahead |"),
                                              ([0.5, 0.5, 0.5], "| 0.50 | behind |"),
                                              ([0.9, 1.1, 1.2], "| 1.10 (0.90 to 1.20) | level |")])
def test_the_summary_says_who_is_ahead(theirs, line):
    assert line in report.summary([kept(ours=[1.0, 1.0, 1.0], theirs=theirs)])


def test_the_tables_name_what_was_not_timed_and_a_busy_machine():
    one = kept(busy=True, ours=[1.0])
    one["rows"][0]["sides"] += [{"name": "never", "ours": False, "reached": False, "quality": [0.5]},
                                {"name": "absent", "missing": "can't be installed"}]
    text = report.tables([one])
    assert "| never | not reached: 0.5 | | not timed | |" in text and "| absent | can't be installed | | | |" in text
    assert "Measured on a busy machine" in text and "CPU seconds" in text and "load 1.5 at the start" in text
    assert "busy" not in report.tables([kept(ours=[1.0])])


def test_readme_is_made_of_the_committed_results():
    assert report.main(["--check"]) == 0
    text, found = (FOLDER / "README.md").read_text(encoding="utf-8"), report.results()
    assert report.page(text.replace("|", "/"), found).count("|") == report.tables(found).count("|")


def test_results_say_where_and_how_they_were_measured():
    for path in (FOLDER / "results").glob("*.json"):
        one = json.loads(path.read_text(encoding="utf-8"))
        assert one["clock"] == ("cpu" if one["machine"]["busy"] else "wall"), path.name
        assert (FOLDER / f"{one['benchmark']}.py").exists()
        assert all(len(side["seconds"]) == len(side["quality"]) for row in one["rows"] for side in row["sides"]
                   if side.get("seconds")), path.name


def test_the_gram_form_finds_what_the_page_finds():
    lasso = load("lasso")
    torch.manual_seed(0)
    y, W_d = torch.randn(30, 20).double(), torch.nn.functional.normalize(torch.randn(20, 40).double(), dim=0)
    z_star = lasso.inference.fista(y, W_d, 0.1, 2000, restart=True)
    for polish in (20, 10**6):
        for stretch in (1.0, 6.0):  # 6/L climbs: such rows begin anew
            z = lasso.gram_fista(y, W_d, 0.1, 1e-6, stretch=stretch, polish=polish, most=3000)
            gap = lasso.duality_gap(y, z, W_d, 0.1) / (y.square().sum(1) / 2)
            assert gap.max() < 1.01e-6, (polish, stretch)
            assert (z - z_star).norm() / z_star.norm() < 0.01
    nothing = lasso.gram_fista(torch.zeros(3, 20).double(), W_d, 0.1, 1e-6)
    assert nothing.shape == (3, 40) and not nothing.any()


def test_the_gap_in_the_gram_form_is_the_duality_gap():
    lasso = load("lasso")
    torch.manual_seed(1)
    y, W_d, z = torch.randn(5, 6).double(), torch.randn(6, 9).double(), torch.randn(5, 9).double()
    gap = lasso.gram_gap(z, z @ W_d.T @ W_d, y @ W_d, y.square().sum(1), 0.3)
    assert torch.allclose(gap, lasso.duality_gap(y, z, W_d, 0.3))


@pytest.mark.parametrize("name", ["langevin", "divergence", "convolutional", "dictionary"])
def test_our_sides_reach_the_quality_on_small_problems(name):
    one, = load(name).comparisons(quick=True)
    ours = [side for side in one.sides if getattr(side, "ours", False)]
    assert ours
    for side in ours:
        effort, found, _, reached = frame.settle(side, one, "cpu")
        assert reached, (side.name, effort, found)


def test_nothing_learned_reaches_no_quality():
    torch.manual_seed(0)
    divergence, dictionary, rbm = load("divergence"), load("dictionary"), load("rbm")
    nothing = [(divergence, lambda row: divergence.network()),
               (dictionary, lambda row: torch.nn.functional.normalize(torch.randn(144, 32), dim=0)),
               (rbm, lambda row: rbm.Plain(784, 6 if "likelihood" in row.what else 50))]
    for module, made in nothing:
        for row in module.comparisons(quick=True):
            assert row.measure(made(row)) > 1.05 * row.target, row.what


def test_the_mean_energy_of_two_wells():
    langevin = load("langevin")
    x = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    E = langevin.energy(torch.cartesian_prod(x, x))
    assert langevin.expected() == pytest.approx(((-E).softmax(0) * E).sum().item(), rel=1e-4)


def test_a_power_law_s_exponent_is_found():
    scaling = load("scaling")
    assert scaling.slope([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0]) == pytest.approx(2)


def test_growth_is_told_beside_the_theory_s():
    one = {"scaling": [{"what": "a step", "sizes": [1000, 8000], "exponent": 1.04, "theory": "1", "seconds": [1, 8]}],
           "vae": {"gflops": 30.0, "matmul": 60.0}}
    text = report.growth(one)
    assert "| a step | 1,000 to 8,000 | 1.04 | 1 |" in text and "50% of a large product's 60" in text
