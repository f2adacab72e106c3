"""A guest in somebody's kernel: our pictures take nothing from the reader's matplotlib, and theirs nothing from us."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import execute
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
PICTURE = """
import matplotlib
from utils import figures

def draw(beta=1):
    picture, axes = figures.canvas(3, 2, title="all that $\\\\beta$ draws", alt="six panels", width=9)
    (a, b, c), (d, e, f) = axes
    a.plot([0, beta], [1, -1000.5], label="line")
    a.plot([0.1, beta], [900, 2], "o--", label="dots")
    a.axhline(3)
    a.text(0.5, 2, "text −1")
    a.annotate("here", (0, 1), (0.5, 900), arrowprops={"arrowstyle": "->"})
    a.legend(title="legend")
    twin = a.twinx()
    twin.plot([1e6, 1e6 + beta], color="C3")
    twin.set_ylabel("twin")
    b.imshow([[0, 1], [2, beta]])
    picture.colorbar(c.contourf([[0, 1], [2, 4]]), ax=c, label="bar").ax.axhline(2)
    c.contour([[0, 1], [2, 4]])
    d.bar(["x", "y"], [1, beta], yerr=0.5)
    d.fill_between([0, 1], [1, 2], alpha=0.5)
    d.bar_label(d.containers[-1])
    e.scatter([1, 2, 300], [1, 2, 3], c=[0, 1, beta])
    e.errorbar([1, 2], [2, 3], yerr=1)
    e.xaxis.set_ticks([1, 200], labels=["one", "more"])
    e.set_xscale("log")
    e.grid(True, which="both")
    f.hist([1, 2, 2, 3])
    f.boxplot([1, 2, 9])
    inset = f.inset_axes([0.5, 0.5, 0.4, 0.4])
    inset.plot([1, 3])
    inset.set_title("inset")
    f.quiver([1], [1], [1], [1])
    picture.text(0.5, 0.5, "middle")
    return picture

def surface():
    picture, ax = figures.canvas(alt="a surface", subplot_kw={"projection": "3d"})
    ax.plot([0, 1], [0, 1], [0, 1])
    ax.set_zlabel("z")
    return picture

def cloud():
    picture, ax = figures.canvas(alt="a cloud")
    figures.digit_cloud(ax, [[0.0, 1.0], [2.0, 3.0]], [3, 4], title="cloud")
    return picture
"""
FOREIGN = """
text.usetex: True
lines.linewidth: 9
lines.markersize: 20
font.size: 19
font.family: serif
mathtext.fontset: cm
axes.facecolor: black
axes.edgecolor: lime
axes.labelcolor: lime
axes.labelsize: 30
axes.titlesize: 30
axes.titlelocation: left
axes.linewidth: 5
axes.grid.which: both
axes.formatter.useoffset: False
axes.formatter.use_mathtext: True
axes.unicode_minus: False
axes.xmargin: 0.5
xtick.direction: in
xtick.labelsize: 25
xtick.color: red
xtick.minor.visible: True
ytick.right: True
text.color: magenta
patch.linewidth: 6
patch.force_edgecolor: True
scatter.marker: x
errorbar.capsize: 12
hist.bins: 3
image.cmap: jet
image.origin: lower
image.interpolation: bilinear
legend.loc: lower left
legend.framealpha: 1
legend.facecolor: red
figure.dpi: 37
figure.facecolor: gray
figure.autolayout: True
figure.constrained_layout.h_pad: 0.5
savefig.bbox: tight
savefig.dpi: 55
savefig.facecolor: red
savefig.transparent: True
savefig.format: pdf
path.sketch: 3, 50, 5
path.simplify_threshold: 1
text.antialiased: False
lines.antialiased: False
contour.linewidth: 7
boxplot.notch: True
grid.color: red
grid.linewidth: 4
axes3d.grid: False
axes.prop_cycle: cycler('color', ['r', 'g'])
"""
CHANGES = ["plt.style.use('dark_background')", "plt.style.use('classic')", "plt.style.use('seaborn-v0_8-poster')",
           "plt.xkcd()", "matplotlib.rcParams.update(theirs)", "plt.rcParams.update(figures.STYLE)",
           "plt.rcParams['font.sans-serif'].insert(0, 'cmr10')", "plt.rcParams['path.effects'].append(stroke)"]
PROGRAM = PICTURE + """
import hashlib, json, sys
def prints():
    before = str(dict(matplotlib.rcParams.copy()))
    made = [hashlib.sha1(p.png()).hexdigest() for p in (draw(), surface(), cloud())]
    assert str(dict(matplotlib.rcParams.copy())) == before, "our drawing changed the reader's settings"
    return made
