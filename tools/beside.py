"""An environment beside the course's: it has what is installed into it, and sees what .venv has.

    python tools/beside.py build/class          lets that environment, which exists, see this one's packages
    python tools/beside.py --extra class        prints what the extra of that name in pyproject.toml asks for

So that nbgrader needs no second torch, and the course's environment and lock stay as they are.
"""

import argparse
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def extra(name, root=ROOT):
    """What an extra asks for."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"][name]


def see(environment):
    """Let an environment see the packages of the one that runs this, after its own."""
    ours = sysconfig.get_path("purelib")
    theirs = sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    # addsitedir reads that folder's own .pth files as well: the course is installed by one
    (Path(theirs) / "course.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", nargs="?", type=Path)
    parser.add_argument("--extra")
    options = parser.parse_args()
    if options.extra:
        print(*extra(options.extra))
    if options.environment:
        see(options.environment.resolve())


if __name__ == "__main__":
    sys.exit(main())
