"""Self-checks of the students' answers: `answer = exercises.check("answer")` says what is wrong, the page runs on.

One file per notebook registers its exercises, all files of this folder are read; the machinery stands in `harness`
(what students call), `judge` (the verdict), `runs`, `messages` and `guesses`, `grading` (what a grader calls).
"""

import importlib
import pkgutil

from utils.exercises.grading import grade
from utils.exercises.harness import EXERCISES, check, predict, tally

__all__ = ["EXERCISES", "check", "grade", "predict", "tally"]

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")