found = {"as it comes": prints()}
import matplotlib.pyplot as plt
from matplotlib.patheffects import Normal as stroke
theirs = {key: value for key, value in matplotlib.rc_params_from_file(sys.argv[1], use_default_template=False).items()}
for change in json.loads(sys.argv[2]):
    with matplotlib.rc_context():
        exec(change)
        found[change] = prints()
print(json.dumps(found))
"""


def python(*arguments, **changes):
    """Run PROGRAM or another in a fresh interpreter: its printed JSON and what it wrote to stderr."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "MATPLOTLIB", "XDG_"))}
    options = {k: changes.pop(k) for k in ("user", "cwd") if k in changes}
    run = subprocess.run([sys.executable, "-c", *arguments], capture_output=True, encoding="utf-8", timeout=120,
                         env={**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **changes}, **options)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout), run.stderr


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    (folder / "matplotlibrc").write_text(FOREIGN, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def in_cells(foreign):
    """{settings changed in a cell: hashes of our pictures under them}, "as it comes": none changed."""
    return python(PROGRAM, str(foreign / "matplotlibrc"), json.dumps(CHANGES))


@pytest.mark.parametrize("change", CHANGES)
def test_settings_of_a_cell_stay_out_of_our_pictures(in_cells, change):
    found, stderr = in_cells
    assert found[change] == found["as it comes"] and stderr == ""


def test_settings_of_a_matplotlibrc_stay_out_of_our_pictures(in_cells, foreign):
    found, stderr = python(PROGRAM, str(foreign / "matplotlibrc"), "[]", MATPLOTLIBRC=str(foreign))
    assert found["as it comes"] == in_cells[0]["as it comes"] and stderr == ""


# What a reader may do in a cell. Each stands between two pictures of ours.
THEIRS = [
    "from matplotlib.figure import Figure\nbare = Figure()\nbare.subplots().plot([1, 2])\nbare",  # a text
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);",
    "figure, ax = plt.subplots(figsize=(3, 2))\nax.plot([1, 2, 3])\nfigure",
    "bare",
    "from sklearn.metrics import ConfusionMatrixDisplay\nConfusionMatrixDisplay.from_predictions([0, 1], [1, 1]);",
    "import pandas\npandas.DataFrame({'a': [1, 2, 4]}).plot()",
    "import seaborn\nseaborn.histplot([1, 2, 2, 4], kde=False)",
    "%matplotlib inline\nplt.plot([1, 2, 3]);",
    "%config InlineBackend.figure_format = 'retina'\nplt.plot([1, 2, 3]);",
    "bare",
    "%config InlineBackend.figure_formats = {'svg', 'png'}\nplt.plot([1, 2, 3]);",
    "%config InlineBackend.print_figure_kwargs = {'bbox_inches': None}",
    "%config InlineBackend.figure_format = 'png'\nbare",
    "with plt.xkcd():\n    plt.plot([1, 2, 3])\n    plt.show()",
    "plt.style.use('dark_background')\nplt.rcParams['lines.linewidth'] = 7\nplt.plot([1, 2, 3]);",
    "plt.figure()\nplt.plot([3, 2, 1])\nprint(plt.get_fignums(), plt.get_backend(), plt.isinteractive())",
    "import hashlib, matplotlib\nhashlib.sha1(str(sorted(dict(matplotlib.rcParams).items())).encode()).hexdigest()",
]
OURS = """from utils import figures, widgets
def draw(beta):
    picture, ax = figures.canvas(alt="a line", title="ours", width=3)
    ax.plot([0, beta], label="line")
    ax.text(0.5, 1, "text")
    ax.legend()
    return picture
"""
SLIDER = "widgets.interact(draw, beta=([1, 2], 2))"
IN_SLIDERS = """import ipywidgets, json
print(json.dumps([model["state"]["value"] for model in ipywidgets.Widget.get_manager_state()["state"].values()
                  if model["model_name"] == "HTMLModel" and "<img" in model["state"]["value"]]))"""


def outputs(cell):
    """The cell's outputs, without what differs between two runs of one kernel: its counter, addresses, SVG's ids."""
    found = []
    for output in cell.outputs:
        data = {kind: re.match(r"(?s).*?<svg [^>]*>", text)[0].split("<svg")[1] if kind == "image/svg+xml" else text
                for kind, text in output.get("data", {}).items()}
        text = re.sub(r"0x[0-9a-f]+|/tmp/\S+|\[\d+\]", "", output.get("text", "") + output.get("evalue", ""))
        found.append((output.output_type, data, output.get("metadata", {}), text))
    return found


