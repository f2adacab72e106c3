"""CLAIMS.md: every claim with its bound, its range over seeds on both sources, and how far the worst run is from it.

Written by tools/contents.py from the ledger (ledger/seeds.jsonl) and the notebooks.
"""

import statistics
from math import inf, isfinite, log
from typing import NamedTuple

import records
from mutants import table as mistakes
from pages import claim_bounds, table
from seeds import SOURCES, numbers, sources_for

ENOUGH = 5  # runs on each source, before a spread is worth its name
FAR = 20  # spreads between a bound and the worst run, where only a planted mistake shows that the bound is needed
TOLERANCE = 1e-4  # a bound this small allows for rounding where a theorem says 0, and is no matter of luck


class Row(NamedTuple):
    """One claim. measured: {source: [the claim of each run]}; margin: None for too few runs, or for no number."""

    number: str  # of the notebook
    place: int  # on the page, from 1
    sentence: str
    bound: str
    stored: str  # what the stored page measured
    measured: dict
    margin: float | None
    tolerance: bool  # whether the bounds allow for rounding alone

    @property
    def anchor(self):
        return f"c{self.number}-{self.place}"

    @property
    def failed(self):
        return sum(not claim["held"] for claims in self.measured.values() for claim in claims)


def show(number):
    """A number of a table, four digits."""
    return f"{number:,.0f}" if 1e4 <= abs(number) < 1e5 else f"{number:.4g}"


def bound_of(low, high):
    """'≥ 5', '≤ 0.1', '0.85 to 1.3', or 'true'; a bound that the page computes stands as its name."""
    low, high = (bound if bound is None or isinstance(bound, str) else show(bound) for bound in (low, high))
    if low is None and high is None:
        return "true"
    return f"{low} to {high}" if None not in (low, high) else f"≥ {low}" if high is None else f"≤ {high}"


def margin_on(claims):
    """Distance of the worst run from the nearer bound, in standard deviations over the runs; None without a number.

    Where all is positive and runs and bound differ more than tenfold, both are taken of logarithms: the spread would be
    that of the largest run alone.
    """
    margins = []
    for end, sign, pick in (("at_least", 1, min), ("at_most", -1, max)):
        pairs = [(float(pick(numbers([c["value"]]))), float(c[end])) for c in claims
                 if numbers([c["value"]]) and c[end] is not None and not isinstance(c[end], str)]
        pairs = [(value, bound) for value, bound in pairs if isfinite(value)]
        if len(pairs) >= ENOUGH:
            if 0 < 10 * min(map(min, pairs)) < max(map(max, pairs)):
                pairs = [(log(value), log(bound)) for value, bound in pairs]
            spread = statistics.stdev(value for value, _ in pairs)
            worst = min(sign * (value - bound) for value, bound in pairs)
            if all(claim["held"] for claim in claims):
                worst = max(worst, 0.0)  # the ledger rounds
            margins.append(worst / spread if spread else inf if worst >= 0 else -inf)
    return min(margins, default=None)


def margin_of(measured, sources):
    """The smaller of the margins on the page's sources; None unless each has enough runs."""
    if any(len(measured.get(source, [])) < ENOUGH for source in sources):
        return None
    margins = [margin_on(measured[source]) for source in sources]
    return None if None in margins else min(margins)


def rows_of(book, nb, runs):
    """The rows of a page: its claims in their order, with what its runs measured."""
    sources = sources_for(nb, ["mnist", "offline"])
    stored = {sentence: measured for sentence, _, measured in book.claims}
    rows = []
    for place, (sentence, low, high) in enumerate(claim_bounds(nb), 1):
        measured = {source: [claim for run in runs if run["source"] == source for claim in run["claims"]
                             if claim["sentence"] == sentence] for source in sources}
        said = dict.fromkeys(bound_of(c["at_least"], c["at_most"]) for claims in measured.values() for c in claims
                             if c["value"] is not None)
        bound = " · ".join(said) if said else bound_of(low, high)
        rounding = all(isinstance(b, (int, float)) and 0 < abs(b) <= TOLERANCE for b in (low, high) if b is not None)
        rows.append(Row(book.number, place, sentence, bound, stored.get(sentence, "–"), measured,
                        margin_of(measured, sources), rounding))
    return rows


def range_of(claims):
    """'0.81 to 0.93, median 0.88' of what the runs measured; '–' of none; how many said yes of what is no number."""
    found = numbers([claim["value"] for claim in claims])
    if found:
        low, middle, high = (show(f(found)) for f in (min, statistics.median, max))
        return low if low == high else f"{low} to {high}, median {middle}"
    return f"yes, {sum(bool(claim['value']) for claim in claims)} of {len(claims)}" if claims else "–"


def margin_text(margin):
    if margin is None:
        return "–"
    return "no spread" if not isfinite(margin) else "over 100" if margin > 100 else f"{margin:.1f}"


def runs_text(row):
    """'20 + 20', and the runs that did not hold."""
    counts = " + ".join(str(len(claims)) for claims in row.measured.values())
    return f"{counts}, **{row.failed} ✘**" if row.failed else counts


