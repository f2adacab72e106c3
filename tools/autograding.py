"""How nbgrader grades a page of the course: the preprocessors that a class's nbgrader_config.py asks for.

Release: the holes of the student edition. Sanitizing: the page of the course with the student's answers
(submission.py). Grading: only the cells that the answers need run, in a kernel behind a fence (fence.py); its hidden
tests leave records of what the answers gave, and this process, in which no line of a student's has run, marks them
(utils/exercises/grading.py).
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from assignment import opened
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.client import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from nbformat.v4 import new_output
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, Execute, NbGraderPreprocessor, OverwriteCells
from nbgrader.utils import is_grade
from submission import grade_id, needed, restored
from traitlets import Integer

ROOT = Path(__file__).resolve().parents[1]
NOBODY = 65534
UNFENCED = "PRACTICUM_UNFENCED"  # set to 1: submissions run as whoever grades


class Holes(NbGraderPreprocessor):
    """In place of ClearSolutions: a hole says what is to be written, as in the student edition."""

    def preprocess(self, nb, resources):
        """Hidden lines stay: they go after the gradebook has them."""
        return opened(nb, hidden=True), resources


class Restore(NbGraderPreprocessor):
    """The page as it was handed out, with what is the student's: before OverwriteCells, which then finds every cell."""

    def preprocess(self, nb, resources):
        """The page is read from source/, where the assignment was made."""
        where = resources["nbgrader"]
        page = nbformat.read(Path("source") / where["assignment"] / f"{where['notebook']}.ipynb", as_version=4)
        nb.cells = restored(nb, opened(page, hidden=True))
        nb.metadata.kernelspec = page.metadata.kernelspec
        nb.nbformat, nb.nbformat_minor = page.nbformat, page.nbformat_minor
        return nb, resources


class Record(Execute):
    """Run what the answers need, each answer's crash apart, and write the points into the check cells."""

    cell_seconds = Integer(60, help="seconds that a cell may take").tag(config=True)
    page_seconds = Integer(600, help="seconds that a submission may take").tag(config=True)
    memory = Integer(8 * 2**30, help="bytes of address space of a kernel").tag(config=True)
    output_bytes = Integer(10**6, help="bytes of output that are kept; with ten times as many the cell is stopped"
                           ).tag(config=True)
    iopub_timeout = Integer(30, help="seconds in which what a cell shows must arrive").tag(config=True)
    seed = Integer(0, help="of the inputs on which answers are judged").tag(config=True)

    def preprocess(self, nb, resources, km=None):
        """One kernel for all answers; where it dies, one for each that is still to be graded."""
        self.deadline = time.monotonic() + self.page_seconds
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        answers = {grade_id(cell).removeprefix("check-"): i for i, cell in enumerate(nb.cells) if is_grade(cell)}
        cells = needed(nb.cells, self.cells_of(nb, answers))
        records, stopped, reason = self.sitting(nb, resources, cells)
        said = dict.fromkeys(answers, reason)
        if stopped is not None:
            broken = {self.exercise(nb.cells[stopped])} & answers.keys()  # answers that end their kernel
            for name in answers:  # no other answer of his pays for it
                if name not in records and name not in broken:
                    rest = [i for i in needed(nb.cells, self.cells_of(nb, {name}))
                            if grade_id(nb.cells[i]) not in {f"answer-{other}" for other in broken}]
                    alone, ended, said[name] = self.sitting(nb, resources, rest)
                    records |= {name: alone[name]} if name in alone else {}
                    broken |= {name} if ended is not None else set()
        elif any(self.lacks_a_name(nb.cells[i]) for i in cells):  # something that he does without naming it
            records |= self.sitting(nb, resources, [i for i, c in enumerate(nb.cells) if c.cell_type == "code"])[0]
        for name, at in answers.items():
            self.write(nb.cells[at], name, records.get(name), said[name])
        return nb, resources

    def cells_of(self, nb, answers):
        """The positions of these answers and their checks."""
        ids = {f"{kind}-{name}" for name in answers for kind in ("answer", "check")}
        return [i for i, cell in enumerate(nb.cells) if grade_id(cell) in ids]

    def exercise(self, cell):
        """The exercise that a cell answers or checks; "" for any other cell."""
        return (grade_id(cell) or "").partition("-")[2]

    def lacks_a_name(self, cell):
        """Whether the cell, or the check of an answer, met a name that nothing had bound."""
        return any("NameError" in o.get("ename", "") or "NameError" in o.get("text", "") for o in cell.outputs)

    def write(self, cell, name, kept, reason):
        """The points of one answer as nbgrader reads them, in place of whatever the student's kernel showed there."""
        from utils.exercises import grading  # torch: not before a submission was run

        worth = cell.metadata.nbgrader["points"]
        share, sentence = grading.mark(kept, name, self.seed) if kept else (0, reason or "its cell was not reached")
        line = f"{share * worth:g} of {worth:g} points, {name}: {sentence}"
        cell.execution_count = 1
        cell.outputs = [new_output("error", ename="NotEarned", evalue=sentence, traceback=[line])] if share == 0 else [
            new_output("stream", text=f"{line}\n"),
            new_output("execute_result", data={"text/plain": f"{share * worth}"}, execution_count=1)]

    def sitting(self, nb, resources, cells):
        """Run these cells in a fresh kernel. ({exercise: record}, the cell that ended it or None, how it ended)."""
        NotebookClient.__init__(self, nb)
        self.reset_execution_trackers()
        self.resources, self.shutdown_kernel, self.shown = resources, "immediate", 0
        records, stopped, reason = {}, None, ""
        with fenced(self.memory, self.page_seconds) as self.room:
            names = {"PRACTICUM_GRADING": str(self.room / "his"), "PRACTICUM_GRADING_SEED": str(self.seed),
                     "PRACTICUM_OFFLINE": "1", "PRACTICUM_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
            try:
                with self.setup_kernel(env=os.environ | names, cwd=str(self.room / "his")):
                    for at in cells:
                        stopped = at
                        self.execute_cell(nb.cells[at], at, store_history=True)
                    stopped = None
            except (DeadKernelError, CellTimeoutError) as error:
                reason = f"it ends its kernel: {' '.join(str(error).split())[:200]}"
            for file in (self.room / "his").glob("*.pt"):
                if file.is_file() and not file.is_symlink() and file.stat().st_size < 64 * 2**20:
                    records[file.stem] = file.read_bytes()
        return records, stopped, reason

    def create_kernel_manager(self):
        """Of the kernel behind the fence, which talks through sockets in its folder."""
        self.kernel_name = "graded"
        km = super().create_kernel_manager()
        km.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(self.room / "kernels")], ensure_native_kernel=False)
        km.transport, km.ip = "ipc", str(self.room / "his/k")
        km.connection_file = str(self.room / "connection.json")
        return km

    def _get_timeout(self, cell):
        return max(1, int(min(self.cell_seconds, self.deadline - time.monotonic())))

    async def _async_handle_timeout(self, timeout, cell=None):
        raise DeadKernelError(f"no end after {timeout} s")

    def process_message(self, msg, cell, cell_index):
        """Keep the first of what a cell shows; stop it when it goes on."""
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data", "error") or \
                msg["msg_type"].startswith("comm"):
            before, self.shown = self.shown, self.shown + len(json.dumps(msg["content"], default=str))
            if before <= 10 * self.output_bytes < self.shown:
                asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
            if self.shown > self.output_bytes:
                return None
        return super().process_message(msg, cell, cell_index)


