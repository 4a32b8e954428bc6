"""Properties of surgery on drawn models: a model that computes and says what it lacks, or a fault; never a traceback."""

import contextlib
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.build.summary import layer_table
from pipeline.build.surgery import replaced, without
from pipeline.core.errors import UserError

from .drawn_models import PLANS, Plan, built

pytestmark = pytest.mark.slow

SWAPS: list[dict[str, Any]] = [
    {"activation": {"relu": "gelu"}},
    {"activation": {"sigmoid": "tanh", "tanh": "relu"}},
    {"layer": {"BatchNormalization": "LayerNormalization"}},
    {"layer": {"LSTM": "GRU"}},
    {"layer": {"Dropout": {"name": "GaussianNoise", "stddev": 0.1}}},
    {"initializer": {"GlorotUniform": "he_normal"}},
    {"regularizer": {"none": {"name": "l2", "l2": 1e-4}}},
]
drawn = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def output(model: keras.Model) -> np.ndarray:
    batch = np.random.default_rng(0).random((3, *model.inputs[0].shape[1:]), dtype="float32")
    return np.asarray(model(batch))


@drawn
@given(PLANS, st.data())
def test_what_is_left_computes_and_has_as_many_parameters_as_it_says(plan: Plan, data: st.DataObject) -> None:
    model = built(plan)
    names = sorted({layer.name for layer in model._flatten_layers(include_self=False)})
    patterns = data.draw(st.lists(st.sampled_from([*names, "dense*", "*_b", "?at*"]), min_size=1, max_size=3))
    before, weights = output(model), model.count_params()
    with contextlib.suppress(UserError):
        left, removed = without(model, patterns)
        assert output(left).shape == before.shape and np.isfinite(output(left)).all()
        assert left.count_params() == weights - removed.parameters
        assert not {part.name for part in removed.layers} & {row.name for row in layer_table(left)}
    assert np.array_equal(output(model), before)  # the model that was given is as it was


@drawn
@given(PLANS, st.sampled_from(SWAPS))
def test_what_is_replaced_computes_too(plan: Plan, changes: dict[str, Any]) -> None:
    model = built(plan)
    before = output(model)
    with contextlib.suppress(UserError):
        other = replaced(model, changes)
        assert output(other).shape == before.shape and np.isfinite(output(other)).all()
        assert other.get_layer("head").get_config()["activation"] == "softmax"
    assert np.array_equal(output(model), before)
