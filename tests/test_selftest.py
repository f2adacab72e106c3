"""Every failing line of the self-test says what to do, and no failure hides the next."""

import pytest

from utils import selftest


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


@pytest.mark.parametrize("found, word", [("missing", "is missing"), ("0.1", "or newer is needed")])
def test_a_missing_or_old_package_is_named(monkeypatch, found, word):
    monkeypatch.setattr(selftest.runtime, "versions", lambda *names: dict.fromkeys(names, found))
    with pytest.raises(RuntimeError, match=f"torch is .*{word}|{word}"):
        selftest._packages()


def test_a_read_only_folder_is_named(monkeypatch):
    monkeypatch.setattr(selftest.os, "access", lambda *a: False)
    with pytest.raises(PermissionError, match="read-only"):
        selftest._folder()
