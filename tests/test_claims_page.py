"""CLAIMS.md: ranges and margins from the ledger, how many runs stand behind them, and what is not yet run."""

import json

import claims_page
import contents
import nbformat
import pytest
import records
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_records import run

GAP, SURE = "the gap is at most 2", "the sky is blue"


@pytest.fixture
def course(tmp_path):
    """A course of one page with two claims; the file of its ledger; ten runs on each source."""
    (tmp_path / "README.md").write_text("<!-- course-map:begin --><!-- course-map:end -->", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    code = new_code_cell(f"# mnist\nclaim('{GAP}', gap, at_most=2)\nclaim('{SURE}', sky == 'blue')", execution_count=1,
                         outputs=[new_output("stream", text=f"✔ {GAP} · measured 1.23\n✔ {SURE} · measured yes\n")])
    nb = new_notebook(cells=[new_markdown_cell("# 05 · A page\n\nWhy?"), code])
    nbformat.write(nb, tmp_path / "notebooks/05-page.ipynb")
    return tmp_path


def store(course, gaps, **changes):
    """A ledger whose runs measured these gaps: {source: [gap of each seed]}."""
    nb = json.loads((course / "notebooks/05-page.ipynb").read_text(encoding="utf-8"))
    made = []
    for source, values in gaps.items():
        for seed, value in enumerate(values):
            one = run(seed, value, source, **{"version": records.version(nb), "held": value <= 2} | changes)
            one["claims"].append({"sentence": SURE, "at_least": None, "at_most": None, "value": True, "held": True})
            made.append(one)
    records.write(course / "ledger/seeds.jsonl", made)


def claims(course):
    assert contents.main([], course) == 0 and contents.main(["--check"], course) == 0
    return (course / "CLAIMS.md").read_text(encoding="utf-8")


def test_a_page_that_was_not_run_says_so(course):
    text = claims(course)
    assert "2 claims, 0 runs of a whole notebook" in text and "Not yet run for several seeds" in text
    assert f'<a id="c05-1"></a>{GAP} | ≤ 2 | 1.23 |' in text and f"{SURE} | true | yes |" in text
    store(course, {"mnist": [1.0] * 6}, version="old")
    text = claims(course)
    assert "Not yet run for several seeds" in text and "6 runs of the ledger are of older versions" in text


def test_ranges_runs_and_margins(course):
    store(course, {"mnist": [1.0, 1.2, 1.4, 1.6, 1.8], "offline": [0.4, 0.5, 0.6, 0.7, 0.8]})
    text = claims(course)
    row = "≤ 2 | 1 to 1.8, median 1.4 | 0.4 to 0.8, median 0.6 | 5 + 5 | 0.6 |"  # 0.2 over a deviation of 0.316
    assert f"{GAP} | {row}" in text
    assert f"{SURE} | true | yes, 5 of 5 | yes, 5 of 5 | 5 + 5 | – |" in text
    thin = text.split("## The ten thinnest margins")[1].split("\n## ")[0]
    assert f"{GAP} | ≤ 2 | 0.6 | 5 + 5 | [05, claim 1](CLAIMS.md#c05-1)" in thin and SURE not in thin
    assert "Runs: 5 on full MNIST, 5 on offline digits." in text and "Not yet run" not in text
    assert "| 2 | 5 | 5 | 0 |" in text


def test_a_bound_that_allows_for_rounding_is_no_thin_margin(course):
    row = claims_page.Row("05", 1, GAP, "≤ 1e-06", "0", {"mnist": []}, 0.1, True)
    assert claims_page.thinnest([row, row._replace(tolerance=False, margin=3.0)]) == [row._replace(
        tolerance=False, margin=3.0)]
    failed = row._replace(measured={"mnist": [{"held": False}]})
    assert claims_page.thinnest([failed]) == [failed]


def test_few_runs_have_no_margin(course):
    store(course, {"mnist": [1.0, 1.2, 1.4, 1.6, 1.8], "offline": [0.4, 0.5, 0.6, 0.7]})
    text = claims(course)
    assert "5 + 4 | – |" in text and "No claim has 5 runs on each source yet." in text


def test_a_claim_that_failed_is_counted(course):
    store(course, {"mnist": [1.0, 1.2, 1.4, 1.6, 2.2], "offline": [0.4, 0.5, 0.6, 0.7, 0.8]})
    text = claims(course)
    assert "10 runs of a whole notebook, 1 times a claim that did not hold" in text
    assert "5 + 5, **1 ✘** | -0.4 |" in text and "| 2 | 5 | 5 | 1 |" in text


def test_a_bound_that_nothing_comes_near_is_listed_unless_a_mistake_is_aimed_at_it(course):
    store(course, {"mnist": [0.3, 0.301, 0.302, 0.303, 0.304], "offline": [0.1] * 5})
    assert "## Bounds that nothing has come near" in claims(course)
    (course / "tests/mutants").mkdir(parents=True)
    (course / "tests/mutants/05-page.toml").write_text(
        '[[run]]\n[[run.mistakes]]\nmistake = "m"\nold = "a"\nnew = "b"\nred = ["the gap is"]\n', encoding="utf-8")
    assert "## Bounds that nothing has come near" not in claims(course)


@pytest.mark.parametrize("low, high, value, margin", [
    (1, None, [[2, 9], [3, 9], [4, 9], [5, 9], [6, 9]], 1 / 2.5**0.5),  # the lower end counts
    (1, 10, [[6, 9.5], [6, 9], [7, 9], [7, 8.5], [6, 8]], 0.5 / 0.325**0.5),  # the nearer bound
    (1, None, [2.0] * 5, float("inf")), (3, None, [2.0] * 5, float("-inf")),
    (1, None, [2.0] * 4, None), (None, None, [True] * 5, None),
    (1, None, ["inf", 2.0, 3.0, 4.0, 5.0, 6.0], 1 / 2.5**0.5),
    (10, None, [1e3, 1e4, 1e5, 1e6, 1e7], 2 / 2.5**0.5), (None, 1.0, [0.1, 1e-2, 1e-3, 1e-4, 1e-5], 1 / 2.5**0.5)])
def test_margins(low, high, value, margin):
    found = claims_page.margin_on([{"at_least": low, "at_most": high, "value": v, "held": low != 3} for v in value])
    assert found == (margin if margin is None else pytest.approx(margin))


def test_the_committed_ledger_is_small_and_in_its_canonical_form(tmp_path):
    if not records.LEDGER.exists():
        pytest.skip("nothing was measured yet")
    assert records.LEDGER.stat().st_size < 1_000_000
    records.write(tmp_path / "again", records.read(records.LEDGER))
    assert (tmp_path / "again").read_bytes() == records.LEDGER.read_bytes()
