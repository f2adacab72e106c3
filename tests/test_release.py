"""One version everywhere, a citation, and forms for issues that GitHub can read."""

import re
import tomllib
from importlib.metadata import version

import pytest
import yaml
from pages import ROOT

from utils import selftest

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_version_is_the_same_everywhere():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+?),? ", changes, re.MULTILINE)[1] == VERSION
    assert str(load(ROOT / "CITATION.cff")["version"]) == VERSION


def test_the_self_test_prints_what_is_installed(capsys):
    name = "the packages are there and new enough"
    assert selftest.run({name: selftest.TESTS[name]})
    # after the word `measured`, so that no release changes a line that CI compares
    assert re.search(rf" · measured \d+ packages; the course is {re.escape(version('week8-practicum'))}\n",
                     capsys.readouterr().out)


def test_the_citation_has_what_the_format_asks_for():
    said = load(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= said.keys()
    holder = re.search(r"\(c\) \d+ (.*)", (ROOT / "LICENSE").read_text(encoding="utf-8"))[1]
    assert [author["name"] for author in said["authors"]] == [holder]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one(path):
    form = load(path)
    assert form["name"] and form["description"] and form["body"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-z]+", name) for name in ids)
    for field in form["body"]:
        assert field["type"] in ("input", "textarea") and field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_support_names_the_forms_that_are_there():
    text = (ROOT / ".github/SUPPORT.md").read_text(encoding="utf-8")
    names = {load(path)["name"] for path in FORMS}
    assert len(names) == 3 and set(re.findall(r"issue \*(.*?)\*", text)) <= names
