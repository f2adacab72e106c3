"""For every pytest run of the project: the policy for notebooks, and the tools within reach of their tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]  # tests import the tools by name: editions, contents, …

pytest_plugins = ["nbval_policy"]
collect_ignore = ["notebooks/student", "work"]  # not executed, so nothing to compare; tools/student_run runs the former