@contextlib.contextmanager
def fenced(memory, seconds):
    """A folder for one kernel: kernels/ starts it, his/ is where it works and leaves its records."""
    room = Path(tempfile.mkdtemp(prefix="g-", dir="/tmp"))  # a socket's name is short
    try:
        (room / "his").mkdir()
        command = [str(ROOT / ".venv/bin/python"), "-m", "ipykernel_launcher", "-f"]
        if os.environ.get(UNFENCED) == "1":
            command += ["{connection_file}"]
        else:
            command = fence(room, memory, seconds) + command + [str(room / "his/connection.json")]
        (room / "kernels/graded").mkdir(parents=True)
        (room / "kernels/graded/kernel.json").write_text(json.dumps(
            {"argv": command, "display_name": "graded", "language": "python"}), encoding="utf-8")
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def fence(room, memory, seconds):
    """The words before a kernel's command that put it behind the fence. Raises RuntimeError where there is none."""
    if sys.platform != "linux" or os.getuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        raise RuntimeError("submissions are strangers' programs: they run as a user without rights, which takes Linux "
                           f"and root. In a container that holds nothing else, {UNFENCED}=1 lets them run as you")
    room.chmod(0o755)
    (room / "his").chmod(0o700)
    os.chown(room / "his", NOBODY, NOBODY)
    keep = [Path(sys.base_prefix), ROOT / ".venv", ROOT / "utils", ROOT / "data"]
    options = [f"--{word}={path}" for word, paths in (("hide", (ROOT, Path.cwd())), ("keep", keep)) for path in paths]
    start = [sys.executable, str(ROOT / "tools/fence.py"), f"--folder={room / 'his'}", f"--uid={NOBODY}", *options,
             "--silent", f"--connection={room / 'connection.json'}", f"--memory={memory}", f"--cpu={seconds}", "--"]
    return ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *start]


def configure(c, seed):
    """Set what nbgrader does in a class's folder."""
    # nbgrader calls alembic, and looks for nbconvert's templates, which the course's environment has
    for name, place in (("PATH", Path(sys.executable).parent), ("JUPYTER_PATH", ROOT / ".venv/share/jupyter")):
        os.environ[name] = os.pathsep.join([str(place), *filter(None, [os.environ.get(name)])])
    c.GenerateAssignment.preprocessors = [Holes if p is ClearSolutions else p for p in
                                          GenerateAssignment.preprocessors.default()]
    c.Autograde.sanitize_preprocessors = [q for p in Autograde.sanitize_preprocessors.default() for q in
                                          ([Restore, p] if p is OverwriteCells else [p])]
    c.Autograde.autograde_preprocessors = [Record if p is Execute else p for p in
                                           Autograde.autograde_preprocessors.default()]
    c.Record.seed = seed
