"""The ledger: read as it was written, whole when interrupted, the same bytes for the same runs, one version a page."""

import json

import pytest
import records
from nbformat.v4 import new_code_cell, new_notebook


def run(seed, value=1.5, source="mnist", version="a", page="05-page.ipynb", held=True, **other):
    claim = {"sentence": "the gap is at most 2", "at_least": None, "at_most": 2, "value": value, "held": held}
    return {"page": page, "version": version, "source": source, "seed": seed, "on": "cpu", "errors": [], "lines": [],
            "claims": [claim]} | other


RUNS = [run(2, [0.5, 1.25]), run(0, True), run(11, None, held=False), run(1, 2.5, held=False), run(0, source="offline"),
        run(3, "nan", held=False, errors=["Cell 3: ValueError: no"], lines=[("Cell 1", "row 0", "row 1")])]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new/seeds.jsonl"
    assert records.read(path) == []
    records.write(path, RUNS)
    assert sorted(records.read(path), key=records.key) == sorted(RUNS, key=records.key)
    groups = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [list(group["runs"]) for group in groups] == [["0", "1", "2", "3", "11"], ["0"]]


def test_the_same_runs_are_the_same_bytes(tmp_path):
    one, parts = tmp_path / "one", [tmp_path / f"part{k}" for k in range(3)]
    records.write(one, RUNS)
    for k, path in enumerate(parts):
        for each in RUNS[k::3]:
            records.append(path, each)
    for order in (parts, parts[::-1], [*parts, *parts, one]):
        records.write(tmp_path / "all", records.merged(*((path.name, records.read(path)) for path in order)))
        assert (tmp_path / "all").read_bytes() == one.read_bytes()


def test_one_of_two_measurements_of_a_run_is_kept_whatever_the_order():
    ledgers = [("a", [run(0, 1.5)]), ("b", [run(0, 0.7)])]
    assert records.merged(*ledgers) == records.merged(*ledgers[::-1])
    assert len(records.merged(*ledgers)) == 1


def test_a_line_that_was_cut_off_is_no_run(tmp_path):
    path = tmp_path / "seeds.jsonl"
    records.append(path, RUNS[0])
    records.append(path, RUNS[1])
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:-9], encoding="utf-8")
    assert records.read(path) == RUNS[:1]
    path.write_text(whole[9:], encoding="utf-8")
    with pytest.raises(ValueError, match="line 1 of .* is no line of a ledger"):
        records.read(path)


def test_different_versions_of_a_page_are_refused_in_one_line():
    yours = [run(1, page="06-page.ipynb", version="c"), run(1, version="b")]
    ledgers = [("mine.jsonl", [run(0)]), ("yours.jsonl", yours)]
    with pytest.raises(records.Mixed) as told:
        records.merged(*ledgers)
    assert str(told.value) == ("05-page.ipynb: version a in mine.jsonl, version b in yours.jsonl; "
                               "run the older one again.")
    with pytest.raises(records.Mixed, match="version z in the page here, version a in mine.jsonl"):
        records.merged(ledgers[0], versions={"05-page.ipynb": "z"})


def test_a_version_is_of_the_code():
    def version(*sources, **more):
        return records.version(new_notebook(cells=[new_code_cell(source, **more) for source in sources]))

    page = version("x = 1\ny = '# 2'", "claim('x')")
    assert len(page) == 12
    assert page == version("# why\nx = 1   # one\n\ny = '# 2'\n", "# nothing", "claim('x')", execution_count=3)
    others = [("x = 2\ny = '# 2'", "claim('x')"), ("x = 1\ny = '# 3'", "claim('x')"),
              ("claim('x')", "x = 1\ny = '# 2'"), ("x = 1\ny = '# 2'\nclaim('x')",),
              ("x = 1\n    y = '# 2'", "claim('x')")]
    assert page not in {version(*other) for other in others}
    assert version("%pip install x  # 1") != version("%pip install y  # 1")


def test_numbers_are_kept_short():
    assert records.rounded(0.123456789) == 0.12346 and records.rounded(123456) == 123456
    assert records.rounded(float("inf")) == "inf" and records.rounded(True) is True


def test_fifty_seeds_of_the_course_stay_under_a_megabyte(tmp_path):
    """Twelve pages of 34 claims, as many as there are, half of the values ranges."""
    claims = [{"sentence": f"{k}: {'a sentence of usual length with its bound at the end ' * 2}{k}", "at_least": 0.85,
               "at_most": None, "value": [0.12345, 1.2345] if k % 2 else 0.98765, "held": True} for k in range(34)]
    runs = [run(seed, source=source, page=f"{page:02d}-some-long-page-name.ipynb", claims=claims)
            for page in range(12) for source in ("mnist", "offline") for seed in range(50)]
    records.write(tmp_path / "seeds.jsonl", runs)
    assert (tmp_path / "seeds.jsonl").stat().st_size < 1_000_000
