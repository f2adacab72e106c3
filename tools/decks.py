"""Write a deck of slides for each page: one file that opens without a server and without a network.

    python tools/decks.py notebooks/05-ista-fista.ipynb …     writes build/slides/05-ista-fista.html (no names: all)
    python tools/decks.py --frames …                           runs pages with sliders first, so that they move

What is a slide: tools/slides.py. reveal.js and MathJax come from npm, once, by version and checksum: tools/vendor.py.
"""

import argparse
import base64
import html
import json
import re
import struct
import sys
from pathlib import Path

import frames
from pages import any_console, notebooks, replace, text_of
from slides import derive, house_names, words
from vendor import VendorError, texts

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
MATHJAX = """MathJax = {tex: {inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]], processEscapes: true},
  options: {skipHtmlTags: ["script", "style", "textarea", "pre", "code"], enableMenu: false}};"""


class DeckError(Exception):
    """A page of which no deck can be made; the message says why."""


def script(code):
    """JavaScript within a page: no tag of its own may open or end it."""
    return "<script>\n" + re.sub(r"<(/?script)", r"\\x3c\1", code) + "\n</script>"


def markdown(text, there):
    """HTML of a page's Markdown. Links to pages lead to their decks; links to files of the repository are words."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune  # here: importing it takes half a second

    def moved(match):
        target = match[2]
        if target.startswith("http"):
            return match[0]
        page, _, _ = target.partition("#")
        return f"[{match[1]}]({page[:-6]}.html)" if page.endswith(".ipynb") and page[:-6] in there else match[1]
    text = re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", moved, text)
    # a formula's second line may begin with + or -, which Markdown would take for a list
    text = re.sub(r"(?<![$\\])\$(?!\$)[^$`]+\$(?!\$)", lambda m: m[0].replace("\n", " "), text)
    return markdown2html_mistune(text).replace("&#182;", "").replace('<a class="anchor-link"', "<a hidden")


def code(source):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
    return f"<pre><code>{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()}</code></pre>"


def claims(text):
    """Printed lines: claims as a list, with what was measured in grey; other lines as they stand."""
    rows = []
    for line in text.splitlines():
        match = re.fullmatch(r"([✔✘]) (.*?)(?: · measured (.*))?", line)
        if match is None:
            return f"<pre>{html.escape(text)}</pre>"
        measured = f" <span>measured {html.escape(match[3])}</span>" if match[3] else ""
        mark = '<b class="no">✘</b>' if match[1] == "✘" else "<b>✔</b>"
        rows.append(f"<li>{mark}{html.escape(match[2])}{measured}</li>")
    return f'<ul class="claims">{"".join(rows)}</ul>'


def img(source, alt, more=""):
    return f'<img src="{source}" alt="{html.escape(" ".join(alt.split()), quote=True)}"{more}>'


def inline(png):
    """The address of a picture that lies in the page itself."""
    return f"data:image/png;base64,{png}"


def slider(record, sources, more=""):
    """A figure whose pictures, one for each place of its sliders, lie at these addresses; sliders.js moves it."""
    at, rows = 0, []
    for name, labels, start in zip(record["names"], record["labels"], record["start"], strict=True):
        at = at * len(labels) + start
        rows.append(f'<label>{html.escape(name)} <input type="range" min="0" max="{len(labels) - 1}" value="{start}" '
                    f'aria-label="{html.escape(name)}" aria-valuetext="{labels[start]}"> '
                    f"<output>{labels[start]}</output></label>")
    alts = [" ".join(alt.split()) for alt in record["alts"]]
    data = json.dumps({"labels": record["labels"], "frames": sources, "alts": alts}).replace("<", "\\u003c")
    return (f'<figure class="frames"><div>{"".join(rows)}</div>{img(sources[at], alts[at], more)}'
            f'<script type="application/json">{data}</script></figure>')


def part_html(part, moving, there, page):
    if part.kind == "text":
        return f'<div class="text{" fragment" if part.fragment else ""}">{markdown(part.content, there)}</div>'
    if part.kind == "code":
        return code(part.content)
    if part.kind == "print":
        return claims(part.content)
    if part.kind == "picture":
        png, alt = part.content
        return f"<figure>{img(inline(png), alt)}</figure>"
    draw, still = part.content
    if draw in moving:
        return slider(moving[draw], [inline(png) for png in moving[draw]["frames"]])
    say = ('<p class="still">This picture moves on the page, and here after '
           f"<code>make slides FRAMES=1 NB=notebooks/{page}.ipynb</code>.</p>")
    return f"<figure>{img(inline(still[0]), still[1])}{say}</figure>" if still else say


def dots(png):
    """(width, height) of a PNG (base64), from its first chunk."""
    return struct.unpack(">II", base64.b64decode(png[:32])[16:24])


def portrait(slide):
    """Is its one picture about as high as it is wide? Then it gets the whole height, and the words stand beside it."""
    shown = [part.content if part.kind == "picture" else part.content[1] for part in slide.parts
             if part.kind in ("picture", "slider")]
    if len(shown) != 1 or not shown[0]:
        return False
    width, height = dots(shown[0][0])
    return height >= 0.95 * width


def type_size(slide):
    """Large type for few words, smaller type for many; beside a picture, small enough to leave it its room."""
    kinds = {part.kind for part in slide.parts}
    if kinds & {"picture", "slider"}:
        return "pictured portrait" if portrait(slide) else "pictured"
    texts = [part.content for part in slide.parts if part.kind in ("text", "print")]
    load = sum(words(t) + 11 * len(re.findall(r"\$\$|\n\||\n- |\n✔", t)) // (2 if "$$" in t else 1) for t in texts)
    load += sum(10 * len(part.content.splitlines()) for part in slide.parts if part.kind == "code")
    return "airy" if load <= 60 else "plain" if load <= 105 else "dense" if load <= 150 else "denser"


def slide_html(slide, first, moving, there, page):
    level = "h1" if first else "h2"
    size = "" if first else f' class="{type_size(slide)}"'
    heading = markdown(slide.heading, there)
    heading = re.sub(r"^\s*<p>(.*)</p>\s*$", r"\1", heading, flags=re.DOTALL)
    body = "\n".join(part_html(part, moving, there, page) for part in slide.parts)
    notes = markdown("\n\n".join(slide.notes), there)
    about = '<p class="about">Space: on · S: speaker view · Esc: all slides · ?: keys</p>' if first else ""
    return (f"<section{size}>\n<{level}>{heading}</{level}>\n{body}\n{about}\n"
            f'<aside class="notes">{notes}</aside>\n</section>')


def read(path):
    """A page that ran. Raises DeckError for one that never did, or is no notebook."""
    try:
        nb = json.loads(path.read_text(encoding="utf-8"))
        code_cells = [c for c in nb["cells"] if c["cell_type"] == "code" and text_of(c).strip()]
    except (OSError, ValueError, KeyError) as error:
        raise DeckError(f"{path.name} is no notebook that can be read ({type(error).__name__})") from None
    never = sum(c.get("execution_count") is None for c in code_cells)
    if never:
        raise DeckError(f"{path.name}: {never} of its code cells never ran, so there is nothing to show: "
                        f"make execute NB=notebooks/{path.name}")
    return nb


def deck(path, vendored, moving, there, house):
    """The HTML of a page's deck."""
    stacks = []
    for slide in derive(frames.sharpened(read(path), path, path.resolve().parent.parent), house):
        stacks.append([slide]) if not slide.below else stacks[-1].append(slide)
    first, body = stacks[0][0], []
    for stack in stacks:
        inner = "\n".join(slide_html(s, s is first, moving, there, path.stem) for s in stack)
        body.append(f"<section>\n{inner}\n</section>" if len(stack) > 1 else inner)
    css, reveal, notes, mathjax = vendored
    style = css + (HERE / "deck.css").read_text(encoding="utf-8")
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(first.heading)}</title>", f"<style>{style}</style>", "</head>", "<body>",
        '<main class="reveal"><div class="slides">', *body, "</div></main>",
        script(MATHJAX), script(mathjax), script(reveal), script(notes),
        *(script((HERE / name).read_text(encoding="utf-8")) for name in ("sliders.js", "deck.js")),
        "</body>", "</html>", ""])


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="notebooks; none: all pages")
    parser.add_argument("--frames", action="store_true", help="run pages whose frames are not kept yet, with a kernel")
    options = parser.parse_args(arguments)
    any_console()
    pages, out = options.pages or notebooks(root), root / "build/slides"
    try:
        kept = root / "build/vendor"
        vendored = (*texts("reveal.js", ["dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js"], kept),
                    *texts("mathjax", ["es5/tex-svg.js"], kept))
    except (VendorError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    house, there, failed = house_names(root / "utils"), {p.stem for p in notebooks(root)}, 0
    for path in map(Path, pages):
        try:
            read(path)

            moving = frames.draw(path.resolve(), root) if options.frames else frames.kept(path.resolve(), root)
            text = deck(path, vendored, moving, there, house)
            out.mkdir(parents=True, exist_ok=True)
            replace(out / f"{path.stem}.html", text)
        except (DeckError, frames.FramesError) as error:
            print(error, file=sys.stderr)
            failed += 1
            continue
        print(f"build/slides/{path.stem}.html  {text.count('<aside')} slides, {len(text) / 1e6:.1f} MB"
              f"{'' if moving else ', sliders stand still (make slides FRAMES=1)'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
