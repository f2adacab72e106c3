"""LECTURE.md: 74 statements, each with a verdict that leans on claims of the stored pages; what is wrong is named."""

import copy
import json
import re

import contents
import lecture
import pages
import pytest
from pages import Book

ROOT = pages.ROOT
LECTURE = lecture.load(ROOT)
PATHS = pages.notebooks()
BOOKS = [pages.describe(path) for path in PATHS]
NOTEBOOKS = [json.loads(path.read_text(encoding="utf-8")) for path in PATHS]
CLAIMS = lecture.claims_of(BOOKS, NOTEBOOKS)
CITES = lecture.cited({book.number: nb for book, nb in zip(BOOKS, NOTEBOOKS, strict=True)})
PARTS = {"A0": 6, "A1": 11, "A2": 11, "A3": 7, "B1": 5, "B2": 10, "B3": 5, "B4": 6, "P": 13}


def test_data_file_and_pages_agree():
    assert lecture.problems(LECTURE, CLAIMS, CITES) == []


def test_every_statement_of_the_week_has_its_row():
    wanted = [f"{part}.{k}" if part != "P" else f"P{k}" for part, n in PARTS.items() for k in range(1, n + 1)]
    assert [one["id"] for one in LECTURE["statement"]] == wanted and len(wanted) == 74
    rows = re.findall(r'^\| <a id="(.*?)"></a>\1 \| .+ \| .+ \| \*\*(.*?)\*\*',
                      (ROOT / "LECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in rows] == wanted
    assert {verdict for _, verdict in rows} == set(lecture.VERDICTS)


def test_ten_findings_stand_in_readme_and_lecture():
    for name in ("README.md", "LECTURE.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert len(re.findall(r"^\d+\. .*\]\(LECTURE\.md#\S+\)\)$", text, re.MULTILINE)) == 10, name
    assert "(missing)" not in text and "{" not in text


# --- mistakes planted in the data file, and in the pages ---

def statement(said, name):
    return next(one for one in said["statement"] if one["id"] == name)


def told(change):
    said, claims, cites = copy.deepcopy((LECTURE, CLAIMS, CITES))
    change(said, claims, cites)
    return lecture.problems(said, claims, cites)


@pytest.mark.parametrize("change, words", [
    # ids
    (lambda said, *_: statement(said, "A1.2").update(id="A1.12"), "A1.12 is not cited by notebook 01"),
    (lambda said, *_: statement(said, "A1.2").update(id="A1.12"), "A1.2 is cited by notebook 01, but is no statement"),
    (lambda said, *_: statement(said, "A1.2").update(id="A1.3"), "A1.3 stands there twice"),
    (lambda said, *_: statement(said, "A1.2").update(id="C1.2"), "C1.2 belongs to no part"),
    (lambda said, *_: statement(said, "A1.2").update(notebook="02"), "A1.2 is not cited by notebook 02"),
    (lambda said, claims, cites: cites["A1.2"].clear(), "A1.2 is not cited by notebook 01"),
    (lambda said, claims, cites: cites.update({"A9.9": {"03", "02"}}), "A9.9 is cited by notebook 02, 03, but"),
    (lambda said, *_: said["finding"][0].update(ids=["A0.9"]), "there is no statement A0.9"),
    # verdicts
    (lambda said, *_: statement(said, "A1.2").update(verdict="hold"), "A1.2: 'hold' is none of the verdicts"),
    (lambda said, *_: statement(said, "A1.7").pop("note"), "A1.7: 'does not hold' needs a note that says what"),
    (lambda said, *_: statement(said, "A1.8").update(note=""), "A1.8: 'holds if' needs a note that says what"),
    (lambda said, *_: statement(said, "B2.9").pop("note"), "B2.9: 'not tested' needs a note that says why"),
    (lambda said, *_: statement(said, "B2.9").update(verdict="holds"), "B2.9: 'holds' leans on no claim"),
    (lambda said, *_: statement(said, "P8").update(claims=[]), "P8: 'does not hold' leans on no claim"),
    (lambda said, *_: statement(said, "A1.2").update(verdict="not tested"), "A1.2: 'not tested' leans on claims"),
    # claims
    (lambda said, *_: statement(said, "A1.2").update(claims=["01: no such"]),
     "A1.2: 0 claims of page 01 begin with 'no such'"),
    (lambda said, *_: statement(said, "A1.2").update(claims=["01: positives only"]),
     "A1.2: 2 claims of page 01 begin with 'positives only'"),
    (lambda said, *_: statement(said, "A1.2").update(claims=["77: positives"]), "A1.2: 0 claims of page 77"),
    (lambda said, claims, _: claims.update({"07": []}), "B2.2: 0 claims of page 07"),
    (lambda said, claims, _: claims.update({"07": [c._replace(holds=False) for c in claims["07"]]}),
     "does not hold on the stored page 07"),
    (lambda said, *_: said["finding"][1].update(text="{01: no such} points"), "0 claims of page 01 begin with 'no"),
    (lambda said, *_: statement(said, "A1.7").update(note="{01: no such}"), "A1.7: 0 claims of page 01"),
])
def test_a_planted_mistake_is_named(change, words):
    assert any(words in line for line in told(change)), told(change)


def test_a_row_shows_what_the_stored_page_measured():
    row = next(line for line in (ROOT / "LECTURE.md").read_text(encoding="utf-8").splitlines()
               if line.startswith('| <a id="P3">'))
    for reference in statement(LECTURE, "P3")["claims"]:
        claim = lecture.aimed(reference, CLAIMS)
        assert f"{claim.sentence} · {claim.measured} ([10](CLAIMS.md#c10-{claim.place}))" in row
    anchor = lecture.aimed("10: no decoder brings", CLAIMS)
    text = (ROOT / "CLAIMS.md").read_text(encoding="utf-8")
    assert f'<a id="c10-{anchor.place}"></a>{anchor.sentence} |' in text, "the link lands on that claim"


def test_a_contradiction_makes_the_generator_fail(tmp_path, capsys):
    for name in ("README.md", "CLAIMS.md", "LECTURE.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    for path in PATHS:
        (tmp_path / "notebooks" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "ledger").mkdir()
    text = (ROOT / lecture.FILE).read_text(encoding="utf-8")
    (tmp_path / lecture.FILE).write_text(text.replace("01: the trunk reads better", "01: the head"), encoding="utf-8")
    assert contents.main([], tmp_path) == 1
    assert "A1.6: 0 claims of page 01 begin with 'the head', should be 1" in capsys.readouterr().out
    (tmp_path / lecture.FILE).write_text(text, encoding="utf-8")
    assert contents.main([], tmp_path) == 0 == contents.main(["--check"], tmp_path)


# --- ids as links ---

@pytest.mark.parametrize("text, linked", [
    ("as measured (A0.1 · B2.10).", "as measured ([A0.1](../LECTURE.md#A0.1) · [B2.10](../LECTURE.md#B2.10))."),
    ("P1 to P13 number", "[P1](../LECTURE.md#P1) to [P13](../LECTURE.md#P13) number"),
    ("ends with (P12)", "ends with ([P12](../LECTURE.md#P12))"),
    ("[A0.1](../LECTURE.md#A0.1)", "[A0.1](../LECTURE.md#A0.1)"),
    ("$A0.1$, `P1`, <b id=P1>, P(v), C3, A0.1.2, v1.A0.1, P12x, [see A0.1](x)", None),
])
def test_ids_become_links_once(text, linked):
    wanted = text if linked is None else linked
    assert lecture.linked(text) == wanted == lecture.linked(wanted)


def test_every_id_in_a_page_is_a_link_to_its_row():
    rows = (ROOT / "LECTURE.md").read_text(encoding="utf-8")
    for book, nb in zip(BOOKS, NOTEBOOKS, strict=True):
        text = "\n".join(pages.text_of(cell) for cell in nb["cells"] if cell["cell_type"] == "markdown")
        assert lecture.linked(text) == text, f"{book.name}: make generate"
        links = re.findall(r"\[(\w+\.?\d*)\]\(\.\./LECTURE\.md#(\S+?)\)", text)
        assert links and all(name == place and f'<a id="{place}">' in rows for name, place in links), book.name


def test_a_link_cites_like_a_bare_id():
    def page(text):
        return {"05": {"cells": [{"cell_type": "markdown", "source": text}, {"cell_type": "code", "source": "# A9.9"}]}}

    assert lecture.cited(page("C1 (A0.1 · P2)")) == {"A0.1": {"05"}, "P2": {"05"}}
    assert lecture.cited(page(lecture.linked("C1 (A0.1 · P2)"))) == {"A0.1": {"05"}, "P2": {"05"}}


def test_the_page_needs_no_statement_to_be_made():
    book = Book("05-page.ipynb", "05", "A page", "Why?", "", [])
    said = {"part": [{"id": "A0", "title": "t", "where": "w", "video": "v"}], "statement": [], "finding": []}
    assert "| all | 0 |" in lecture.page(said, {"05": []}, [book])
