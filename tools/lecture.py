"""LECTURE.md: what week 8 says, statement by statement, with a verdict and the claims that it leans on.

Written by tools/contents.py from ledger/lecture.toml, which people edit, and the stored notebooks.
"""

import re
import tomllib
from typing import NamedTuple

from pages import claim_sentences, table, text_of

FILE = "ledger/lecture.toml"
VERDICTS = {"holds": ".", "holds if": "", "does not hold": ":", "not tested": ":"}  # and how a note goes on
ID = r"(?:[AB]\d\.\d+|P\d+)"
# an id in the text of a page, outside of links, formulas and code
CITED = re.compile(rf"(\[[^\]]*\]\([^)]*\)|\$[^$]*\$|`[^`]*`|<[^>]*>)|(?<![\w.#/-])({ID})(?![\w.]*\w)")


class Claim(NamedTuple):
    """A claim of a page as rows point at it."""

    number: str
    place: int  # on the page, from 1, as in CLAIMS.md
    sentence: str
    holds: bool
    measured: str

    @property
    def link(self):
        return f"CLAIMS.md#c{self.number}-{self.place}"


def load(root):
    """The data file as a dict with part, statement and finding; None when there is none."""
    file = root / FILE
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def claims_of(books, pages):
    """{page's number: [Claim]} of the stored pages."""
    found = {}
    for book, nb in zip(books, pages, strict=True):
        stored = {sentence: (holds, measured) for sentence, holds, measured in book.claims}
        found[book.number] = [Claim(book.number, place, sentence, *stored.get(sentence, (False, "nothing")))
                              for place, sentence in enumerate(claim_sentences(nb), 1)]
    return found


def aimed(reference, claims):
    """The one claim that '02: beginning' means. Raises ValueError when there is none, or more than one."""
    number, _, beginning = reference.partition(": ")
    found = [claim for claim in claims.get(number, []) if claim.sentence.startswith(beginning)]
    if len(found) != 1 or not beginning:
        raise ValueError(f"{len(found)} claims of page {number} begin with {beginning!r}, should be 1")
    return found[0]


def cited(pages):
    """{id: numbers of the pages whose text cites it}. pages: {number: the notebook as a dict}."""
    found = {}
    for number, nb in pages.items():
        for cell in nb["cells"]:
            if cell["cell_type"] == "markdown":
                text = re.sub(rf"\[({ID})\]\(\S*LECTURE\.md#\S*\)", r"\1", text_of(cell))
                for match in CITED.finditer(text):
                    if match[2]:
                        found.setdefault(match[2], set()).add(number)
    return found


def problems(lecture, claims, cites):
    """Sentences that say where data file and pages contradict each other; [] when all is well."""
    found, seen = [], set()
    parts = [part["id"] for part in lecture["part"]]
    for one in lecture["statement"]:
        name, verdict, note = one["id"], one["verdict"], one.get("note", "")
        if name in seen:
            found.append(f"{name} stands there twice")
        seen.add(name)
        if part_of(name) not in parts:
            found.append(f"{name} belongs to no part")
        if verdict not in VERDICTS:
            found.append(f"{name}: {verdict!r} is none of the verdicts {', '.join(VERDICTS)}")
        if verdict != "holds" and not note:
            found.append(f"{name}: {verdict!r} needs a note that says {'why' if verdict == 'not tested' else 'what'}")
        if (verdict == "not tested") == bool(one["claims"]):
            found.append(f"{name}: {verdict!r} {'leans on claims' if one['claims'] else 'leans on no claim'}")
        if one["notebook"] not in cites.get(name, ()):
            found.append(f"{name} is not cited by notebook {one['notebook']}")
        found += [f"{name}: {problem}" for problem in missing([*one["claims"], *slots(note)], claims)]
    for one in lecture["finding"]:
        name = f"the finding {one['text'][:40]!r}…"
        found += [f"{name}: {problem}" for problem in missing(slots(one["text"]), claims)]
        found += [f"{name}: there is no statement {each}" for each in one["ids"] if each not in seen]
    return found + [f"{name} is cited by notebook {', '.join(sorted(numbers))}, but is no statement"
                    for name, numbers in cites.items() if name not in seen]