def run(sources, folder, **env):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MPL", "MATPLOTLIB"))}
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    execute.run(nb, folder, env={**kept, "PYTHONPATH": str(ROOT), **env}, allow_errors=True)
    return nb


@pytest.fixture(scope="module")
def kernels(tmp_path_factory, foreign):
    """The reader alone; the reader and we, by turns; a reader who sets everything first. [(theirs, ours)], notebook."""
    folder = tmp_path_factory.mktemp("kernels")
    alone = run(THEIRS, folder)
    guest = [OURS + "draw(2)", SLIDER, "draw(2)"]
    for number, theirs in enumerate(THEIRS):
        guest += [theirs, SLIDER if number % 2 else "1", "draw(2)"]
    first = ["%matplotlib inline", "%config InlineBackend.figure_formats = {'retina', 'svg'}",
             "import matplotlib.pyplot as plt\nplt.style.use('dark_background')",
             "plt.rcParams['font.sans-serif'].insert(0, 'cmr10')",
             OURS + "draw(2)", SLIDER, "draw(2)", IN_SLIDERS]
    return alone, run([*guest, IN_SLIDERS], folder), run(first, folder, MATPLOTLIBRC=str(foreign))


def missing(cell):
    return any("ModuleNotFoundError" in output.get("ename", "") for output in cell.outputs)


@pytest.mark.parametrize("number", range(len(THEIRS)), ids=lambda number: THEIRS[number].splitlines()[-1])
def test_the_readers_own_pictures_are_what_they_were_without_us(kernels, number):
    alone, guest, _ = kernels
    if missing(alone.cells[number]):
        pytest.skip("this library is not installed")
    assert outputs(guest.cells[3 + 3 * number]) == outputs(alone.cells[number])


def test_the_readers_cells_are_worth_comparing(kernels):
    """Nearly all of them show a picture, and no picture is shown twice as something else."""
    kinds = [{kind for output in cell.outputs for kind in output.get("data", {})} for cell in kernels[0].cells]
    assert kinds[0] == {"text/plain"} and "image/svg+xml" in kinds[10]
    for number in (1, 2, 3, 4, 7, 8, 9, 12, 13, 14, 15):
        assert "image/png" in kinds[number], THEIRS[number]


def test_our_pictures_are_the_same_bytes_before_between_and_after(kernels):
    _, guest, first = kernels
    ours = [cell for nb in (guest, first) for cell in nb.cells if cell.source.endswith("draw(2)")]
    assert len(ours) == 4 + len(THEIRS)
    expected = outputs(ours[0])
    assert [(kind, set(data), metadata) for kind, data, metadata, _ in expected] == [
        ("execute_result", {"image/png", "text/plain"}, {"image/png": {"alt": "a line"}})]
    picture = {kind: text.strip() for kind, text in expected[0][1].items()}
    for cell in ours:
        assert outputs(cell) == expected, "\n".join(cell.source.splitlines()[-3:])
    for nb, count in ((guest, 1 + len(THEIRS) // 2), (first, 1)):
        shown = json.loads(nb.cells[-1].outputs[0].text)
        assert len(shown) == count
        for value in shown:
            alt, png = re.search(r'alt="(.*?)".*base64,(.*?)"', value, re.DOTALL).groups()
            assert (alt, png) == (picture["text/plain"], picture["image/png"].replace("\n", ""))


def test_no_word_of_ours_on_stderr(kernels):
    for nb in kernels[1:]:
        for cell in nb.cells:
            if cell.source not in THEIRS:
                assert not [o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"], cell


FIRST = """
import json, logging
from utils import figures
picture, ax = figures.canvas(alt="a", title="t")
ax.plot([1, 2])
print(json.dumps([picture.png()[:4] == b"\\x89PNG", logging.getLogger("matplotlib").level]))
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for a home as Unix has it")
def test_a_home_that_cannot_be_written_is_no_news(tmp_path):
    """Nobody can make a folder below a file. What matplotlib says later, of the reader's own, it still may say."""
    (tmp_path / "file").touch()
    assert python(FIRST, HOME=str(tmp_path / "file" / "home")) == ([True, 0], "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become somebody else")
def test_nobody_without_a_home_draws_in_silence():
    user = 65534
    try:
        subprocess.run([sys.executable, "-c", "import torch"], user=user, cwd=ROOT, check=True, capture_output=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("nobody may not read this Python or this clone")
    assert python(FIRST, user=user, cwd="/", HOME="/nonexistent") == ([True, 0], "")
