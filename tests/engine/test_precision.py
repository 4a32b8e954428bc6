"""Half the width: every kind of lifted number trains in mixed precision too, and comes out near full precision."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from core.kit import run

from .training import train

if TYPE_CHECKING:
    from pipeline.engine.driver import Workshop

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
def test_mixed_precision_trains_with_both_engines(workshop: "Workshop") -> None:
    from pipeline.engine.auto import Engine
    from pipeline.engine.driver import Workshop

    own = Workshop(workshop.views)  # whose templates are in this precision
    runs = [run(patch) for patch in PATCHES]
    for fused, fit in zip(train(Engine(own, "fused"), runs), train(Engine(own, "fit"), runs), strict=True):
        assert (fused.record.outcome, fused.record.engine.name) == ("finished", "fused")
        assert fused.weights is not None and all(array.dtype == "float32" for array in fused.weights)
        assert fused.record.metrics["val_loss"] == pytest.approx(fit.record.metrics["val_loss"], rel=0.05)
