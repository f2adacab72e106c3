"""Write the course as a site in build/site/, which asks no other host for anything: it opens from file://, too.

    python tools/website.py              the pages with their stored outputs; nothing runs
    python tools/website.py --frames     runs pages with sliders first, so that they move

Sphinx, myst-nb and sphinx-book-theme make it, of copies of the pages and of the documents below.
"""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from posixpath import join, normpath, relpath

import frames
from decks import DeckError, dots, img, read, slider
from links import dead, outside
from pages import any_console, notebooks, text_of
from slides import drawn_by, pictures
from vendor import VendorError, texts

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
DOCUMENTS = {"What was found": ["LECTURE.md", "CLAIMS.md", "HOW-WE-KNOW.md"],
             "Teaching": ["TEACHING.md", "INSTRUCTORS.md"], "About": ["CONTRIBUTING.md", "data/README.md"]}
STILL = '<p class="still">A slider stands here: it moves when the page runs in JupyterLab (<code>make lab</code>).</p>'


class SiteError(Exception):
    """A site that can't be built; the message says why."""


def repository(environ):
    """The address of the repository's files, as GitHub tells its runners; "" elsewhere."""
    told = [environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")]
    return "{}/{}/blob/{}".format(*told) if all(told) else ""


def linked(text, here, there, files=""):
    """Markdown of the document `here` with its links led to what the site has; others lead to `files`, or are words."""
    def led(match):
        words, target = match.groups()
        if re.match(r"https?:|mailto:|#|$", target):
            return match[0]
        path, mark, place = target.partition("#")
        path = normpath(join(here, "..", path))
        if path not in there:
            return f"[{words}]({files}/{path})" if files else words
        path = "index.md" if path == "README.md" else path
        return f"[{words}]({relpath(path, join(here, '..'))}{mark}{place})"
    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]*)\)", led, text)


def opened(text):
    """Markdown whose folded passages are Markdown, too: an empty line parts them from their HTML."""
    text = re.sub(r"<!-- nav:begin -->.*?<!-- nav:end -->\s*|<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"<details>\s*<summary>(.*?)</summary>\s*(.*?)\s*</details>",
                  r"<details>\n<summary>\1</summary>\n\n\2\n\n</details>", text, flags=re.DOTALL)


