"""The policy for notebooks, tried on small ones: what must be red is red, with the right message, and nothing else."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval_policy import STUDENT_TAGS, TAGS, violations

ROOT = Path(__file__).parents[1]


def cell(source, printed=None, tags=(), count=1, **output):
    """A code cell as it is stored after a run that printed `printed`."""
    outputs = [new_output("stream", text=printed)] if printed else []
    if output:
        outputs.append(new_output("display_data", data=output))
    made = new_code_cell(source, outputs=outputs, execution_count=count)
    if tags:
        made.metadata["tags"] = list(tags)
    return made


CLAIM = """from utils.claims import claim
claim("a die shows at least {0}", {1}, at_least={0})"""
PROGRESS = """from IPython.display import DisplayHandle
handle = DisplayHandle()
handle.display({"text/plain": "100 steps · measured 0 %"}, raw=True)
handle.update({"text/plain": "100 steps · measured 50 %"}, raw=True)
handle.update({"text/plain": "LAST"}, raw=True)"""
SLIDER = """import ipywidgets
ipywidgets.interact(lambda a: print(a), a=[1, 2])"""
LIVE = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}

# name: (cells, words that must stand in the report, or None where all must be green)
RUNS = {
    "same": ([cell("print('one'); print('two')", "one\ntwo\n"), cell("print(1 + 1)", "2\n", count=2)], None),
    "measured-number": ([cell("print('loss measured', 3.2)", "loss measured 99.0\n")], None),
    "other-source": ([cell("print('digits: offline, 5,000')", "digits: full MNIST, 70,000\n")], None),
    "held-claim": ([cell(CLAIM.format(3, 4), "✔ a die shows at least 3 · measured 6\n")], None),
    "progress": ([cell(PROGRESS.replace("LAST", "100 steps · measured 2.0 s"),
                       **{"text/plain": "100 steps · measured 1.5 s"})], None),
    "progress-taken-away": ([cell(PROGRESS.replace('{"text/plain": "LAST"}', "{}") + "\nprint('done')", "done\n")],
                            None),
    "ignored-slider": ([cell(SLIDER, tags=["slider", "nbval-ignore-output"])], None),
    "changed-line": ([cell("print('loss falls')", "loss rises\n")], "Cell outputs differ"),
    "changed-before-measured": ([cell("print('test loss measured', 3)", "loss measured 3\n")], "Cell outputs differ"),
    "changed-alt": ([cell("from IPython.display import display\n"
                          "display({'image/png': '', 'text/plain': 'a cat'}, raw=True)", **LIVE)], "a cat"),
    "missed-claim": ([cell(CLAIM.format(7, 4), "✔ a die shows at least 7 · measured 9\n")], "ClaimFailed"),
    "cleared": ([cell("print('seen')")], "Unexpected output fields"),
    "progress-changed": ([cell(PROGRESS.replace("LAST", "diverged"), **{"text/plain": "100 steps · measured 1.5 s"})],
                         "diverged"),
    "warning": ([cell("import sys; print('Warning: slow', file=sys.stderr)")], "Unexpected output fields"),
    "ignored-error": ([cell("1 / 0", tags=["nbval-ignore-output"])], "ZeroDivisionError"),
    "dead": ([cell("a = 1"), cell("import os; os._exit(3)", count=2), cell("print(a)", "1\n", count=3)],
             "the kernel died in dead.ipynb, Cell 1 (exit status 3)"),
    "killed": ([cell("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")], "most often out of memory"),
}

# name: (notebook's cells, words that must stand in the refusal)
REFUSED = {
    "unexecuted": ([cell("a = 1"), cell("b = 2", count=None)], "Cell 1 (b = 2) was never run"),
    "disordered": ([cell("a = 1"), cell("b = 2", count=7)], "ran as number 7, not 2"),
    "stored-error": ([new_code_cell("1 / 0", execution_count=1, outputs=[
        new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])])],
        "has stored an error, ZeroDivisionError: division by zero"),
    "misspelt": ([cell("print(1)", "1\n", tags=["nbval-ignore-ouput"])], "tag 'nbval-ignore-ouput' is unknown"),
    "skipping": ([cell("print(1)", "2\n", tags=["nbval-skip"])], "tag 'nbval-skip' is unknown"),
    "marker": ([cell("# NBVAL_IGNORE_OUTPUT\nprint(1)", "2\n")], "the comment NBVAL_IGNORE_OUTPUT"),
    "empty": ([cell("a = 1"), cell(" ", count=None)], "Cell 1 is empty"),
}


def pytest_on(folder, *options, **variables):
    """Run pytest on the folder's notebooks as `make test` does; hand back (exit status, what it printed)."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PRACTICUM_OFFLINE": "1"} | variables
    for name in [n for n in environment if n.startswith("PYTEST_")]:  # we run inside a pytest ourselves
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--rootdir={ROOT}", f"--confcutdir={ROOT}", "-c", ROOT / "pyproject.toml",
         "-p", "conftest", "--nbval", "--nbval-current-env", "--nbval-sanitize-with", ROOT / "tests/sanitize.cfg",
         "--nbval-cell-timeout", "120", "-p", "no:cacheprovider", "--color=no", *options, folder],
        cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8",
        timeout=300)
    return done.returncode, done.stdout + done.stderr


