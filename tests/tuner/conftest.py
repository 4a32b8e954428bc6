import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Spare the garbage collector what is there before a module's tests: Keras Tuner calls it before each build."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
