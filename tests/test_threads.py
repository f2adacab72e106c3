"""The threads of a kernel are measured, and the choice is kept."""

import json

import pytest
import threads


@pytest.mark.parametrize("cpus, wanted", [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8])])
def test_candidates(cpus, wanted):
    assert threads.candidates(cpus) == wanted


@pytest.mark.parametrize("found, wanted", [
    ({(1, ""): 1.0, (2, ""): 0.5}, (2, "")),
    ({(1, ""): 1.0, (2, ""): 0.99}, (1, "")),  # a hundredth is not worth a core
    ({(1, ""): 1.0, (2, ""): 5.0, (2, "10000"): 0.7}, (2, "10000")),
    ({(1, ""): 1.0, (1, "10000"): 1.0, (2, ""): 1.2, (2, "10000"): 1.1}, (1, "10000")),
    ({(1, ""): 1.0, (2, ""): 0.5, (2, "10000"): 0.54}, (2, "10000")),  # idle threads that sleep, for a little more
    ({(1, ""): 1.0, (2, ""): 0.5, (2, "10000"): 0.6}, (2, "")),
])
def test_the_fastest_is_chosen_and_the_fewer_threads_where_it_hardly_matters(found, wanted):
    assert threads.choose(found) == wanted


def test_settings():
    assert threads.settings((1, "10000")) == "OMP_NUM_THREADS=1"
    assert threads.settings((2, "10000")) == "OMP_NUM_THREADS=2 GOMP_SPINCOUNT=10000"
    assert threads.settings((2, "")) == "OMP_NUM_THREADS=2"


@pytest.fixture
def machine(monkeypatch):
    """Two CPUs on which two threads that sleep soon are best; how often it was measured."""
    runs = []
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "usable", lambda: 2)
    monkeypatch.setattr(threads, "measure", lambda counts, together: runs.append(together) or {
        (1, ""): 1.0, (1, "10000"): 1.0, (2, ""): 2.0, (2, "10000"): 0.6})
    return runs


def test_the_choice_is_kept_while_the_cpus_stay(machine, tmp_path, monkeypatch, capsys):
    cache = tmp_path / "threads.json"
    for _ in range(2):
        threads.main(["--cache", str(cache)])
    assert machine == [1] and capsys.readouterr().out.split("\n")[:2] == ["OMP_NUM_THREADS=2 GOMP_SPINCOUNT=10000"] * 2
    threads.main(["--cache", str(cache), "--together", "2"])
    monkeypatch.setattr(threads, "usable", lambda: 4)
    threads.main(["--cache", str(cache)])
    assert machine == [1, 2, 1] and len(json.loads(cache.read_text(encoding="utf-8"))) == 3


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"2 CPUs, 1 at a time": 7}'])
def test_a_damaged_cache_is_measured_anew(machine, tmp_path, content, capsys):
    cache = tmp_path / "threads.json"
    cache.write_text(content, encoding="utf-8")
    assert threads.main(["--cache", str(cache)]) == 0
    assert "OMP_NUM_THREADS=2" in capsys.readouterr().out and machine == [1]


def test_a_cache_that_cannot_be_written_costs_only_the_next_measurement(machine, tmp_path, capsys):
    assert threads.main(["--cache", str(tmp_path / "none" / "threads.json")]) == 0
    assert "OMP_NUM_THREADS=2" in capsys.readouterr().out


def test_what_somebody_set_is_kept(machine, monkeypatch, capsys):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    threads.main([])
    assert capsys.readouterr().out == "OMP_NUM_THREADS=5\n" and machine == []


def test_it_measures_for_real(monkeypatch):
    monkeypatch.setattr(threads, "SPINS", ("",))
    found = threads.measure([1])
    assert set(found) == {(1, "")} and 0 < found[1, ""] < 60
