"""Every failing line of the self-test says what to do, and no failure hides the next."""

import io
import sys

import pytest
import torch

from utils import data, selftest


def fail(message="broken"):
    raise RuntimeError(message)


def test_it_passes_here(capsys):
    assert selftest.run()
    assert capsys.readouterr().out.count("✔") == len(selftest.TESTS)


def test_each_failure_names_its_remedy_and_the_others_go_on(capsys):
    tests = {name: (fail, remedy) for name, (_, remedy) in selftest.TESTS.items()}
    assert not selftest.run(tests)
    out = capsys.readouterr().out
    assert out.count("✘") == out.count("What to do: ") == len(tests) and f"{len(tests)} of {len(tests)}" in out


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp850"])
def test_no_console_stops_it(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    tests = {"λ ≥ 0": (lambda: "✔", "nothing"), "z": (lambda: fail("‖z‖ → ∞"), "“this”")}
    assert not selftest.run(tests)
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding)
    assert said.startswith("[ok] ") and "[x] z: RuntimeError" in said and "1 of 2 tests failed." in said


@pytest.mark.parametrize("found, word", [("missing", "is missing"), ("0.1", "or newer is needed")])
def test_a_missing_or_old_package_is_named(monkeypatch, found, word):
    monkeypatch.setattr(selftest.runtime, "versions", lambda *names: dict.fromkeys(names, found))
    with pytest.raises(RuntimeError, match=f"torch is .*{word}|{word}"):
        selftest._packages()


def line_of(name, capsys):
    """Run the whole self-test; the line (and remedy) of one test."""
    selftest.run({name: selftest.TESTS[name]})
    return capsys.readouterr().out


def test_torchvisions_compiled_part_is_tried(monkeypatch, capsys):
    def mismatch(*args):
        raise RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr("torchvision.ops.nms", mismatch)
    said = line_of("torchvision fits torch", capsys)
    assert said.startswith("✘") and "nms does not exist" in said and "install the pair" in said


def test_arithmetic_is_tried(monkeypatch, capsys):
    monkeypatch.setattr(torch.autograd, "grad", lambda *args: (torch.zeros(101),))
    assert line_of("torch computes and differentiates", capsys).startswith("✘")


@pytest.mark.parametrize("threads, cpus, sign", [(1, 1, "✔"), (2, 2, "✔"), (1, 64, "✔"), (64, 2, "✘"), (2, 1, "✘")])
def test_threads_are_held_against_usable_cpus(monkeypatch, capsys, threads, cpus, sign):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(selftest.runtime, "usable_cpus", lambda: cpus)
    said = line_of("torch has no more threads than CPUs", capsys)
    assert said.startswith(sign)
    assert (f"measured {threads} threads, {cpus} usable CPUs" if sign == "✔" else f"OMP_NUM_THREADS={cpus}") in said


def test_a_writable_folder_that_is_not_there_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "root", lambda: tmp_path / "cache" / "week8-practicum")
    assert line_of("the data folder can be used", capsys).startswith(
        "✔ the data folder can be used · measured writable\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_a_read_only_folder_is_no_failure(tmp_path, monkeypatch, capsys, error):
    asked = []

    def refuse(dir):
        asked.append(dir)
        raise error
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path))  # the reader's, not the clone's
    monkeypatch.setattr(selftest.tempfile, "TemporaryFile", refuse)
    said = line_of("the data folder can be used", capsys)
    assert said.startswith("✔ the data folder can be used · measured read-only: nothing will be kept\n")
    assert asked == [tmp_path]


def test_a_data_folder_that_is_not_there_is_a_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / "gone"))
    said = line_of("the data folder can be used", capsys)
    assert said.startswith("✘") and "names no folder" in said and "PRACTICUM_DATA" in said.split("What to do")[1]