def section(book, rows):
    """One page: how many runs stand behind it, and its claims."""
    sources = list(rows[0].measured) if rows else []
    counts = {source: max(len(row.measured[source]) for row in rows) for source in sources}
    names = {source: "seeds" if source == "none" else SOURCES[source] for source in sources}
    head = [f"## {book.number} · {book.title}", f"[The notebook](notebooks/{book.name}). " + (
        "Not yet run for several seeds as it is now: what stands here is the stored page's one run."
        if not any(counts.values()) else
        "Runs: " + ", ".join(f"{n} on {SOURCES[source]}" if source != "none" else f"{n}, the page uses no digits"
                             for source, n in counts.items()) + ".")]
    if not any(counts.values()):
        body = table(["claim", "bound", "stored page"], [[named(row), row.bound, row.stored] for row in rows])
    else:
        body = table(["claim", "bound", *names.values(), "runs", "margin"],
                     [[named(row), row.bound, *map(range_of, row.measured.values()), runs_text(row),
                       margin_text(row.margin)] for row in rows])
    return "\n\n".join([*head, body])


def named(row):
    """The sentence, with the place that links lead to."""
    return f'<a id="{row.anchor}"></a>{row.sentence}'


def link(row, folder=""):
    return f"[{row.number}, claim {row.place}]({folder}CLAIMS.md#{row.anchor})"


def thinnest(rows, count=10):
    """The claims whose worst run is nearest to the bound, in spreads; those that failed whatever they allow for."""
    found = [row for row in rows if row.margin is not None and isfinite(row.margin)
             and (row.failed or not row.tolerance)]
    return sorted(found, key=lambda row: (row.margin, row.anchor))[:count]


def untouched(books, rows, root):
    """Claims with a bound far from every run, at which no planted mistake is aimed."""
    aims = {book.number: [beginning for run in mistakes(root / "notebooks" / book.name, root) for mistake in run
                          for beginning in mistake["red"]] for book in books}
    return [row for row in rows if row.margin is not None and row.margin > FAR
            and not row.sentence.startswith(tuple(aims[row.number]))]


def page(books, pages, root):
    """CLAIMS.md. books: [Book]; pages: their notebooks as dicts."""
    runs = records.read(root / "ledger/seeds.jsonl")
    current = [[run for run in runs if run["page"] == book.name and run["version"] == records.version(nb)]
               for book, nb in zip(books, pages, strict=True)]
    sections = [rows_of(*each) for each in zip(books, pages, current, strict=True)]
    rows = [row for found in sections for row in found]
    overview, count = [], sum(map(len, current))
    for book, nb, found, mine in zip(books, pages, sections, current, strict=True):
        sources = sources_for(nb, ["mnist", "offline"])
        per = [str(sum(run["source"] == source for run in mine)) for source in sources]
        overview.append([f"[{book.number} {book.title}](#{slug(f'{book.number} · {book.title}')})", str(len(found)),
                         *(per if len(per) == 2 else [*per, "uses no digits"]), str(sum(row.failed for row in found))])
    old = len(runs) - count
    failed = sum(row.failed for row in rows)
    devices = sorted({run["on"] for run in runs})
    text = [
        "# What the course claims, and how sure we are",
        "Generated by `make generate` from the ledger (`ledger/seeds.jsonl`, written by `make seeds`) and the "
        "notebooks. "
        f"{len(rows)} claims, {count} runs of a whole notebook, {failed} times a claim that did not hold.",
        "A run is a notebook with a seed and a source of digits: full MNIST, or the 5,000 digits that come with the "
        "clone. A claim's *margin* is the distance of its worst run from the bound, divided by the standard deviation "
        "over the runs, on the source where that is less. Logarithms are taken where runs and bound differ more than "
        f"tenfold. The margin is told once each source has at least {ENOUGH} runs. *No spread*: what faces the bound"
        " is the same in all runs.",
        table(["notebook", "claims", "runs, full MNIST", "runs, offline digits", "failed"], overview),
    ]
    if old:
        text.append(f"{old} runs of the ledger are of older versions of these pages and are not counted.")
    if devices:
        text.append("Run on: " + "; ".join(devices) + ".")
    thin, far = thinnest(rows), untouched(books, rows, root)
    text += ["## The ten thinnest margins",
             "Bounds that allow for rounding alone (up to 1e-4, where a theorem says 0) are left out.", table(
        ["claim", "bound", "margin", "runs", "where"],
        [[row.sentence, row.bound, margin_text(row.margin), runs_text(row), link(row)] for row in thin])
        if thin else f"No claim has {ENOUGH} runs on each source yet."]
    if far:
        text += ["## Bounds that nothing has come near",
                 f"More than {FAR} spreads from the worst run, and no planted mistake (`tests/mutants/`) aims at them.",
                 table(["claim", "bound", "margin", "where"],
                       [[row.sentence, row.bound, margin_text(row.margin), link(row)] for row in far])]
    text += [section(*each) for each in zip(books, sections, strict=True)]
    return "\n\n".join(text) + "\n"


def slug(heading):
    """The anchor that GitHub gives a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
