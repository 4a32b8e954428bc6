"""Names that Keras knows, or a user's `module:Name`, with their arguments checked against the signature."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from pipeline.errors import UserError, nearest
from pipeline.params import catalogue
from pipeline.params.catalogue import Namespace, Symbol
from pipeline.params.faults import Fault, fault, listing, reject, show
from pipeline.params.signatures import Argument, is_closed
from pipeline.params.spec import shape
from pipeline.plugins import is_plugin, locate
from pipeline.store import root

ARTICLES: dict[Namespace, str] = {
    "activations": "an activation",
    "initializers": "an initializer",
    "regularizers": "a regularizer",
    "constraints": "a constraint",
    "losses": "a loss",
    "optimizers": "an optimizer",
    "schedules": "a schedule",
    "layers": "a layer",
    "noise": "a regularization layer",
}
# What a layer's own argument names, by the end of the argument's name.
NESTED: dict[str, Namespace] = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}


class Named(BaseModel):
    """Something of Keras, or the user's `module:Name`, with its arguments.

    `name` is spelt as `getattr(keras.<namespace>, name)` takes it; an activation may also be one of
    `keras.layers`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments written, without the name."""
        return dict(self.model_extra or {})


def read_named(value: object, *namespaces: Namespace, given: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return `value` as `{name: canonical, **arguments}`.

    `given` names arguments that are filled in elsewhere, so neither missing nor checked here. Raises a
    pydantic error with every fault found.
    """
    mapping = {"name": value} if isinstance(value, str) else value
    if not isinstance(mapping, Mapping):
        raise reject(
            fault(
                f"must be the name of {ARTICLES[namespaces[0]]}, or a mapping with `name`; got {show(value)}"
            )
        )
    name = mapping.get("name")
    if not isinstance(name, str):
        raise reject(fault(f"must be the name of {ARTICLES[namespaces[0]]}; got {show(name)}", "name"))
    written = {key: item for key, item in mapping.items() if key != "name"}
    symbol = _plugin(name, namespaces[0]) if is_plugin(name) else _symbol(name, namespaces)
    if symbol is None:
        return {"name": name, **written}
    allowed = catalogue.arguments(symbol)
    faults = [
        *_unknown(symbol, allowed, written, given),
        *_missing(symbol, allowed, written, given),
        *_mistyped(symbol, allowed, written, given),
    ]
    if faults:
        raise reject(*faults)
    return {"name": symbol.name, **{key: _number(item, allowed.get(key)) for key, item in written.items()}}


def _plugin(spec: str, namespace: Namespace) -> Symbol | None:
    """Return the user's own function or class; None where only running it tells its arguments."""
    try:
        path = locate(spec, root())
    except UserError as error:
        raise reject(fault(str(error), "name")) from None
    name = spec.partition(":")[2]
    return Symbol(namespace, spec, name, path, True) if is_closed(path, name) else None


def _symbol(name: str, namespaces: tuple[Namespace, ...]) -> Symbol:
    found = next((symbol for space in namespaces if (symbol := catalogue.find(space, name))), None)
    if found is None:
        raise reject(fault(unknown_name(name, *namespaces), "name"))
    return found


def unknown_name(name: str, *namespaces: Namespace, ours: tuple[str, ...] = ()) -> str:
    """Return the sentence for a name that nobody knows."""
    allowed = [*ours, *allowed_names(*namespaces)]
    kind = ARTICLES[namespaces[0]]
    near = nearest(name, allowed)
    version = catalogue.keras_version()
    return (
        f"{show(name)} is not {kind} of Keras {version}; allowed: {listing(allowed)}, or module:Name.{near}"
    )


def allowed_names(*namespaces: Namespace) -> list[str]:
    """Return the canonical names of several namespaces; where two share a name, the first one's spelling."""
    found: dict[str, str] = {}
    for space in namespaces:
        for name in catalogue.names(space):
            found.setdefault(catalogue.fold(name), name)
    return list(found.values())


def _unknown(
    symbol: Symbol, allowed: Mapping[str, Argument], written: Mapping[str, object], given: frozenset[str]
) -> list[Fault]:
    offered = [name for name in allowed if name not in given]
    takes = f"it takes {listing(offered)}" if offered else "it takes none"
    return [
        fault(f"is not an argument of {symbol.name}; {takes}.{nearest(str(key), offered)}", key)
        for key in written
        if key not in allowed and key not in given
    ]


def _missing(
    symbol: Symbol, allowed: Mapping[str, Argument], written: Mapping[str, object], given: frozenset[str]
) -> list[Fault]:
    needed = [name for name, argument in allowed.items() if argument.required and name not in given]
    return [fault(f"is missing; {symbol.name} requires it", name) for name in needed if name not in written]


def _mistyped(
    symbol: Symbol, allowed: Mapping[str, Argument], written: Mapping[str, object], given: frozenset[str]
) -> list[Fault]:
    checked = {
        key: item for key, item in written.items() if key in allowed and key not in given and item is not None
    }
    return [
        found
        for key, item in checked.items()
        if (found := _mistake(symbol.namespace, allowed[key], item)) is not None
    ]


def _mistake(namespace: Namespace, argument: Argument, value: object) -> Fault | None:
    default = argument.default
    if isinstance(default, bool):
        return (
            None
            if isinstance(value, bool)
            else fault(f"must be true or false; got {show(value)}", argument.name)
        )
    if isinstance(default, int | float):
        several = namespace == "layers" and isinstance(value, list)
        fits = several or (isinstance(value, int | float) and not isinstance(value, bool))
        return None if fits else fault(f"must be a number; got {show(value)}", argument.name)
    space = NESTED.get(argument.name.rpartition("_")[2])
    if space and isinstance(value, str) and not catalogue.find(space, value):
        return fault(unknown_name(value, space), argument.name)
    return None


def _number(value: object, argument: Argument | None) -> object:
    """Return a whole number as a float where the default is one: `1` and `1.0` are one recipe."""
    floating = argument is not None and isinstance(argument.default, float)
    return float(value) if floating and isinstance(value, int) and not isinstance(value, bool) else value


def reader(*namespaces: Namespace) -> Callable[[Any], Any]:
    """Return a pydantic validator that reads a name of `namespaces`."""

    def read(value: Any) -> Any:
        return value if isinstance(value, Named) else read_named(value, *namespaces)

    return read


Activation = Annotated[
    Named, BeforeValidator(reader("activations", "activation_layers")), shape("activation")
]
Initializer = Annotated[Named, BeforeValidator(reader("initializers")), shape("initializer")]
Regularizer = Annotated[Named, BeforeValidator(reader("regularizers")), shape("regularizer")]
Constraint = Annotated[Named, BeforeValidator(reader("constraints")), shape("constraint")]
Loss = Annotated[Named, BeforeValidator(reader("losses")), shape("loss")]
