"""The house rules for notebooks, each tried on every notebook and on a page that breaks it."""

import ast
import copy
import json
import re
import statistics

import execute
import nbval_policy
import pages
import pytest
from lines import calls_of
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

# slider cells, whose outputs nbval ignores: exactly so many, and nothing else may be ignored
IGNORED = {"00-start-here": 1, "01-contrastive-embedding": 2, "02-denoising-autoencoders": 1,
           "03-contrastive-divergence": 2, "04-latent-variable-ebms": 2, "05-ista-fista": 2, "06-lista": 2,
           "07-sparse-coding": 2, "08-convolutional-sparse-coding": 2, "09-autoencoder-to-vae": 2,
           "10-vae-mnist": 2, "11-one-ruler": 1}

CODE_LINES = {"median": (4, 9), "p90": 20, "max": 25}  # a code cell's lines that are not blank
WORDS_PER_LINE = (4, 12)  # words of prose for each line of code, formulas and `code` not counted
SETUP_LINES = 8
BYTES = 1_000_000
UPDATES = r"\.backward\(|\.step\(|\bfit\("
FORBIDDEN = {"sys.path": r"\bsys\.path\b", "pyplot": r"\bplt\.|\bpyplot\b", "a bare tqdm": r"\btqdm\b"}


def code_cells(nb):
    return [c for c in nb["cells"] if c["cell_type"] == "code"]


def tags(cell):
    return cell["metadata"].get("tags", [])


def sources(nb):
    """[(number among the code cells, source)]"""
    return [(number, pages.text_of(cell)) for number, cell in enumerate(code_cells(nb))]


def line_counts(nb):
    return [sum(1 for line in source.splitlines() if line.strip()) for _, source in sources(nb) if source.strip()]


# Each rule: (notebook as a dict, name) -> sentences that say what breaks it.


def executed_and_tagged(nb, name):
    return nbval_policy.violations(nb)


def nothing_private_or_noisy(nb, name):
    return execute.problems(nb)


def named(nb, name):
    ids = [cell.get("id") for cell in nb["cells"]]
    found = [] if None not in ids and len(set(ids)) == len(ids) else ["cells lack an id, or share one"]
    kernel = nb["metadata"].get("kernelspec", {}).get("name")
    return found + ([] if kernel == "python3" else [f"the kernel is {kernel!r}, not 'python3'"])


def alt_text(nb, name):
    return [f"Cell {number} stores a picture without alt text" for number, cell in enumerate(code_cells(nb))
            for output in cell["outputs"] if "image/png" in output.get("data", {})
            and not output["metadata"].get("image/png", {}).get("alt", "").strip()]


def size(nb, name):
    found = len(json.dumps(nb, indent=1, ensure_ascii=False).encode())
    return [f"{found:,} bytes, should be under {BYTES:,}: draw smaller or fewer pictures"] if found >= BYTES else []


def rhythm(nb, name):
    lines = sorted(line_counts(nb)) or [0]
    median, p90 = statistics.median(lines), lines[min(len(lines) - 1, int(0.9 * len(lines)))]
    low, high = CODE_LINES["median"]
    found = [f"Cell {number} has {count} lines of code, {CODE_LINES['max']} at most"
             for number, count in enumerate(line_counts(nb)) if count > CODE_LINES["max"]]
    if p90 > CODE_LINES["p90"]:
        found.append(f"every tenth code cell has {p90} lines or more, {CODE_LINES['p90']} at most")
    if not low <= median <= high:
        found.append(f"the median code cell has {median:g} lines, should be {low} to {high}")
    return found


def prose(nb, name):
    generated = r"(?s)<!-- (\S+):begin -->.*?<!-- \1:end -->"
    written = (re.sub(generated, "", pages.text_of(c)) for c in nb["cells"] if c["cell_type"] == "markdown")
    text = " ".join(re.sub(r"\$[^$]*\$|`[^`]*`", "", page) for page in written)
    ratio = len(text.split()) / max(sum(line_counts(nb)), 1)
    low, high = WORDS_PER_LINE
    return [] if low <= ratio <= high else [f"{ratio:.1f} words of prose for a line of code, should be {low} to {high}"]


