"""TEACHING.md, page by page for whoever gives the course, and the plans of sessions in INSTRUCTORS.md.

Written by tools/contents.py from ledger/teaching.toml, which people edit, the stored notebooks, and the mistakes that
the checks of utils/exercises know.
"""

import ast
import re
import tomllib
from typing import NamedTuple

import lecture
from pages import table, text_of

FILE = "ledger/teaching.toml"
SESSION = 90  # minutes
EXERCISE = re.compile(r"\*\*Exercise (\d+)(?:, ([A-Za-z ]+))?\*\* \((\d+) minutes?\)")
GOALS = re.compile(r"\*{0,2}After this page you can\*{0,2}(.*?)(?=\n\n(?!\d)|\Z)", re.DOTALL)


class Exercise(NamedTuple):
    """An exercise as the page has it. name: of the check's function, "" without one; truth: what a guess was met by."""

    number: int
    kind: str  # Do, Predict, spot the bug, "" for one without a check
    minutes: int
    name: str
    truth: str


def load(root):
    """The data file as a dict with page and plan; None when there is none."""
    file = root / FILE
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def checked(source):
    """The exercise's name in `f = exercises.check("f")` or `f = exercises.check("f", "name")`; "" without a call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "check" and node.args:
            return getattr(node.args[-1], "value", getattr(node.args[-1], "id", ""))
    return ""


def exercises_of(nb):
    """[Exercise] of a notebook (a dict), by their numbers: the text that sets one, then the cell that checks it."""
    found, open_ = [], None
    for cell in nb["cells"]:
        source, tags = text_of(cell), cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            for match in EXERCISE.finditer(source):
                open_ = Exercise(int(match[1]), match[2] or "", int(match[3]), "", "")
                found.append(open_)
        elif open_ and "check" in tags and "exercises.check(" in source:
            found[-1] = open_._replace(name=checked(source))
            open_ = None
        elif open_ and "predict" in tags:
            printed = "".join("".join(o.get("text", "")) for o in cell["outputs"])
            truth = re.search(r" · measured (\S+), guessed", printed)
            found[-1] = open_._replace(truth=truth[1] if truth else "")
            open_ = None
    return sorted(found)


def goals_of(nb):
    """What the head of a page says that one can do after it, as one line; "" when it says nothing."""
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            break
        match = GOALS.search(text_of(cell))
        if match:
            lines = [re.sub(r"^\d+\. ", "", line) for line in match[1].split("\n")]
            return " ".join(" ".join(lines).split())
    return ""


def figures_of(nb):
    """[(section, alt text)] of the pictures of a page, without those of its sliders."""
    section, found = "", []
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            titles = re.findall(r"^#{1,3} (.+)$", text_of(cell), re.MULTILINE)
            section = titles[-1] if titles else section
        elif "slider" not in cell["metadata"].get("tags", []):
            found += [(section, "".join(o["data"].get("text/plain", "")))
                      for o in cell["outputs"] if "image/png" in o.get("data", {})]
    return found


def figure(one, nb):
    """The one figure of a page: (section, alt text). Raises ValueError unless its beginning fits exactly one."""
    found = [pair for pair in figures_of(nb) if pair[1].startswith(one["figure"])]
    if len(found) != 1:
        raise ValueError(f"{len(found)} figures begin with {one['figure']!r}, should be 1")
    return found[0]


def shown(one, notebooks):
    """As figure(), with "(missing)" where there is no such figure, which problems() tells."""
    try:
        return figure(one, notebooks[one["notebook"]])
    except ValueError:
        return "(missing)", "(missing)"


def mistakes():
    """{exercise's name: the wrong answers that its check knows, as it tells them}."""
    from utils.exercises import EXERCISES  # torch, which tools need nowhere else

    return {name: [*exercise.mistakes, *exercise.properties] for name, exercise in EXERCISES.items()}


def problems(said, claims, notebooks):
    """Sentences that say where the data file and the pages contradict each other; [] when all is well.

    claims: {page's number: [Claim]}; notebooks: {page's number: the notebook as a dict}.
    """
    found, numbers = [], [one["notebook"] for one in said["page"]]
    if numbers != sorted(notebooks):
        found.append(f"{FILE} speaks of the pages {', '.join(numbers)}, there are {', '.join(sorted(notebooks))}")
    for one in said["page"]:
        name, nb = one["notebook"], notebooks.get(one["notebook"])
        if nb is None:
            continue
        try:
            figure(one, nb)
        except ValueError as error:
            found.append(f"teaching {name}: {error}")
        slots = lecture.slots(one["answer"])
        if not slots:
            found.append(f"teaching {name}: the answer leans on no claim")
        found += [f"teaching {name}: {text}" for text in lecture.missing([*slots, *one.get("claims", [])], claims)]
        if one["exercise"] not in [each.number for each in exercises_of(nb)]:
            found.append(f"teaching {name}: the page has no Exercise {one['exercise']}")
        if bool(goals_of(nb)) == ("goals" in one):
            found.append(f"teaching {name}: " + ("the page's head says what one can do after it: delete `goals`"
                                                 if "goals" in one else "neither head nor data file has goals"))
    minutes = {one["notebook"]: one["minutes"] for one in said["page"]}
    for plan in said["plan"]:
        for session in plan["sessions"]:
            found += [f"the plan {plan['title']!r}: there is no page {number}" for number in session
                      if number not in minutes or number not in notebooks]
            total = sum(minutes.get(number, 0) for number in session)
            if total > SESSION:
                found.append(f"the plan {plan['title']!r}: {' + '.join(session)} takes {total} minutes of {SESSION}")
    return found


def sessions(said, books, notebooks):
    """The plans for INSTRUCTORS.md: the first as a table, with what to show and what to leave out, the others short."""
    titles, pages_ = {book.number: book.title for book in books}, {one["notebook"]: one for one in said["page"]}
    text = []
    for plan in said["plan"]:
        known = [[pages_[n] for n in session if n in pages_ and n in notebooks] for session in plan["sessions"]]
        totals = [sum(one["minutes"] for one in session) for session in known]
        links = [[f"[{one['notebook']} {titles[one['notebook']]}](TEACHING.md#p{one['notebook']})" for one in session]
                 for session in known]
        text.append(f"**{plan['title']}.** {plan['note']}")
        if plan is said["plan"][0]:
            text.append(table(["session", "page", "show, under", "leave out", "min"], [
                [str(place), name, f"*{shown(one, notebooks)[0]}*", one["skip"], str(one["minutes"])]
                for place, (session, names) in enumerate(zip(known, links, strict=True), 1)
                for one, name in zip(session, names, strict=True)]))
        else:
            text.append("\n".join(f"{place}. {' and '.join(names)}: {total} min"
                                  for place, (names, total) in enumerate(zip(links, totals, strict=True), 1)))
    return "\n\n".join(text)


def folded(summary, lines):
    return "\n".join([f"<details><summary>{summary}</summary>", "", *(f"- {line}" for line in lines), "", "</details>"])


def exercise_lines(exercises, wrong):
    """The exercises of a page, each with its wrong answers or the number that it asks for."""
    text = []
    for one in exercises:
        head = f"**Exercise {one.number}**{f', {one.kind}' if one.kind else ''} ({one.minutes} min)"
        if one.name:
            known = wrong[one.name]
            text += [f"{head}: `{one.name}`.", folded(f"{len(known)} wrong answers that its check knows", known)]
        else:
            text.append(f"{head}: " + (f"the stored page measured {one.truth}." if one.truth else "without a check."))
    return text


def page(said, claims, books, notebooks, wrong=None):
    """TEACHING.md. notebooks: {page's number: the notebook as a dict}; wrong: as mistakes() gives it."""
    wrong, by_number = mistakes() if wrong is None else wrong, {book.number: book for book in books}
    text = [
        "# Teaching it, page by page",
        "Generated by `make generate` from `ledger/teaching.toml`, the stored notebooks, and the mistakes that the "
        "checks in `utils/exercises` know. [INSTRUCTORS.md](INSTRUCTORS.md) has the plans of sessions. Numbers are "
        "those of the stored pages and lead to their claims. Minutes live are a plan: talk, the question with a show "
        "of hands, and one exercise.",
    ]
    for one in (one for one in said["page"] if one["notebook"] in notebooks):
        book, nb = by_number[one["notebook"]], notebooks[one["notebook"]]
        exercises, (section, alt) = exercises_of(nb), shown(one, notebooks)
        total = sum(each.minutes for each in exercises)
        text += [
            f'## <a id="p{book.number}"></a>{book.number} · {book.title}',
            f"[The notebook](notebooks/{book.name}). Live: {one['minutes']} min. It runs for {book.seconds or '?'} on "
            f"the machine of README; its {len(exercises)} exercises take {total} min.",
            f"**After this page you can** {goals_of(nb) or one.get('goals', '(missing)')}",
            f"**The one figure**, under *{section}*: {alt} {one['see']}",
            f"**The question that splits the room.** {one['question']}",
            f"**The answer.** {lecture.filled(one['answer'], claims)}",
            f"**Leave out:** {one['skip']}. **In class:** Exercise {one['exercise']}.",
            *exercise_lines(exercises, wrong),
        ]
    return "\n\n".join(text) + "\n"
