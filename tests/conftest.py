"""What tests of several parts share: a project with data prepared, and a model_cache that builds on it."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Other people's, in code that these tests must run.
NOT_OURS = [
    r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning",  # Keras Tuner
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",  # Keras's variables
]


def pytest_configure(config: pytest.Config) -> None:
    for each in NOT_OURS:
        config.addinivalue_line("filterwarnings", each)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which digits are prepared."""
    from pipeline.data.fetch import fetch
    from pipeline.data.prepare import prepare

    root = tmp_path_factory.mktemp("project")
    fetch("digits", root, None)
    prepare("digits", root)
    return root


@pytest.fixture(autouse=True)
def _machine_of_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans be the same on every machine, where no session has taught how fast this one is."""
    monkeypatch.setattr("pipeline.planning.speed.slowness", lambda: 1.0)


@pytest.fixture(scope="module")
def model_cache(project: Path) -> Iterator["ModelCache"]:
    """What stacks share, for the tests of one file that train in this process; TensorFlow starts here.

    Templates and compiled programs live as long as the file's tests: kept for all files they hold gigabytes.
    """
    from pipeline.engine.datasets import DatasetCache
    from pipeline.engine.environment import set_up
    from pipeline.engine.model_cache import ModelCache

    set_up("float32")
    gc.freeze()  # TensorFlow's own objects, which every collection would look at
    yield ModelCache(DatasetCache(project))
    import keras

    gc.unfreeze()
    keras.backend.clear_session()
    gc.collect()


@pytest.fixture(scope="module")
def fused(model_cache: "ModelCache") -> "Engine":
    """The fused engine; what it compiled for one test serves the next."""
    from pipeline.engine.stacks import Engine

    return Engine(model_cache, "fused")


@pytest.fixture(scope="module")
def fit(model_cache: "ModelCache") -> "Engine":
    """The engine that calls Keras's own `fit`."""
    from pipeline.engine.stacks import Engine

    return Engine(model_cache, "fit")
