"""Run Keras Tuner's own tests of its tuners with our classes in place of its own.

    python tests/tuner/run_keras_tuners_tests.py PATH [pytest arguments]

PATH is a checkout of Keras Tuner's repository. Its tests are copied from it, not its code: they test the installed
Keras Tuner, whose modules lie under `keras_tuner.src`.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import keras_tuner.src.tuners
import pytest
from keras_tuner.src.engine import tuner as engine
from keras_tuner.src.tuners import bayesian, gridsearch, hyperband, randomsearch

from pipeline import tuner as ours
from pipeline.tuner.tuner import Fused

FILES = (
    "engine/tuner_test.py",
    "tuners/randomsearch_test.py",
    "tuners/gridsearch_test.py",
    "tuners/bayesian_test.py",
    "tuners/hyperband_test.py",
)
PLACES = {
    "RandomSearch": (ours.RandomSearch, randomsearch),
    "GridSearch": (ours.GridSearch, gridsearch),
    "BayesianOptimization": (ours.BayesianOptimization, bayesian),
    "Hyperband": (ours.Hyperband, hyperband),
    "Tuner": (ours.FusedTuner, engine),
}


class InPlace:
    """A plugin of pytest: the classes are exchanged, and what they trained together is counted."""

    def __init__(self) -> None:
        self.stacks: list[tuple[str, ...]] = []

    @pytest.fixture(autouse=True)
    def seeds(self) -> None:
        """Keras Tuner's own fixture."""
        keras.utils.set_random_seed(0)

    @pytest.fixture(autouse=True)
    def exchanged(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Put our classes where the tests look for Keras Tuner's."""
        plain = Fused._train_together

        def counted(tuner: Any, executions: Any) -> None:
            before = len(tuner.stacks)
            plain(tuner, executions)
            self.stacks.extend(tuner.stacks[before:])

        counted.__module__ = Fused.__module__
        monkeypatch.setattr(Fused, "_train_together", counted)
        for name, (own, module) in PLACES.items():
            for place in (module, keras_tuner, keras_tuner.src.tuners, keras_tuner.tuners):
                monkeypatch.setattr(place, name, own, raising=False)
        return

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many trials trained together."""
        models = sum(map(len, self.stacks))
        terminalreporter.write_line(f"{models} models trained in {len(self.stacks)} stacks")


def copied(repository: Path, folder: Path) -> list[str]:
    """Copy the tests to `folder`, with imports of the installed modules; return their paths."""
    paths = []
    for name in FILES:
        text = (repository / "keras_tuner" / name).read_text()
        text = re.sub(r"\bkeras_tuner\.(backend|engine|tuners)\b", r"keras_tuner.src.\1", text)
        text = re.sub(
            r"from keras_tuner import (backend|errors|utils)", r"from keras_tuner.src import \1", text
        )
        path = folder / Path(name).name
        path.write_text(text)
        paths.append(str(path))
    return paths


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tests = copied(Path(sys.argv[1]), Path(folder))
        options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", folder, "-q", *sys.argv[2:]]
        sys.exit(pytest.main([*tests, *options], plugins=[InPlace()]))
