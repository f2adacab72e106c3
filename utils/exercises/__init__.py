"""Self-checks of the students' answers: `answer = exercises.check(answer)` says what is wrong and lets the page run on.

One file per notebook registers its exercises, all files of this folder are read; the machinery stands in `harness`.
"""

import importlib
import pkgutil

from utils.exercises.harness import EXERCISES, check, predict

__all__ = ["EXERCISES", "check", "predict"]

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")
