"""JupyterLab on one page of the course: python tools/lab.py [JupyterLab's own flags] notebooks/00-start-here.ipynb

The server's root is the whole course, so that links out of a notebook lead somewhere. Alt texts of pictures, which
neither JupyterLab nor its export to HTML hands on, reach readers by what lies in tools/alt/. What Jupyter and IPython
keep in a home that can't be written (none, full, somebody else's) goes to a temporary folder.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# a plugin for what is shown, and a template for what is exported; nothing is installed, nothing in a notebook changes
ALT = [f"--LabApp.extra_labextensions_path={ROOT / 'tools/alt/labextensions'}",
       f"--TemplateExporter.extra_template_basedirs={ROOT / 'tools/alt/templates'}",
       "--HTMLExporter.template_name=described"]


def folders(environ, home):
    """{variable: where Jupyter or IPython would write}, with these settings and this home."""
    data = {"darwin": home / "Library/Jupyter", "win32": Path(environ.get("APPDATA") or home) / "jupyter"}.get(
        sys.platform, Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "jupyter")
    usual = {"JUPYTER_CONFIG_DIR": home / ".jupyter", "JUPYTER_DATA_DIR": data, "IPYTHONDIR": home / ".ipython"}
    usual["JUPYTER_RUNTIME_DIR"] = Path(environ.get("JUPYTER_DATA_DIR") or data) / "runtime"
    return {name: Path(environ.get(name) or place) for name, place in usual.items()}


def writable(folder):
    """Can a file be made there? The folder is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def replacements(environ, home, spare):
    """What the environment must say besides, so that what can't be written at home is written in `spare`."""
    found = {name: str(spare / name.lower()) for name, place in folders(environ, home).items() if not writable(place)}
    if not home.is_dir():  # what asks for the home itself, a terminal for one, finds a place too
        found["HOME"] = str(spare)
    return found


def main(flags, page):
    try:
        home = Path.home()
    except RuntimeError:  # a user whom the system does not know, and no HOME
        home = Path(os.devnull)
    with tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True) as spare:
        found = replacements(os.environ, home, Path(spare))
        if found:
            print(f"Your home can't be written: settings of JupyterLab last until it is closed ({spare}).", flush=True)
        os.environ.update(found)
        os.chdir(ROOT)
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags = ["--allow-root", *flags]  # it refuses to run as root unless told; containers often are root
        from jupyterlab.labapp import main as lab  # only now: parts of it look at the home when they are imported

        return lab([*ALT, *flags, "--ServerApp.root_dir=.", f"--LabApp.default_url=/lab/tree/{page}"])


if __name__ == "__main__":
    sys.path.pop(0)  # the course's tools are no modules for the server
    sys.exit(main(sys.argv[1:-1], sys.argv[-1]))
