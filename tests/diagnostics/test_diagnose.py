"""Diagnostics of small models, against hand-written passes and closed forms."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.params.keras_names.named import Named
from pipeline.params.types.evaluation import Propagation, RateRange, Signals
from pipeline.params.types.recipe import Recipe
from pipeline.runs.run import Context, Run

if TYPE_CHECKING:
    from pipeline.diagnostics.model import DiagnosedModel
    from pipeline.engine.model_cache import ModelCache

BASE: dict[str, Any] = {
    "data": {"limit": 200, "validation": 60},
    "model": {"layers": [7, 5], "activation": "tanh"},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "training": {"epochs": 1, "batch_size": 20},
}
SELU = (Named(name="selu"), Named(name="LecunNormal"))


def run(**patch: Any) -> Run:
    return Run(Recipe.model_validate({**BASE, **patch}), Context("digits", "x", 0, "float32"), "replicate", 0)


def diagnosed_model(model_cache: "ModelCache", run: Run) -> "DiagnosedModel":
    """Return the model of a run with the data that it sees."""
    from pipeline.diagnostics.model import DiagnosedModel

    return DiagnosedModel(model_cache, run)


def test_signals_are_those_of_a_hand_written_pass(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.signals import signals

    examined = run()
    model = diagnosed_model(model_cache, examined)
    outcome = signals(model, examined, None, Signals(samples=50))
    assert outcome["trained"] is None and outcome["layers"] == ["block0_dense", "block1_dense", "output"]
    x, y = model.view.x[model.view.validation[:50]], model.view.y[model.view.validation[:50]]
    first, _, second, _, third, _ = model.initial_weights(examined)
    one = np.tanh(x @ first)
    two = np.tanh(one @ second)
    logits = two @ third
    for layer, values in enumerate((one, two, logits)):
        assert outcome["start"]["mean"][layer] == pytest.approx(values.mean(), abs=1e-6)
        assert outcome["start"]["deviation"][layer] == pytest.approx(values.std(axis=0).mean(), rel=1e-4)
    # Cross-entropy after a softmax: the gradient of the logits is p - y.
    error = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(10)[y]
    back = (error @ third.T) * (1 - two**2)
    further = (back @ second.T) * (1 - one**2)
    norms = [np.linalg.norm(a.T @ b) / 50 for a, b in ((x, further), (one, back), (two, error))]
    np.testing.assert_allclose(outcome["start"]["gradient"], norms, rtol=1e-3)


def test_signals_of_trained_weights_are_another_model_s(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.signals import signals

    examined = run()
    model = diagnosed_model(model_cache, examined)
    outcome = signals(model, examined, [2 * weight for weight in model.initial_weights(examined)], Signals())
    assert min(outcome["trained"]["deviation"]) > max(outcome["start"]["deviation"][:2])
    again = signals(model, examined, model.initial_weights(examined), Signals())
    assert again["trained"] == again["start"] == outcome["start"]


def test_what_overflows_is_none(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.signals import signals

    examined = run(model={"layers": [7, 5], "activation": "linear"})
    model = diagnosed_model(model_cache, examined)
    outcome = signals(
        model, examined, [1e30 * weight for weight in model.initial_weights(examined)], Signals()
    )
    assert outcome["trained"]["deviation"][2] is None


def test_signals_pass_through_convolutions_and_normalisation(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.signals import signals

    layers = [{"filters": 3, "kernel_size": 3}, "max_pooling2d", "flatten", 6]
    examined = run(model={"layers": layers, "normalisation": "before"}, regularisation={"dropout": 0.2})
    model = diagnosed_model(model_cache, examined)
    outcome = signals(model, examined, model.initial_weights(examined), Signals(inputs="normal", samples=32))
    assert outcome["layers"] == ["block0_conv", "block3_dense", "output"]
    for values in outcome["start"].values():
        assert len(values) == 3 and all(value is not None for value in values)


def test_selu_normalises_itself_through_depth() -> None:
    from pipeline.diagnostics.propagation import propagate

    outcome = propagate(*SELU, Propagation(layers=200, units=100, samples=300), seed=0)
    deviations = np.array(outcome["deviation"])[np.array(outcome["depth"]) % 20 == 0]
    assert np.abs(outcome["mean"]).max() < 0.15
    assert deviations.min() > 0.8 and deviations.max() < 1.1
    assert outcome["deviation"][0] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("activation", "initializer", "end"),
    [
        ("sigmoid", "GlorotUniform", (0, 1e-4)),
        ("linear", "HeNormal", (1e3, np.inf)),
        ("linear", "Orthogonal", (0.9, 1.1)),
    ],
)
def test_noise_dies_out_explodes_or_is_turned(
    activation: str, initializer: str, end: tuple[float, float]
) -> None:
    from pipeline.diagnostics.propagation import propagate

    settings = Propagation(layers=40, units=50, samples=100)
    outcome = propagate(Named(name=activation), Named(name=initializer), settings, seed=0)
    assert end[0] <= outcome["deviation"][-1] <= end[1]


def test_a_tower_depends_on_its_seed_alone() -> None:
    from pipeline.diagnostics.propagation import depths, propagate

    settings = Propagation(layers=5, units=10, samples=10)
    assert propagate(*SELU, settings, seed=1) == propagate(*SELU, settings, seed=1)
    assert propagate(*SELU, settings, seed=1) != propagate(*SELU, settings, seed=2)
    assert set(range(0, 1001, 100)) <= set(depths(1000)) and len(depths(1000)) < 120
    assert depths(3) == [0, 1, 2, 3]


@pytest.mark.usefixtures("model_cache")
def test_functions_have_their_known_slopes_and_saturate_where_these_are_small() -> None:
    from pipeline.diagnostics.activation_functions import curve

    outcome = curve(Named(name="tanh"))
    x = np.array(outcome["x"])
    np.testing.assert_allclose(outcome["value"], np.tanh(x), atol=1e-6)
    np.testing.assert_allclose(outcome["slope"], 1 - np.tanh(x) ** 2, atol=1e-3)
    edge = np.arccosh(np.sqrt(1 / 0.05))  # where 1 - tanh^2 is 0.05
    (low, high) = outcome["saturated"]
    assert (low[0], high[1]) == (-6, 6)
    assert -low[1] == high[0] == pytest.approx(edge, abs=1 / 32)
    leaky = curve(Named(name="LeakyReLU", negative_slope=0.3))
    assert leaky["value"][0] == pytest.approx(-1.8) and leaky["saturated"] == []
    assert curve(Named(name="relu"))["saturated"] == [[-6.0, pytest.approx(0, abs=1 / 16)]]
    assert curve(Named(name="softmax")) == {}
    assert curve(Named(name="PReLU"))["value"][0] == 0  # its slopes start from 0


def test_passes_differ_and_average(model_cache: "ModelCache") -> None:
    from pipeline.build.weights import seed_states, set_seed_states
    from pipeline.diagnostics.uncertainty import mc_passes

    examined = run(regularisation={"dropout": 0.5})
    model = diagnosed_model(model_cache, examined)
    model.keras_model.set_weights([3 * weight for weight in model.initial_weights(examined)])
    model.keras_model.trainable = False
    rows = model.view.test[:40]
    one, other = (model.probabilities(rows, training=True) for _ in range(2))
    assert np.abs(one - other).max() > 0.01
    set_seed_states(model.keras_model, seed_states(model.keras_model, 1))
    drawn = np.array([model.probabilities(rows, training=True) for _ in range(6)])
    set_seed_states(model.keras_model, seed_states(model.keras_model, 1))
    labels = model.view.y[rows]
    mean, deviation, single = mc_passes(model, rows, labels, 6)
    np.testing.assert_allclose(mean, drawn.mean(axis=0), atol=1e-7)
    np.testing.assert_allclose(deviation, drawn.std(axis=0), atol=1e-7)
    assert single == pytest.approx((drawn.argmax(axis=2) == labels).mean())


def test_batch_statistics_stay_out_of_uncertainty(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.uncertainty import uncertainty

    normalised = {"layers": [7], "normalisation": "before"}
    examined = run(model=normalised, regularisation={"dropout": {"name": "Dropout", "rate": 1e-9}})
    model = diagnosed_model(model_cache, examined)
    outcome = uncertainty(model, examined, model.initial_weights(examined), 3)
    for name in ("accuracy", "negative_log_likelihood", "calibration_error", "entropy"):
        assert outcome["mc"][name] == pytest.approx(outcome["plain"][name], rel=1e-4)
    plain = run(model=normalised)
    model = diagnosed_model(model_cache, plain)
    assert uncertainty(model, plain, model.initial_weights(plain), 3) == {}


def test_uncertain_images_are_the_least_certain_ones(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.uncertainty import uncertainty

    examined = run(data={"classes": [3, 8], "validation": 60}, regularisation={"dropout": 0.3})
    model = diagnosed_model(model_cache, examined)
    weights = [5 * weight for weight in model.initial_weights(examined)]
    outcome = uncertainty(model, examined, weights, 5)
    entropies = [image["entropy"] for image in outcome["uncertain"]]
    assert entropies == sorted(entropies, reverse=True) and entropies[0] > outcome["mc"]["entropy"]
    assert {image["label"] for image in outcome["uncertain"]} <= {"3", "8"}
    assert outcome == uncertainty(diagnosed_model(model_cache, examined), examined, weights, 5)


def test_worst_mistakes_come_first(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.predictions import predictions

    examined = run(data={"classes": [2, 5, 7], "validation": 60})
    model = diagnosed_model(model_cache, examined)
    outcome = predictions(model, model.initial_weights(examined), 6)
    counts = np.array(outcome["confusion"])
    assert outcome["classes"] == ["2", "5", "7"] and counts.sum() == outcome["rows"] == len(model.view.test)
    assert outcome["wrong"] == counts.sum() - np.trace(counts) > 6
    sure = [answer["confidence"] for answer in outcome["worst"]]
    assert len(sure) == 6 and sure == sorted(sure, reverse=True)
    assert all(answer["label"] != answer["predicted"] for answer in outcome["worst"])
    assert all(answer["label"] == answer["predicted"] for answer in outcome["right"])
    probabilities = model.probabilities(model.view.test)
    wrong = probabilities.argmax(axis=1) != model.view.y[model.view.test]
    assert sure[0] == pytest.approx(probabilities.max(axis=1)[wrong].max())


def test_one_sigmoid_output_predicts_two_classes(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.predictions import predictions

    examined = run(
        data={"classes": [0, 1], "validation": 60},
        model={"layers": [4], "output": {"units": 1, "activation": "sigmoid"}},
        training={"epochs": 1, "loss": "binary_crossentropy"},
    )
    model = diagnosed_model(model_cache, examined)
    outcome = predictions(model, model.initial_weights(examined), 3)
    assert np.array(outcome["confusion"]).shape == (2, 2)


def test_losses_of_a_range_test_are_those_of_single_steps(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.range_test import FEWEST_STEPS, range_test
    from pipeline.engine.batches import batches
    from pipeline.runs.seeds import derive

    examined = run(model={"layers": []})
    model = diagnosed_model(model_cache, examined)
    rates, losses, nan_rate = range_test(model, examined, RateRange(low=1e-3, high=0.1))
    assert nan_rate is None
    assert len(rates) == FEWEST_STEPS and rates[0] == pytest.approx(1e-3) and rates[-1] == pytest.approx(0.1)
    kernel, bias = model.initial_weights(examined)
    order = np.concatenate(
        [batches(model.view.training, 20, epoch, derive(examined.seeds.batches, 0)) for epoch in (1, 2)]
    )
    for rate, rows, loss in zip(rates[:15], order, losses, strict=False):
        x, y = model.view.x[rows], np.eye(10)[model.view.y[rows]]
        scores = np.exp(x @ kernel + bias)
        p = scores / scores.sum(axis=1, keepdims=True)
        assert loss == pytest.approx(-np.log((p * y).sum(axis=1)).mean(), rel=1e-4)
        kernel, bias = kernel - rate * x.T @ (p - y) / 20, bias - rate * (p - y).mean(axis=0)


def test_a_range_test_stops_where_training_diverges(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.range_test import find_rate

    examined = run(model={"layers": [8], "activation": "relu"})
    outcome = find_rate(diagnosed_model(model_cache, examined), examined, RateRange(low=1e-3, high=1e6))
    assert outcome["rates"][-1] < 1e6
    assert 1e-3 < outcome["suggested"] < 1 and outcome["turning"] == pytest.approx(10 * outcome["suggested"])
    assert outcome["nan_rate"] is None or outcome["nan_rate"] >= outcome["rates"][-1]


def test_a_range_test_goes_on_until_the_loss_is_no_number(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.range_test import find_rate

    examined = run(
        model={"layers": [8], "activation": "linear", "output": {"activation": "linear"}},
        training={**BASE["training"], "loss": "mean_squared_error"},
    )
    outcome = find_rate(diagnosed_model(model_cache, examined), examined, RateRange(low=1e-3, high=1e30))
    assert outcome["rates"][-1] < outcome["nan_rate"] < 1e30
    assert np.isfinite(outcome["losses"]).all()


def test_the_training_set_is_measured_as_keras_evaluates_it(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.training_set import training_set

    examined = run(
        model={"layers": [7], "normalisation": "before"},
        regularisation={"dropout": 0.5, "kernel_regularizer": {"name": "l2", "l2": 0.01}},
    )
    model = diagnosed_model(model_cache, examined)
    weights = [2 * weight + 0.1 for weight in model.initial_weights(examined)]
    measured = training_set(model, weights)
    x, y = model.view.x[model.view.training], model.view.y[model.view.training]
    model.keras_model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = model.keras_model.evaluate(x, y, verbose=0, return_dict=True)
    assert len(x) == 200 and measured == pytest.approx(expected, rel=1e-5)


def test_diagnostics_repeat_where_dropout_is_active(model_cache: "ModelCache") -> None:
    from pipeline.diagnostics.range_test import range_test
    from pipeline.diagnostics.signals import signals

    examined = run(model={"layers": [6]}, regularisation={"dropout": 0.5})
    outcomes = [
        signals(diagnosed_model(model_cache, examined), examined, None, Signals(samples=20)) for _ in range(2)
    ]
    assert outcomes[0] == outcomes[1]
    losses = [
        range_test(diagnosed_model(model_cache, examined), examined, RateRange(high=0.1))[1] for _ in range(2)
    ]
    np.testing.assert_array_equal(losses[0], losses[1])