def write(folder, books):
    for name, (cells, _) in books.items():
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """{notebook: (red?, its failures' text, seconds)} of one run over all of RUNS on two workers."""
    folder = write(tmp_path_factory.mktemp("runs"), RUNS)
    _, printed = pytest_on(folder, "-n", "2", "--dist", "loadscope", f"--junit-xml={folder}/report.xml")
    assert (folder / "report.xml").exists(), printed
    found = {name: ["", 0.0] for name in RUNS}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        name = case.get("classname").split(".")[-2]
        found[name][0] += "".join(e.text for e in case if e.tag in ("failure", "error"))
        found[name][1] += float(case.get("time"))
    return found


@pytest.mark.parametrize("name", RUNS)
def test_verdict(report, name):
    failures, _ = report[name]
    expected = RUNS[name][1]
    if expected is None:
        assert failures == ""
    else:
        assert expected in failures


@pytest.mark.parametrize("name", ["dead", "killed"])
def test_dead_kernel_is_reported_soon(report, name):
    failures, seconds = report[name]
    assert failures.count("Notebook cell execution failed") == 1, "the cells after it should say nothing more"
    assert seconds < 15


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    status, printed = pytest_on(write(tmp_path_factory.mktemp("refused"), REFUSED), "--collect-only")
    assert status != 0
    return printed


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_it_runs(refusals, name):
    (paragraph,) = [p for p in refusals.split("ERROR collecting ") if f"{name}.ipynb can't be compared" in p]
    assert REFUSED[name][1] in paragraph
    assert f"make execute NB=notebooks/{name}.ipynb" in paragraph


def test_refusal_is_red_under_xdist(tmp_path):
    status, printed = pytest_on(write(tmp_path, {"marker": REFUSED["marker"]}), "-n", "2", "--dist", "loadscope")
    assert status != 0 and "NBVAL_IGNORE_OUTPUT" in printed


def test_cells_of_a_notebook_may_not_be_spread_over_workers(tmp_path):
    status, printed = pytest_on(write(tmp_path, {"same": RUNS["same"]}), "-n", "2")
    assert status != 0 and "--dist loadscope" in printed


def test_every_tag_of_the_course_is_allowed():
    assert violations(new_notebook(cells=[cell("a = 1", tags=sorted(TAGS))])) == []


def test_only_the_student_edition_may_raise(tmp_path):
    nb = new_notebook(cells=[cell("a = 1", tags=["solution", "raises-exception"])])
    assert "tag 'raises-exception' is unknown" in violations(nb)[0] and violations(nb, STUDENT_TAGS) == []
    for name in ("solved", "student"):
        (tmp_path / name).mkdir()
        nbformat.write(nb, tmp_path / name / "05-page.ipynb")
    status, printed = pytest_on(tmp_path, "--collect-only")
    assert status != 0 and printed.count("can't be compared") == 1 and "1 test collected" in printed


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize("length", [100, 115, 200])
def test_a_long_temp_folder(tmp_path, length):
    folder = tmp_path / "t"
    while len(str(folder)) < length:
        folder /= "x" * min(100, max(1, length - len(str(folder)) - 1))
    folder.mkdir(parents=True)
    books = write(tmp_path, {"same": RUNS["same"], "held-claim": RUNS["held-claim"]})
    status, printed = pytest_on(books, TMPDIR=str(folder))
    assert status == 0 and "3 passed" in printed


# each keeps a kernel from being reached in another way: sockets with too long a name, a kernel that never answers, one
# that leaves behind a thread that never ends
UNREACHABLE = {
    "name": 'nbval_policy.channels = lambda: {"transport": "ipc", "ip": "/nowhere/" + "z" * 150 + "/k"}',
    "silent": """
original = nbval_policy.nbval_kernel.KernelManager
def client(km, **settings):
    made = original.client(km, **settings)
    made.wait_for_ready = lambda timeout: (_ for _ in ()).throw(RuntimeError("no reply in 60 seconds"))
    return made
nbval_policy._KernelManager = type("Silent", (original,), {"client": client})""",
    "left": """
import threading, time
original = nbval_policy.nbval_kernel.KernelManager
def client(km, **settings):
    threading.Thread(target=time.sleep, args=[1000]).start()
    raise OSError(24, "Too many open files")
nbval_policy._KernelManager = type("Left", (original,), {"client": client})
nbval_policy.LAST_WAIT = 3""",
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
@pytest.mark.parametrize("how", UNREACHABLE)
def test_a_kernel_that_cannot_be_reached_is_told_once_and_holds_nobody(tmp_path, how):
    (tmp_path / "unreachable.py").write_text(f"import nbval_policy\n{UNREACHABLE[how]}\n", encoding="utf-8")
    cells = [cell(f"print({n})", f"{n}\n", count=n + 1) for n in range(15)]
    start = time.monotonic()
    status, printed = pytest_on(write(tmp_path, {"many": (cells, None)}), "-p", "unreachable",
                                PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert status == 1 and "1 failed, 14 skipped" in printed and "no kernel answers" in printed
    assert time.monotonic() - start < 60


def test_a_person_s_own_settings_have_no_say(tmp_path):
    profile = tmp_path / "ipython/profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text("c.InteractiveShell.ast_node_interactivity = 'all'\n", encoding="utf-8")
    books = write(tmp_path, {"quiet": ([cell("1\n2\nprint(3)", "3\n")], None)})
    status, printed = pytest_on(books, IPYTHONDIR=str(tmp_path / "ipython"))
    assert status == 0 and "1 passed" in printed