def setup(nb, name):
    first = line_counts(nb)[:1] or [0]
    return [f"the setup cell has {first[0]} lines, {SETUP_LINES} at most"] if first[0] > SETUP_LINES else []


def sliders(nb, name):
    ignored = [number for number, cell in enumerate(code_cells(nb)) if "nbval-ignore-output" in tags(cell)]
    allowed, texts, found = IGNORED.get(name, 0), dict(sources(nb)), []
    if len(ignored) != allowed:
        found.append(f"{len(ignored)} cells are ignored, IGNORED in tests/test_notebooks.py allows {allowed}: "
                     f"set it to the number of sliders")
    for number in ignored:
        if not re.search(r"\b(widgets\.\w+|interact)\(", texts[number]):
            found.append(f"Cell {number} is ignored but is no slider")
        before = code_cells(nb)[number - 1]["outputs"] if number else []
        if not any("image/png" in o.get("data", {}) for o in before):
            found.append(f"Cell {number} is a slider without the same figure in the code cell before it")
    return found + [f"Cell {number} is a slider without the tag nbval-ignore-output" for number, source in texts.items()
                    if re.search(r"\bwidgets\.\w+\(", source) and number not in ignored]


def numbers(sentence):
    """The numbers in a sentence, of `5 %` both 5 and 0.05, of `10⁻⁶` its value."""
    sentence = sentence.replace("−", "-")
    powers = {"⁻": "-", **{digit: str(i) for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}}
    found = {10.0 ** int("".join(powers[c] for c in power)) for power in re.findall(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", sentence)}
    for text, percent in re.findall(r"(?<![\w.])(-?\d[\d,]*\.?\d*(?:e[-+]?\d+)?)(\s*%)?", sentence):
        value = float(text.replace(",", ""))
        found |= {value, abs(value), *([value / 100, abs(value) / 100] if percent else [])}
    return found


def literal(node):
    """The numbers that an argument spells out: one, several in a tuple or list, or none when it is computed."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return []
    values = value if isinstance(value, tuple | list) else [value]
    return [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def claims_say_their_bounds(nb, name):
    found = []
    for number, source in sources(nb):
        for call in pages.claim_calls(source):
            first = call.args[0] if call.args else None
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                found.append(f"Cell {number}: a claim's sentence must be a literal string, no f-string, no variable")
                continue
            if "measured" in first.value:
                found.append(f"Cell {number}: CI cuts a line at the word measured: {first.value!r} must do without")
            for keyword in call.keywords:
                found += [f"Cell {number}: {keyword.arg}={bound:g} does not stand in {first.value!r}"
                          for bound in literal(keyword.value)
                          if not any(abs(bound - n) <= 1e-9 * max(1e-9, abs(bound)) for n in numbers(first.value))]
    return found


def claims_are_settled(nb, name):
    green = {sentence for sentence, holds, _ in pages.claim_lines(nb) if holds}
    return [f"no stored line settles {claimed!r}" for claimed in pages.claim_sentences(nb) if claimed not in green]


def full_mnist(nb, name):
    lines = [line for cell in code_cells(nb) for o in cell["outputs"] for text in execute.texts(o)
             for line in text.splitlines() if line.startswith("digits: ")]
    return [f"the stored page must show full MNIST, not `{line}`" for line in lines if "full MNIST" not in line]


def solutions_are_checked(nb, name):
    cells, texts = code_cells(nb), dict(sources(nb))
    return [f"Cell {number} is a solution, so the next code cell must call exercises.check or exercises.predict"
            for number, cell in enumerate(cells) if "solution" in tags(cell)
            and not re.search(r"\bexercises\.(check|predict)\(", texts.get(number + 1, ""))]


def checks_name_their_answer(nb, name):
    """A check must not need the answer to exist: after a mistake in the cell above there may be no such name."""
    return [f'Cell {number} must read `name = exercises.check("name")`, its answer by name'
            for number, source in sources(nb) for call, target in calls_of(source, "check")
            if [literal.value for literal in call.args[:1] if isinstance(literal, ast.Constant)] != [target]]


def no_cell_updates_and_draws(nb, name):
    return [f"Cell {number} updates a model and draws: make two cells of it" for number, source in sources(nb)
            if re.search(UPDATES, source) and re.search(r"\bfigures\.", source)]


def nothing_forbidden(nb, name):
    return [f"Cell {number} uses {what}" for number, source in sources(nb)
            for what, pattern in FORBIDDEN.items() if re.search(pattern, source)]


RULES = [executed_and_tagged, nothing_private_or_noisy, named, alt_text, size, rhythm, prose, setup, sliders,
         claims_say_their_bounds, claims_are_settled, full_mnist, solutions_are_checked, no_cell_updates_and_draws,
         nothing_forbidden, checks_name_their_answer]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", pages.notebooks(), ids=lambda path: path.stem)
def test_house_rule(path, rule):
    found = rule(json.loads(path.read_text(encoding="utf-8")), path.stem)
    assert not found, "\n  ".join([f"{path.name}:", *found])


def test_ignored_names_only_notebooks():
    names = {path.stem for path in pages.notebooks()}
    assert not names or set(IGNORED) <= names


# A page that keeps every rule, and for each rule what breaks it.

PICTURE = new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "A line."},
                     metadata={"image/png": {"alt": "A line."}})
FOUR = "a = 1\nb = 2\nc = 3\nd = 4"
CLAIM = 'claim("falls by at least 5 % in 1,000 steps", 0.07, at_least=0.05)\n' + FOUR


def good_page():
    def cell(source, *outputs, tag=None):
        return new_code_cell(source, outputs=list(outputs), metadata={"tags": [tag]} if tag else {})
    cells = [
        cell("from utils import data, figures\n" + FOUR, new_output("stream", text="digits: full MNIST, 70,000\n")),
        cell(CLAIM, new_output("stream", text="✔ falls by at least 5 % in 1,000 steps · measured 0.07\n"), tag="claim"),
        cell("def f():\n    # BEGIN SOLUTION: say it\n    return 1\n    # END SOLUTION", tag="solution"),
        cell('f = exercises.check("f")\n' + FOUR, tag="check"),
        cell("figures.curve(draw)\n" + FOUR, copy.deepcopy(PICTURE)),
        cell("widgets.interact(draw)\n" + FOUR, tag="nbval-ignore-output"),
        cell("model.fit_ = profit(1)\nfigures.curve(1)\n" + FOUR)]
    for count, made in enumerate(cells, 1):
        made.execution_count = count
    nb = new_notebook(cells=[new_markdown_cell("# 00\n\n" + "word " * 250), *cells])
    nb.metadata["kernelspec"] = {"name": "python3"}
    return json.loads(json.dumps(nb))


def breaking(number, **changes):
    """A change of one code cell's fields; source_more is added to its source."""
    def change(nb):
        cell = code_cells(nb)[number]
        cell["source"] += changes.get("source_more", "")
        cell.update({key: value for key, value in changes.items() if key != "source_more"})
    return change


def changing(change):
    """A change of the whole page, given as an expression for its effect."""
    return lambda nb: change(nb) and None


def stream(text, name="stdout"):
    return [{"output_type": "stream", "name": name, "text": text}]


BROKEN = [
    (executed_and_tagged, breaking(0, execution_count=None)),
    (executed_and_tagged, breaking(0, metadata={"tags": ["sldier"]})),
    (nothing_private_or_noisy, breaking(4, outputs=stream("/home/ada/data\n"))),
    (nothing_private_or_noisy, breaking(4, outputs=stream("slow\n", "stderr"))),
    (named, changing(lambda nb: nb["cells"][1].update(id=nb["cells"][2]["id"]))),
    (named, changing(lambda nb: nb["metadata"].clear())),
    (alt_text, changing(lambda nb: code_cells(nb)[4]["outputs"][0]["metadata"].clear())),
    (size, breaking(4, outputs=[{"output_type": "display_data", "metadata": {"image/png": {"alt": "A line."}},
                                 "data": {"image/png": "A" * BYTES}}])),
    (rhythm, breaking(1, source_more="\ne = 5" * 21)),
    (rhythm, changing(lambda nb: [cell.update(source="a = 1") for cell in code_cells(nb)])),
    (rhythm, changing(lambda nb: [cell.update(source="a = 1" + "\n" + "a = 1\n" * 20) for cell in code_cells(nb)[5:]])),
    (prose, changing(lambda nb: nb["cells"][0].update(source="# 00\n\n$" + "x " * 300 + "$"))),
    (prose, changing(lambda nb: nb["cells"][0].update(source="# 00\n\n" + "word " * 900))),
    (setup, breaking(0, source_more="\ne = 5" * 4)),
    (sliders, breaking(5, metadata={})),
    (sliders, breaking(5, source=FOUR)),
    (sliders, breaking(4, outputs=[])),
    (sliders, breaking(6, metadata={"tags": ["nbval-ignore-output"]})),
    (claims_say_their_bounds, breaking(1, source=CLAIM.replace("0.05", "0.5"))),
    (claims_say_their_bounds, breaking(1, source=CLAIM.replace("5 %", "five per cent"))),
    (claims_say_their_bounds, breaking(1, source=CLAIM.replace('claim("', 'claim(f"'). replace("1,000", "{n}"))),
    (claims_say_their_bounds, breaking(1, source=CLAIM.replace("falls", "as measured falls"))),
    (claims_are_settled, breaking(1, outputs=stream("✔ it rises · measured 3\n"))),
    (full_mnist, breaking(0, outputs=stream("digits: offline digits, 5,000\n"))),
    (solutions_are_checked, breaking(3, source=FOUR)),
    (checks_name_their_answer, breaking(3, source="f = exercises.check(f)")),
    (checks_name_their_answer, breaking(3, source='exercises.check("f")')),
    (checks_name_their_answer, breaking(3, source='g = exercises.check("f", "g")')),
    (no_cell_updates_and_draws, breaking(4, source_more="\nloss.backward()")),
    (no_cell_updates_and_draws, breaking(4, source_more="\nfit(params, loss, batches, 3)")),
    (nothing_forbidden, breaking(0, source_more="\nimport sys; sys.path.append('..')")),
    (nothing_forbidden, breaking(0, source_more="\nplt.show()")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_page_keeps_every_rule(rule):
    assert rule(good_page(), "00-start-here") == []


@pytest.mark.parametrize("rule, change", BROKEN, ids=[rule.__name__ for rule, _ in BROKEN])
def test_a_broken_rule_is_found(rule, change):
    nb = good_page()
    change(nb)
    assert rule(nb, "00-start-here") != []


def test_every_rule_is_broken_once():
    assert {rule for rule, _ in BROKEN} == set(RULES)


def test_ignored_holds_the_number_down():
    assert sliders(good_page(), "05-ista-fista") != []


@pytest.mark.parametrize("sentence, bound", [
    ("at most 1e-6", 1e-6), ("below 10⁻⁶", 1e-6), ("at least 1,000 steps", 1000), ("within 5 %", 0.05),
    ("≥ −3.5", -3.5), ("between 1.75 and 2.1", 2.1), ("a gap of 0", 0), ("10x", 10),
])
def test_a_bound_that_is_said(sentence, bound):
    assert any(abs(bound - n) < 1e-12 for n in numbers(sentence))
