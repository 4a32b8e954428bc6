"""What the installed Keras offers by name, read from its source text without importing it.

Importing Keras takes seconds, and checking a params file must not. So names come from the `@keras_export`
decorators, found as text, and a name's arguments from the syntax tree of the file that defines it.
"""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pipeline.params.keras_names.signatures import Argument, signature

Namespace = Literal[
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "optimizers",
    "schedules",
    "layers",
    "noise",
    "activation_layers",
    "applications",
    "metrics",
    "augmentation",
]
NAMESPACES: tuple[Namespace, ...] = get_args(Namespace)

FOLDERS: dict[Namespace, str] = {
    "schedules": "optimizers/schedules",
    "noise": "layers/regularization",
    "activation_layers": "layers/activations",
    "augmentation": "layers/preprocessing/image_preprocessing",
}
EXPORTS: dict[Namespace, str] = {
    "schedules": "optimizers.schedules",
    "noise": "layers",
    "activation_layers": "layers",
    "augmentation": "layers",
}

# Layers that join several inputs cannot be part of a chain; text and feature layers do not take images.
NOT_IN_A_CHAIN = {"merging", "attention", "preprocessing"}
# Abstract bases, wrappers that need a Python object, and layers without use in a chain that takes images.
EXCLUDED = {
    *("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"),
    *("Loss", "Initializer", "Regularizer", "Constraint", "LearningRateSchedule"),
    *("Layer", "Wrapper", "Bidirectional", "TimeDistributed", "SpectralNormalization", "Lambda"),
    *("RNN", "StackedRNNCells", "SimpleRNNCell", "GRUCell", "LSTMCell"),
    *("InputLayer", "InputSpec", "Activation", "ActivityRegularization", "Masking"),
    *("Embedding", "ReversibleEmbedding"),
}
# Names that no dense or convolutional classifier can train with, by namespace.
UNSUITED = {
    "activations": {"glu"},  # halves its units
    "initializers": {"STFT"},  # the kernel of a Fourier transform
    # For sequences; for embeddings; divides by targets, most of which are 0.
    "losses": {"CTC", "Circle", "MeanAbsolutePercentageError"},
    # Bases, and means of what is no prediction.
    "metrics": {"Metric", "Mean", "Sum", "MeanMetricWrapper", "ConcordanceCorrelation"},
    # They drop channels; as layers they may be used.
    "noise": {"SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"},
    # A base; of pairs of inputs and labels; of bounding boxes.
    "augmentation": {"BaseImagePreprocessingLayer", "CutMix", "MixUp", "MaxNumBoundingBoxes"},
}
# Exported names that Keras does not read where a layer's argument is a bare name.
UNREADABLE = {"Constant", "constant", "l1_l2"}
# Arguments that the pipeline sets for every run, so the user cannot.
RESERVED = {"self", "name", "dtype", "seed", "autocast"}

FUNCTIONS = {"activations", "applications"}
"""Namespaces of functions; the others hold classes."""

EXPORT = re.compile(r"^@keras_export\((.*?)\)\s*\n(?:@[^\n]*\n)*(class|def) (\w+)", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r'"([\w.]+)"')


@dataclass(frozen=True)
class Symbol:
    """A public name of Keras, as `getattr(keras.<namespace>, name)` takes it, and where its code is.

    `exports` are all names under which Keras offers it.
    """

    namespace: Namespace
    name: str
    code_name: str
    path: Path
    is_class: bool
    exports: tuple[str, ...] = ()


def fold(name: str) -> str:
    """Return `name` in the form in which names are compared: without case and underscores."""
    return name.replace("_", "").lower()


@cache
def keras_root() -> Path:
    """Return the installed Keras's source folder; raises `ModuleNotFoundError` where there is none."""
    spec = importlib.util.find_spec("keras")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("Keras is not installed", name="keras")
    return Path(spec.submodule_search_locations[0]) / "src"


@cache
def keras_version() -> str:
    """Return the installed Keras's version."""
    text = (keras_root() / "version.py").read_text(encoding="utf-8")
    match = re.search(r'__version__ = "([^"]+)"', text)
    return match[1] if match else "?"


def names(namespace: Namespace) -> tuple[str, ...]:
    """Return every canonical name of `namespace`, sorted."""
    canonical = {symbol.name for symbol in _index(namespace).values()}
    return tuple(sorted(canonical, key=str.lower))


def aliases(namespace: Namespace) -> tuple[str, ...]:
    """Return the other names Keras exports, such as `mse`, sorted, in lower case."""
    known = _index(namespace)
    return tuple(sorted(alias for alias, symbol in known.items() if alias != fold(symbol.name)))


def find(namespace: Namespace, name: str) -> Symbol | None:
    """Return what `name` means in `namespace`, case and underscores ignored, or None."""
    return _index(namespace).get(fold(name))


def is_understood(symbol: Symbol, written: str) -> bool:
    """Return whether Keras itself reads `written` as `symbol` in a layer's argument."""
    spellings = {*symbol.exports, *([snake_case(symbol.name)] if symbol.is_class else [])}
    return written in spellings - UNREADABLE


def snake_case(name: str) -> str:
    """Return `HeNormal` as `he_normal`, and `L1L2` as `l1l2`: as `keras.src.utils.naming.to_snake_case` does."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


@cache
def arguments(symbol: Symbol) -> Mapping[str, Argument]:
    """Return the arguments a user may give to `symbol`, by name, those of its base classes included."""
    offered = signature(symbol.path, symbol.code_name)
    return {name: argument for name, argument in offered.items() if name not in RESERVED}


@cache
def _index(namespace: Namespace) -> Mapping[str, Symbol]:
    index: dict[str, Symbol] = {}
    for symbol in sorted(_symbols(namespace), key=lambda symbol: not symbol.is_class):
        known = index.get(fold(symbol.name), symbol)
        for alias in (symbol.name, *symbol.exports):
            index.setdefault(fold(alias), known)
    return {alias: symbol for alias, symbol in index.items() if _is_usable(symbol)}


def _symbols(namespace: Namespace) -> Iterator[Symbol]:
    """Yield each exported symbol."""
    prefix = re.compile(rf"keras\.(?:_legacy\.)?{re.escape(EXPORTS.get(namespace, namespace))}\.(\w+)")
    for path in _files(namespace):
        for exports, kind, code_name in EXPORT.findall(path.read_text(encoding="utf-8")):
            aliases = [match[1] for name in QUOTED.findall(exports) if (match := prefix.fullmatch(name))]
            if aliases:
                name = code_name if code_name in aliases else aliases[0]
                yield Symbol(namespace, name, code_name, path, kind == "class", tuple(aliases))


def _files(namespace: Namespace) -> list[Path]:
    folder = keras_root() / FOLDERS.get(namespace, namespace)
    paths = folder.rglob("*.py") if namespace == "layers" else folder.glob("*.py")
    return sorted(path for path in paths if _is_source(path) and _is_chainable(path, folder))


def _is_source(path: Path) -> bool:
    return path.name != "__init__.py" and not path.name.endswith("_test.py")


def _is_chainable(path: Path, folder: Path) -> bool:
    return not NOT_IN_A_CHAIN.intersection(path.relative_to(folder).parts) or path.stem == "rescaling"


def _is_usable(symbol: Symbol) -> bool:
    """Return whether a params file may have the name: no base class, wrapper or helper function (`get`, `serialize`)."""
    unsuited = EXCLUDED | UNSUITED.get(symbol.namespace, set())
    return symbol.name not in unsuited and symbol.is_class != (symbol.namespace in FUNCTIONS)