def picture(png, alt, name, static, dpi=100):
    """Write a picture (base64) among the site's files -> its tag, which knows its size, so that no text jumps.

    dpi: its dots an inch; the page has 100 of them.
    """
    (static / "pictures").mkdir(parents=True, exist_ok=True)
    (static / "pictures" / name).write_bytes(base64.b64decode(png))
    width, height = (size * 100 // dpi for size in dots(png))
    return img(f"../_static/pictures/{name}", alt, f' width="{width}" height="{height}" loading="lazy"')


def moved(record, stem, draw, static):
    """The figure of a slider whose frames are kept."""
    tags = [picture(png, alt, f"{stem}-{draw}-{at:03}.png", static, record.get("dpi", 100))
            for at, (png, alt) in enumerate(zip(record["frames"], record["alts"], strict=True))]
    return slider(record, [re.search(r'src="([^"]*)"', tag)[1] for tag in tags], tags[0][tags[0].index(" width="):-1])


def page(nb, stem, moving, there, static, files=""):
    """A page (a dict) as the site's source: pictures are files with their alt texts, sliders stand on their own."""
    for number, cell in enumerate(nb["cells"]):
        if cell["cell_type"] == "markdown":
            cell["source"] = linked(opened(text_of(cell)), f"notebooks/{stem}.ipynb", there, files)
            continue
        tags, outputs = cell["metadata"].setdefault("tags", []), cell.setdefault("outputs", [])
        drawn = [output for output in outputs if "image/png" in output.get("data", {})]
        for (png, alt), output in zip(pictures(cell), drawn, strict=True):
            output["data"] = {"text/html": picture(png, alt, f"{stem}-{number:03}.png", static)}
            tags.append("hide-input")  # how it is drawn folds away
        if "slider" in tags:
            draw = drawn_by(text_of(cell))
            shown = moved(moving[draw], stem, draw, static) if draw in moving else STILL
            cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": shown}}]
            tags.append("remove-input")
    return nb


def contents(stems):
    """The lists of pages at the left."""
    def tree(caption, names):
        return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```", ""])
    return "\n".join([tree("Notebooks", [f"notebooks/{stem}" for stem in stems]),
                      *(tree(caption, [name[:-3] for name in names]) for caption, names in DOCUMENTS.items())])


def sources(root, folder, moving, mathjax, files=""):
    """Write what Sphinx reads. moving: {page: frames of its sliders}."""
    static = folder / "_static"
    static.mkdir(parents=True)
    (folder / "notebooks").mkdir()
    paths = notebooks(root)
    documents = [name for names in DOCUMENTS.values() for name in names]
    there = {f"notebooks/{path.name}" for path in paths} | {"README.md", *documents}
    for path in paths:
        nb = page(read(path), path.stem, moving.get(path.stem, {}), there, static, files)
        (folder / "notebooks" / path.name).write_text(json.dumps(nb), encoding="utf-8")
    for name in ["README.md", *documents]:
        text = linked(opened((root / name).read_text(encoding="utf-8")), name, there, files)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    front = (folder / "README.md").read_text(encoding="utf-8")
    (folder / "index.md").write_text(f"{front}\n\n{contents([p.stem for p in paths])}", encoding="utf-8")
    (folder / "README.md").unlink()
    shutil.copy(root / "notebooks/cover.png", folder / "notebooks/cover.png")
    shutil.copy(HERE / "site/conf.py", folder)
    for each in (HERE / "site/course.css", HERE / "site/course.js", HERE / "sliders.js"):
        shutil.copy(each, static)
    (static / "tex-svg.js").write_text(mathjax, encoding="utf-8")


def sphinx(folder, out):
    """Run Sphinx; a warning is an error. Raises SiteError with what it said."""
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-d", str(out) + ".trees",
                           str(folder), str(out)], capture_output=True, text=True, encoding="utf-8", errors="replace",
                          check=False, env=os.environ | {"PYTHONUTF8": "1"})
    if done.returncode:
        said = [line for line in done.stderr.replace(str(folder) + os.sep, "").splitlines() if line.strip()]
        raise SiteError("no site, Sphinx stopped:\n" + "\n".join(said[-20:]))
    for path in [out / ".buildinfo", out / "objects.inv", *out.glob("_static/*macros.html")]:  # of use to Sphinx alone
        path.unlink(missing_ok=True)
    (out / ".nojekyll").touch()  # GitHub hands on folders that begin with _


def put(new, place):
    """Put a folder in the place of an old one, which stays if that fails."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.replace(old)
    try:
        new.replace(place)
    except OSError:
        old.replace(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def build(root, draw=False):
    """Build the site beside its place and look at it, then put it there -> (files, bytes, figures with sliders)."""
    mathjax, = texts("mathjax", ["es5/tex-svg.js"], root / "build/vendor")
    paths = notebooks(root)
    for path in paths:
        read(path)  # before anything runs
    moving = {path.stem: frames.draw(path, root) if draw else frames.kept(path, root) for path in paths}
    (root / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=root / "build") as waiting:
        folder, out = Path(waiting, "sources"), Path(waiting, "site")
        sources(root, folder, moving, mathjax, repository(os.environ))
        sphinx(folder, out)
        wrong = [*dead(out), *outside(out)]
        if wrong:
            raise SiteError("no site, for it would have\n" + "\n".join(wrong[:20]))
        put(out, root / "build/site")
    made = [path for path in (root / "build/site").rglob("*") if path.is_file()]
    return len(made), sum(path.stat().st_size for path in made), sum(map(len, moving.values()))


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", action="store_true", help="run pages whose frames are not kept yet, with a kernel")
    options = parser.parse_args(arguments)
    any_console()
    try:
        files, size, moving = build(root, options.frames)
    except (SiteError, DeckError, VendorError, frames.FramesError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"build/site/index.html  {files} files, {size / 1e6:.1f} MB, "
          f"{moving} figures move{'' if options.frames else ' (make site FRAMES=1: all)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
