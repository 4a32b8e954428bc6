"""Every kind of lifted number trains in mixed precision too, with metrics close to those in full precision."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from kit import run

from .training import train

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache

pytestmark = pytest.mark.slow

PATCHES = [
    {"regularisation": {"dropout": 0.2, "kernel_regularizer": "l1_l2"}, "model": {"normalisation": "before"}},
    {"regularisation": {"dropout": {"name": "AlphaDropout", "rate": 0.1}}},
]


@pytest.fixture
def half() -> Iterator[None]:
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("half")
def test_mixed_precision_trains_with_both_engines(model_cache: "ModelCache") -> None:
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine

    own = ModelCache(model_cache.views)  # its templates are in this precision
    runs = [run(patch) for patch in PATCHES]
    for fused, fit in zip(train(Engine(own, "fused"), runs), train(Engine(own, "fit"), runs), strict=True):
        assert (fused.record.outcome, fused.record.engine.name) == ("finished", "fused")
        assert fused.weights is not None and all(array.dtype == "float32" for array in fused.weights)
        assert fused.record.metrics["val_loss"] == pytest.approx(fit.record.metrics["val_loss"], rel=0.05)
