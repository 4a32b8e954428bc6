import subprocess
import sys

import pytest

from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace


@pytest.mark.parametrize(
    ("namespace", "written", "canonical"),
    [
        ("activations", "LeakyReLU", "leaky_relu"),
        ("activations", "swish", "silu"),
        ("activation_layers", "prelu", "PReLU"),
        ("initializers", "he_normal", "HeNormal"),
        ("initializers", "HENORMAL", "HeNormal"),
        ("regularizers", "l1_l2", "L1L2"),
        ("constraints", "max_norm", "MaxNorm"),
        ("losses", "sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        ("losses", "mse", "MeanSquaredError"),
        ("optimizers", "nadam", "Nadam"),
        ("optimizers", "adam_w", "AdamW"),
        ("schedules", "exponential_decay", "ExponentialDecay"),
        ("layers", "max_pooling2d", "MaxPooling2D"),
        ("layers", "Convolution2D", "Conv2D"),
        ("noise", "alpha_dropout", "AlphaDropout"),
    ],
)
def test_names_ignore_case_and_underscores(namespace: Namespace, written: str, canonical: str) -> None:
    symbol = catalogue.find(namespace, written)
    assert symbol is not None
    assert symbol.name == canonical


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("activations", "get"),
        ("activations", "serialize"),
        ("initializers", "Initializer"),
        ("losses", "Loss"),
        ("optimizers", "Optimizer"),
        ("optimizers", "LossScaleOptimizer"),
        ("schedules", "LearningRateSchedule"),
        ("layers", "Layer"),
        ("layers", "TimeDistributed"),
        ("layers", "Concatenate"),
        ("layers", "TextVectorization"),
        ("noise", "ActivityRegularization"),
        ("activations", ""),
    ],
)
def test_bases_wrappers_and_helpers_are_left_out(namespace: Namespace, name: str) -> None:
    assert catalogue.find(namespace, name) is None


def test_base_classes_arguments_follow_through_kwargs() -> None:
    symbol = catalogue.find("optimizers", "sgd")
    assert symbol is not None
    assert {"momentum", "nesterov", "weight_decay", "use_ema"} <= catalogue.arguments(symbol).keys()


def test_what_a_class_fills_in_for_its_base_is_not_the_users() -> None:
    symbol = catalogue.find("layers", "MaxPooling2D")
    assert symbol is not None
    assert not {"pool_dimensions", "pool_mode", "name", "dtype"} & catalogue.arguments(symbol).keys()


def test_required_arguments_and_defaults() -> None:
    symbol = catalogue.find("layers", "Dropout")
    assert symbol is not None
    arguments = catalogue.arguments(symbol)
    assert arguments["rate"].required
    assert not arguments["noise_shape"].required
    relu = catalogue.find("activations", "leaky_relu")
    assert relu is not None
    assert catalogue.arguments(relu)["negative_slope"].default == 0.2


def test_reading_params_imports_no_framework() -> None:
    code = (
        "import sys; from pipeline.params import load; from pipeline.params.keras_names import catalogue;"
        "[catalogue.names(space) for space in catalogue.NAMESPACES];"
        "heavy = {'keras', 'tensorflow', 'mlflow', 'pandas', 'numpy', 'scipy', 'sklearn'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