def missing(references, claims):
    """What is wrong with these references: no such claim, or one that the stored page does not settle."""
    found = []
    for reference in references:
        try:
            claim = aimed(reference, claims)
        except ValueError as error:
            found.append(str(error))
            continue
        if not claim.holds:
            found.append(f"the claim {claim.sentence!r} does not hold on the stored page {claim.number}")
    return found


def slots(text):
    """The references that stand in braces for what was measured."""
    return re.findall(r"\{(\d\d: [^}]*)\}", text)


def filled(text, claims):
    """The text with every {page: beginning} replaced by what that claim measured, as a link to it."""
    def measured(match):
        try:
            claim = aimed(match[1], claims)
        except ValueError:
            return "(missing)"  # told by problems()
        return f"[{claim.measured}]({claim.link})"
    return re.sub(r"\{(\d\d: [^}]*)\}", measured, text)


def part_of(name):
    return name.split(".")[0] if "." in name else "P"


def evidence(one, claims):
    """The claims of a statement, each with what was measured and a link."""
    texts = []
    for reference in one["claims"]:
        try:
            claim = aimed(reference, claims)
        except ValueError:
            texts.append("(missing)")
            continue
        texts.append(f"{claim.sentence} · {claim.measured} ([{claim.number}]({claim.link}))")
    return "<br>".join(texts) or "–"


def finding_lines(lecture, claims):
    """The findings as a numbered list, each with links to its statements."""
    rows = [" · ".join(f"[{name}](LECTURE.md#{name})" for name in one["ids"]) for one in lecture["finding"]]
    return "\n".join(f"{number}. {filled(one['text'], claims)} ({row})"
                     for number, (one, row) in enumerate(zip(lecture["finding"], rows, strict=True), 1))


def counts(lecture):
    """{verdict: how many statements have it}."""
    return {verdict: sum(one["verdict"] == verdict for one in lecture["statement"]) for verdict in VERDICTS}


def summary(lecture):
    """README's sentence: how many statements hold, and how many do not."""
    found = counts(lecture)
    return (f"Of {sum(found.values())} statements of the lectures and the practicum {found['holds']} hold, "
            f"{found['holds if']} hold under a condition, {found['does not hold']} do not hold, and "
            f"{found['not tested']} are not tested: [LECTURE.md](LECTURE.md) goes through them, with the claims that "
            "each verdict leans on.")


def page(lecture, claims, books):
    """LECTURE.md."""
    count = counts(lecture)
    names = {book.number: book.name for book in books}
    text = [
        "# What week 8 says, statement by statement",
        "Generated by `make generate` from `ledger/lecture.toml` and the stored notebooks. What the two lectures and "
        "the practicum of week 8 say, in our words, and what was measured: values of the stored pages, one run each; "
        "[CLAIMS.md](CLAIMS.md) says how they spread over seeds. The ids are those that the notebooks cite.",
        table(["verdict", "statements"], [[f"**{name}**", str(count[name])] for name in VERDICTS]
              + [["all", str(sum(count.values()))]]),
        "## Ten findings against the lecture, or against what is commonly taught", finding_lines(lecture, claims),
    ]
    for part in lecture["part"]:
        mine = [one for one in lecture["statement"] if part_of(one["id"]) == part["id"]]
        rows = []
        for one in mine:
            note = filled(one.get("note", ""), claims)
            verdict = f"**{one['verdict']}**" + (f"{VERDICTS[one['verdict']]} {note}" if note else "")
            rows.append([f'<a id="{one["id"]}"></a>{one["id"]}', one["says"], one.get("where", part["where"]), verdict,
                         evidence(one, claims), f"[{one['notebook']}](notebooks/{names.get(one['notebook'], '')})"])
        text += [f"## {part['id']} · {part['title']}", f"[Video]({part['video']}), {part['where']}.",
                 table(["id", "week 8 says", "where", "verdict", "measured", "page"], rows)]
    return "\n\n".join(text) + "\n"


def linked(text):
    """A page's Markdown with every id that it cites as a link to its row; a second time changes nothing."""
    return CITED.sub(lambda match: match[1] or f"[{match[2]}](../LECTURE.md#{match[2]})", text)
