"""Looks at small models, against hand-written passes and closed forms."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.params.evaluation import Propagation, RateRange, Signals
from pipeline.params.names import Named
from pipeline.params.recipe import Recipe
from pipeline.runs import Context, Run

if TYPE_CHECKING:
    from pipeline.engine.driver import Workshop
    from pipeline.probes.subject import Subject

BASE: dict[str, Any] = {
    "data": {"limit": 200, "validation": 60},
    "model": {"layers": [7, 5], "activation": "tanh"},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "training": {"epochs": 1, "batch_size": 20},
}
SELU = (Named(name="selu"), Named(name="LecunNormal"))


def run(**patch: Any) -> Run:
    return Run(Recipe.model_validate({**BASE, **patch}), Context("digits", "x", 0, "float32"), "replicate", 0)


def subject(workshop: "Workshop", looked: Run) -> "Subject":
    from pipeline.probes.subject import Subject

    return Subject(workshop, looked)


def test_signals_are_those_of_a_hand_written_pass(workshop: "Workshop") -> None:
    from pipeline.probes.signals import signals

    looked = run()
    of = subject(workshop, looked)
    found = signals(of, looked, None, Signals(samples=50))
    assert found["trained"] is None and found["layers"] == ["block0_dense", "block1_dense", "output"]
    x, y = of.view.x[of.view.validation[:50]], of.view.y[of.view.validation[:50]]
    first, _, second, _, third, _ = of.start(looked)
    one = np.tanh(x @ first)
    two = np.tanh(one @ second)
    logits = two @ third
    for layer, values in enumerate((one, two, logits)):
        assert found["start"]["mean"][layer] == pytest.approx(values.mean(), abs=1e-6)
        assert found["start"]["deviation"][layer] == pytest.approx(values.std(axis=0).mean(), rel=1e-4)
    # Cross-entropy after a softmax: the gradient of the logits is p - y.
    error = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(10)[y]
    back = (error @ third.T) * (1 - two**2)
    further = (back @ second.T) * (1 - one**2)
    norms = [np.linalg.norm(a.T @ b) / 50 for a, b in ((x, further), (one, back), (two, error))]
    np.testing.assert_allclose(found["start"]["gradient"], norms, rtol=1e-3)


def test_signals_of_trained_weights_are_another_model_s(workshop: "Workshop") -> None:
    from pipeline.probes.signals import signals

    looked = run()
    of = subject(workshop, looked)
    found = signals(of, looked, [2 * weight for weight in of.start(looked)], Signals())
    assert min(found["trained"]["deviation"]) > max(found["start"]["deviation"][:2])
    again = signals(of, looked, of.start(looked), Signals())
    assert again["trained"] == again["start"] == found["start"]


def test_what_overflows_is_none(workshop: "Workshop") -> None:
    from pipeline.probes.signals import signals

    looked = run(model={"layers": [7, 5], "activation": "linear"})
    of = subject(workshop, looked)
    found = signals(of, looked, [1e30 * weight for weight in of.start(looked)], Signals())
    assert found["trained"]["deviation"][2] is None


def test_signals_pass_through_convolutions_and_normalisation(workshop: "Workshop") -> None:
    from pipeline.probes.signals import signals

    layers = [{"filters": 3, "kernel_size": 3}, "max_pooling2d", "flatten", 6]
    looked = run(model={"layers": layers, "normalisation": "before"}, regularisation={"dropout": 0.2})
    of = subject(workshop, looked)
    found = signals(of, looked, of.start(looked), Signals(inputs="normal", samples=32))
    assert found["layers"] == ["block0_conv", "block3_dense", "output"]
    for values in found["start"].values():
        assert len(values) == 3 and all(value is not None for value in values)


def test_selu_normalises_itself_through_depth() -> None:
    from pipeline.probes.propagation import propagate

    found = propagate(*SELU, Propagation(layers=200, units=100, samples=300), seed=0)
    deviations = np.array(found["deviation"])[np.array(found["depth"]) % 20 == 0]
    assert np.abs(found["mean"]).max() < 0.15
    assert deviations.min() > 0.8 and deviations.max() < 1.1
    assert found["deviation"][0] == pytest.approx(1.0, abs=0.02)


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
    from pipeline.probes.propagation import propagate

    settings = Propagation(layers=40, units=50, samples=100)
    found = propagate(Named(name=activation), Named(name=initializer), settings, seed=0)
    assert end[0] <= found["deviation"][-1] <= end[1]


def test_a_tower_depends_on_its_seed_alone() -> None:
    from pipeline.probes.propagation import depths, propagate

    settings = Propagation(layers=5, units=10, samples=10)
    assert propagate(*SELU, settings, seed=1) == propagate(*SELU, settings, seed=1)
    assert propagate(*SELU, settings, seed=1) != propagate(*SELU, settings, seed=2)
    assert set(range(0, 1001, 100)) <= set(depths(1000)) and len(depths(1000)) < 120
    assert depths(3) == [0, 1, 2, 3]


@pytest.mark.usefixtures("workshop")
def test_functions_have_their_known_slopes_and_saturate_where_these_are_small() -> None:
    from pipeline.probes.functions import curve

    found = curve(Named(name="tanh"))
    x = np.array(found["x"])
    np.testing.assert_allclose(found["value"], np.tanh(x), atol=1e-6)
    np.testing.assert_allclose(found["slope"], 1 - np.tanh(x) ** 2, atol=1e-3)
    edge = np.arccosh(np.sqrt(1 / 0.05))  # where 1 - tanh^2 is 0.05
    (low, high) = found["saturated"]
    assert (low[0], high[1]) == (-6, 6)
    assert -low[1] == high[0] == pytest.approx(edge, abs=1 / 32)
    leaky = curve(Named(name="LeakyReLU", negative_slope=0.3))
    assert leaky["value"][0] == pytest.approx(-1.8) and leaky["saturated"] == []
    assert curve(Named(name="relu"))["saturated"] == [[-6.0, pytest.approx(0, abs=1 / 16)]]
    assert curve(Named(name="softmax")) == {}
    assert curve(Named(name="PReLU"))["value"][0] == 0  # its slopes start from 0


def test_passes_differ_and_average(workshop: "Workshop") -> None:
    from pipeline.build.weights import seed_states, set_seed_states
    from pipeline.probes.uncertainty import passes

    looked = run(regularisation={"dropout": 0.5})
    of = subject(workshop, looked)
    of.model.set_weights([3 * weight for weight in of.start(looked)])
    of.model.trainable = False
    rows = of.view.test[:40]
    one, other = (of.probabilities(rows, training=True) for _ in range(2))
    assert np.abs(one - other).max() > 0.01
    set_seed_states(of.model, seed_states(of.model, 1))
    drawn = np.array([of.probabilities(rows, training=True) for _ in range(6)])
    set_seed_states(of.model, seed_states(of.model, 1))
    labels = of.view.y[rows]
    mean, deviation, single = passes(of, rows, labels, 6)
    np.testing.assert_allclose(mean, drawn.mean(axis=0), atol=1e-7)
    np.testing.assert_allclose(deviation, drawn.std(axis=0), atol=1e-7)
    assert single == pytest.approx(np.mean([(each.argmax(axis=1) == labels).mean() for each in drawn]))


def test_batch_statistics_stay_out_of_uncertainty(workshop: "Workshop") -> None:
    from pipeline.probes.uncertainty import uncertainty

    model = {"layers": [7], "normalisation": "before"}
    looked = run(model=model, regularisation={"dropout": {"name": "Dropout", "rate": 1e-9}})
    of = subject(workshop, looked)
    found = uncertainty(of, looked, of.start(looked), 3)
    for name in ("accuracy", "negative_log_likelihood", "calibration_error", "entropy"):
        assert found["mc"][name] == pytest.approx(found["plain"][name], rel=1e-4)
    plain = run(model=model)
    of = subject(workshop, plain)
    assert uncertainty(of, plain, of.start(plain), 3) == {}


def test_uncertain_images_are_the_least_certain_ones(workshop: "Workshop") -> None:
    from pipeline.probes.uncertainty import uncertainty

    looked = run(data={"classes": [3, 8], "validation": 60}, regularisation={"dropout": 0.3})
    of = subject(workshop, looked)
    weights = [5 * weight for weight in of.start(looked)]
    found = uncertainty(of, looked, weights, 5)
    entropies = [image["entropy"] for image in found["uncertain"]]
    assert entropies == sorted(entropies, reverse=True) and entropies[0] > found["mc"]["entropy"]
    assert {image["label"] for image in found["uncertain"]} <= {"3", "8"}
    assert found == uncertainty(subject(workshop, looked), looked, weights, 5)


def test_worst_mistakes_come_first(workshop: "Workshop") -> None:
    from pipeline.probes.predictions import predictions

    looked = run(data={"classes": [2, 5, 7], "validation": 60})
    of = subject(workshop, looked)
    found = predictions(of, of.start(looked), 6)
    counts = np.array(found["confusion"])
    assert found["classes"] == ["2", "5", "7"] and counts.sum() == found["images"] == len(of.view.test)
    assert found["wrong"] == counts.sum() - np.trace(counts) > 6
    sure = [answer["confidence"] for answer in found["worst"]]
    assert len(sure) == 6 and sure == sorted(sure, reverse=True)
    assert all(answer["label"] != answer["predicted"] for answer in found["worst"])
    assert all(answer["label"] == answer["predicted"] for answer in found["right"])
    probabilities = of.probabilities(of.view.test)
    wrong = probabilities.argmax(axis=1) != of.view.y[of.view.test]
    assert sure[0] == pytest.approx(probabilities.max(axis=1)[wrong].max())


def test_one_sigmoid_output_predicts_two_classes(workshop: "Workshop") -> None:
    from pipeline.probes.predictions import predictions

    looked = run(
        data={"classes": [0, 1], "validation": 60},
        model={"layers": [4], "output": {"units": 1, "activation": "sigmoid"}},
        training={"epochs": 1, "loss": "binary_crossentropy"},
    )
    of = subject(workshop, looked)
    found = predictions(of, of.start(looked), 3)
    assert np.array(found["confusion"]).shape == (2, 2)


def test_losses_of_a_range_test_are_those_of_single_steps(workshop: "Workshop") -> None:
    from pipeline.engine.batches import batches
    from pipeline.probes.finder import FEWEST_STEPS, range_test
    from pipeline.seeds import derive

    looked = run(model={"layers": []})
    of = subject(workshop, looked)
    rates, losses = range_test(of, looked, RateRange(low=1e-3, high=0.1))
    assert len(rates) == FEWEST_STEPS and rates[0] == pytest.approx(1e-3) and rates[-1] == pytest.approx(0.1)
    kernel, bias = of.start(looked)
    order = np.concatenate(
        [batches(of.view.training, 20, epoch, derive(looked.seeds.batches, 0)) for epoch in (1, 2)]
    )
    for rate, rows, loss in zip(rates[:15], order, losses, strict=False):
        x, y = of.view.x[rows], np.eye(10)[of.view.y[rows]]
        scores = np.exp(x @ kernel + bias)
        p = scores / scores.sum(axis=1, keepdims=True)
        assert loss == pytest.approx(-np.log((p * y).sum(axis=1)).mean(), rel=1e-4)
        kernel, bias = kernel - rate * x.T @ (p - y) / 20, bias - rate * (p - y).mean(axis=0)


def test_a_range_test_stops_where_training_diverges(workshop: "Workshop") -> None:
    from pipeline.probes.finder import find_rate

    looked = run(model={"layers": [8], "activation": "relu"})
    found = find_rate(subject(workshop, looked), looked, RateRange(low=1e-3, high=1e6))
    assert found["rates"][-1] < 1e6
    assert 1e-3 < found["suggested"] < 1 and found["turning"] == pytest.approx(10 * found["suggested"])


def test_looks_repeat_where_dropout_is_active(workshop: "Workshop") -> None:
    from pipeline.probes.finder import range_test
    from pipeline.probes.signals import signals

    looked = run(model={"layers": [6]}, regularisation={"dropout": 0.5})
    found = [signals(subject(workshop, looked), looked, None, Signals(samples=20)) for _ in range(2)]
    assert found[0] == found[1]
    losses = [range_test(subject(workshop, looked), looked, RateRange(high=0.1))[1] for _ in range(2)]
    np.testing.assert_array_equal(losses[0], losses[1])
