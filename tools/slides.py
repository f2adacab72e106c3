"""Divide a stored page into slides, by its own structure: authors write nothing for it.

What becomes a slide                           what stands on it
  the first cells                                title and question; goals, findings and symbols below
  a stored picture                               heading, the words before, the picture, the first words after it
  a slider                                       takes the place of the picture that its `draw` has just shown
  displayed formulas                             the words before, the formula; a passage's further formulas below
  a hole, or a function that utils holds too     its code: the page's subject, written before it is imported
  claims                                         their paragraph and their printed lines, below
  the last heading                               what we saw; the claims' list below; references are spoken

All other text goes to the speaker's notes, all other code is left out. Two things overrule that in a notebook: the
tag `no-slide`, and metadata.slideshow.slide_type: slide, subslide (below), fragment, notes, skip.
"""

import ast
import re
import textwrap
from typing import NamedTuple

from pages import claim_calls, text_of

FEWEST, MOST = 12, 25        # main slides
LINES, COLUMNS = 16, 88      # of code on one slide
LEAD, AFTER, DERIVED = 34, 34, 75  # words before and after a picture, before a formula
LIST = 105                   # words of a list on one slide
ROWS = 9                     # of a table on one slide
MARK = re.compile(r"# (BEGIN|END) SOLUTION")


class Part(NamedTuple):
    """One thing on a slide. kind: text, code, print, picture or slider; a picture's content is (data, alt)."""

    kind: str
    content: object
    fragment: bool = False
    cell: int | None = None  # the number of the code cell that it comes from


class Slide:
    """A slide: its heading, its parts, what the speaker says, and whether it stands below the one before."""

    def __init__(self, heading, below, rank=0):
        self.heading, self.below, self.rank = heading, below, rank  # the higher the rank, the sooner it moves below
        self.parts, self.notes = [], []

    def words(self):
        return sum(words(part.content) for part in self.parts if part.kind == "text")


def words(text):
    """How many words a reader meets, formulas aside."""
    return len(re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL).split())


def paragraphs(text):
    return [p.strip() for p in re.split(r"\n\s*\n", text) if p.strip()]


def passages(text):
    """[(level, heading, body)]: one Markdown cell may close a section and open the next, so it is cut at headings."""
    found, fenced = [[0, "", []]], False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        heading = re.match(r"(#{1,4}) (.*)", line)
        if heading and not fenced:
            found.append([len(heading[1]), heading[2].strip(), []])
        else:
            found[-1][2].append(line)
    those = [(level, heading, "\n".join(body).strip()) for level, heading, body in found]
    return [(level, heading, body) for level, heading, body in those if heading or body]


def sentences(paragraph):
    """The sentences of a paragraph; none ends within a formula or a code span."""
    held = re.sub(r"\$[^$]*\$|`[^`]*`", lambda m: "x" * len(m[0]), paragraph)
    cuts = [m.end() for m in re.finditer(r"(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<=[.?!])[*)]*\s+(?=[*(A-Z$`\"])", held)]
    return [paragraph[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(paragraph)], strict=True)]


def shorten(paragraph, limit, last=False):
    """As many whole sentences as fit, from the front or from the end. A list, a table, a bold start stay whole."""
    if words(paragraph) <= limit:
        return paragraph
    if re.match(r"[-|>]|\d+\. ", paragraph):
        return ""
    kept, those = [], sentences(paragraph)
    for sentence in reversed(those) if last else those:
        if sum(map(words, kept)) + words(sentence) > limit:
            break
        kept.insert(0, sentence) if last else kept.append(sentence)
    text = " ".join(kept)
    return text if text.count("**") % 2 == 0 else ""


def chunks(body, limit=LIST):
    """A list, cut between its points into parts of about `limit` words; a table into parts of ROWS, with its head."""
    blocks = []
    for block in paragraphs(body):
        if block.startswith("|"):
            head, rows = block.splitlines()[:2], block.splitlines()[2:]
            blocks += ["\n".join([*head, *rows[i:i + ROWS]]) for i in range(0, len(rows), ROWS)]
        else:
            blocks += [b for b in re.split(r"\n(?=- |\d+\. )", block) if b.strip()]
    # as many slides as the limit asks for, about equally full
    total = sum(words(b) for b in blocks if not b.startswith("|"))
    share = total / max(1, -(-total // limit))
    found, size = [[]], 0.0
    for block in blocks:
        table, weight = block.startswith("|"), words(block)
        if found[-1] and (table or size + weight / 2 > share):
            found, size = [*found, []], 0.0
        found[-1].append(block)
        size += limit if table else weight
    return ["\n\n".join(part) for part in found if part]


def narrow(line):
    """A line of code as a slide has room for it: long docstrings go on below, a comment at the end stands above."""
    start = line[:len(line) - len(line.lstrip())]
    if len(line) <= COLUMNS:
        return [line]
    if line.lstrip().startswith('"""'):
        said, dot, shapes = line.partition(".   ")
        parts = [said + ".", shapes] if dot else [line]
        return [row for part in parts for row in textwrap.wrap(part.strip(), COLUMNS, initial_indent=start,
                                                                subsequent_indent=start)]
    code, mark, comment = line.rpartition("  # ")
    return [f"{start}# {comment}", code.rstrip()] if mark else [line]


def pictures(cell):
    """[(base64 PNG, alt text)] that a code cell has stored."""
    outputs = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    alts = [o.get("metadata", {}).get("image/png", {}).get("alt", "") for o in outputs]
    return [("".join(o["data"]["image/png"]).replace("\n", ""), alt) for o, alt in zip(outputs, alts, strict=True)]


def printed(cell):
    return "".join("".join(o.get("text", "")) for o in cell.get("outputs", [])).strip()


def functions(source):
    """Names of the functions at the top of a cell; none where it is no plain Python."""
    try:
        return {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    except SyntaxError:
        return set()


def drawn_by(source):
    """The function that a slider cell moves."""
    found = re.search(r"interact\(\s*(\w+)", source)
    return found[1] if found else ""


class Deck:
    """Reads a page cell by cell and holds the slides so far."""

    def __init__(self, house):
        self.slides, self.waiting, self.house = [], [], house
        self.title = self.section = self.heading = ""
        self.at = None          # the number of the cell that is read
        self.drew = None        # (slide, function) whose picture a slider may take over
        self.after = False      # the next words follow a picture

    def begin(self, below=False, rank=0, heading=None):
        slide = Slide(heading or self.heading or self.title, below and bool(self.slides), rank)
        slide.notes, self.waiting = self.waiting, []
        self.slides.append(slide)
        return slide

    def text(self, slide, text, fragment=False):
        if text.strip():
            slide.parts.append(Part("text", text.strip(), fragment))

    def put(self, slide, kind, content):
        slide.parts.append(Part(kind, content, cell=self.at))

    def flush(self):
        if self.slides:
            self.slides[-1].notes += self.waiting
            self.waiting = []

    def lead(self, limit=LEAD):
        """The words before a picture: the paragraph that waits, or the last sentences of it."""
        for paragraph in reversed(self.waiting[-1:]):
            if not re.match(r"\*\*(Exercise|C\d)", paragraph) and "$$" not in paragraph:
                short = shorten(paragraph, limit, last=True)
                if short == paragraph:
                    self.waiting.pop()
                return short
        return ""

    def markdown(self, cell):
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "")
        source = re.sub(r"<!-- nav:begin -->.*?<!-- nav:end -->|<!--.*?-->|<details>.*?</details>", "", text_of(cell),
                        flags=re.DOTALL)
        if kind == "notes":
            self.waiting += paragraphs(source)
        elif kind == "fragment" and self.slides:
            self.text(self.slides[-1], source, fragment=True)
        elif kind in ("slide", "subslide"):
            for _, heading, body in passages(source):
                self.heading = heading or self.heading
                self.flush()
                self.text(self.begin(below=kind == "subslide"), body)
        elif kind != "skip":
            for passage in passages(source):
                self.passage(*passage)

    def passage(self, level, heading, body):
        if heading:
            self.flush()
            self.heading = re.sub(r"\s*\(deeper[^)]*\)$", "", heading)
            self.drew, self.after = None, False
            self.section = heading if level <= 2 else self.section
            self.title = heading if level == 1 else self.title
        if level == 1:
            self.waiting += paragraphs(body)
        elif self.section == "The question":
            self.question(body)
        elif self.section in ("Symbols", "All claims", "Claims, settled") \
                and re.search(r"^(\||- \*\*C1\.)", body, re.M):
            listed = [p for p in paragraphs(body) if p.startswith(("|", "- "))]
            self.listed("\n\n".join(listed))
            self.slides[-1].notes += [p for p in paragraphs(body) if p not in listed]
        elif self.section.startswith("What ") and self.section.endswith((" saw", " showed")):
            shown, _, references = body.partition("**References.**")
            shown, found, claims = shown.partition("**All claims**")
            self.listed(shown, main=True)
            if found:
                self.listed(claims, heading="All claims")
            self.slides[-1].notes += paragraphs("References. " + references) if references else []
        elif self.section != "Exercises":
            self.prose(paragraphs(body))

    def question(self, body):
        head, *rest = re.split(r"\n(?=\*\*(?:After this page|What |Claims))", "\n" + body)
        self.text(self.begin(heading=self.title), shorten(" ".join(head.split()), 60) or head)
        for part in rest:
            goals, points = part.startswith("**After"), re.search(r"^(?:-|\d+\.) ", part, re.M)
            shown = part[points.start():] if points else part.split("**", 2)[-1].strip(" :.\n") if goals else ""
            listed = paragraphs(shown)[:1] if goals else [p for p in paragraphs(shown) if re.match(r"-|\d+\. ", p)]
            if listed:
                self.listed("\n\n".join(listed), heading="After this page you can" if goals else "What we find")
            self.slides[-1].notes += [p for p in paragraphs(part if not listed else shown) if p not in listed]

    def listed(self, body, main=False, heading=None):
        for i, part in enumerate(chunks(body)):
            self.text(self.begin(below=not main or i > 0, rank=0, heading=heading), part)

    def prose(self, those):
        """Text between two cells: what follows a picture, then its formulas; the rest waits for the next slide."""
        if self.after and those and not re.match(r"\*\*(Exercise|C\d)", those[0]) and "$$" not in those[0]:
            said = any(part.fragment for part in self.slides[-1].parts)  # one such paragraph a picture
            short = "" if said else shorten(those[0], AFTER)
            self.text(self.slides[-1], short, fragment=True)
            self.slides[-1].notes += [] if short == those[0] else [those[0]]
            those = those[1:]
        self.after, first = False, True
        for paragraph in those:
            if "$$" not in paragraph:
                self.waiting.append(paragraph)
                continue
            before, formula, behind = re.fullmatch(r"(.*?)(\$\$.*\$\$)(.*)", paragraph, re.DOTALL).groups()
            if before.strip():
                self.waiting.append(before.strip())
            lead = self.lead(DERIVED)
            slide = self.begin(below=not first, rank=2)
            self.text(slide, lead)
            self.text(slide, formula)
            self.text(slide, shorten(behind.strip(), 40))
            first = False

    def code(self, cell):
        tags, source = cell["metadata"].get("tags", []), text_of(cell)
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "")
        plain = "\n".join(line for line in source.splitlines() if not MARK.search(line)).strip()
        images = pictures(cell)
        exercise = self.section == "Exercises" and not claim_calls(source)
        if "no-slide" in tags or kind in ("skip", "notes") or (exercise and not kind):
            self.after = False
            return
        if "slider" in tags:
            self.slider(drawn_by(source))
        elif images:
            for i, image in enumerate(images):
                lead = self.lead() if i == 0 else ""
                slide = self.begin(below=kind == "subslide" or i > 0, rank=1)
                self.text(slide, lead)
                self.put(slide, "picture", image)
            last = re.fullmatch(r"(\w+)\(.*\)", source.strip().splitlines()[-1])
            self.drew, self.after = (slide, last[1] if last else ""), True
        elif kind in ("slide", "subslide"):
            self.put(self.begin(below=kind == "subslide"), "code", plain)
            if printed(cell):
                self.put(self.slides[-1], "print", printed(cell))
        elif taught := self.taught(tags, source):
            plain = taught
            last = self.slides[-1] if self.slides else None
            joins = last and last.rank == 2 and last.heading == self.heading and len(plain.splitlines()) <= 8 \
                and last.words() <= 45 and len(last.parts) <= 3 and last.parts[-1].kind == "text" \
                and sum(p.content.count("$$") + 2 * p.content.count("\\\\") for p in last.parts) <= 4
            if joins:
                self.flush()
            else:
                below = bool(last) and last.heading == self.heading and last.rank >= 2
                lead = self.lead()
                last = self.begin(below=below, rank=3)
                self.text(last, lead)
            self.put(last, "code", plain)
        if claim_calls(source) and printed(cell):
            self.claim(cell)

    def taught(self, tags, source):
        """The code that a slide shows of a cell: its hole, or functions that utils holds too; "" if too long."""
        names = functions(source) if "solution" in tags else functions(source) & self.house
        lines = source.splitlines()
        defs = [n for n in ast.parse(source).body if getattr(n, "name", None) in names] if names else []
        shown = [line for n in defs for line in [*lines[n.lineno - 1:n.end_lineno], "", ""]]
        shown = [line for line in shown if not MARK.search(line)]
        narrowed = [part for line in shown for part in narrow(line)]
        fits = len(shown) - 2 <= LINES and all(len(line) <= COLUMNS + 24 for line in narrowed)
        return "\n".join(narrowed).strip() if fits else ""

    def slider(self, draw):
        """A slider takes over the picture that its function has just drawn."""
        slide, name = self.drew or (None, "")
        if slide is None or name != draw:
            lead = self.lead()
            slide = self.begin(rank=1)
            self.text(slide, lead)
            self.put(slide, "slider", (draw, None))
        else:
            at = next(i for i, part in enumerate(slide.parts) if part.kind == "picture")
            slide.parts[at] = Part("slider", (draw, slide.parts[at].content), cell=self.at)
            self.flush()
        self.drew = None
        self.after = self.slides[-1] is slide

    def claim(self, cell):
        named = [p for p in self.waiting if re.match(r"\*\*C\d+", p)][-1:]
        lines = [line for line in printed(cell).splitlines() if line[:1] in "✔✘"]
        for i in range(0, len(lines), 4):
            slide = self.begin(below=True)
            if named and i == 0:
                self.text(slide, shorten(named[0], 50))
            self.put(slide, "print", "\n".join(lines[i:i + 4]))
        self.after = False

    def balance(self):
        """Few enough main slides for one lecture, and enough: code, then formulas move below, last ones first."""
        for rank in (3, 2, 1):
            for slide in reversed(self.slides[1:]):
                if sum(not s.below for s in self.slides) > MOST and slide.rank == rank and not slide.below:
                    slide.below = True
        for slide in self.slides[1:]:
            if sum(not s.below for s in self.slides) < FEWEST:
                slide.below = False


def derive(nb, house=frozenset()):
    """The slides of a page (a dict). house: names of the functions that utils holds as well."""
    deck = Deck(house)
    for deck.at, cell in enumerate(nb["cells"]):
        if cell["cell_type"] == "markdown" and "no-slide" not in cell["metadata"].get("tags", []):
            deck.markdown(cell)
        elif cell["cell_type"] == "code":
            deck.code(cell)
    deck.flush()
    deck.slides = [slide for slide in deck.slides if slide.parts]
    deck.balance()
    return deck.slides


def house_names(folder):
    """Names of all functions in utils/, so that a page's own version of one counts as its subject."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py")))
    return {n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
