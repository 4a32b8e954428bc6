"""Names that Keras knows, or a user's `module:Name`, with their arguments checked against the signature."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from pipeline.core.errors import UserError
from pipeline.core.plugins import is_plugin, locate
from pipeline.core.project import root
from pipeline.params.faults import Fault, FaultsError, fault_at, invalid, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.arguments import argument_faults, nested_namespace, typed
from pipeline.params.keras_names.catalogue import Namespace, Symbol
from pipeline.params.keras_names.signatures import is_closed
from pipeline.params.keras_names.vocabulary import WITH_ARTICLE, unknown_name
from pipeline.params.spec import defined_as


class Named(BaseModel):
    """A name of Keras, or the user's `module:Name`, with its arguments.

    `name` is spelled as `getattr(keras.<namespace>, name)` takes it; an activation may also be one of
    `keras.layers`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments written, without the name."""
        return dict(self.model_extra or {})


def read_named(
    value: object, *namespaces: Namespace, elsewhere: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return `value` as `{name: canonical, **arguments}`.

    The arguments in `elsewhere` are filled in and checked elsewhere, so never missing here. Raises `FaultsError`
    with every fault.
    """
    name, written = _split(value, WITH_ARTICLE[namespaces[0]])
    symbol = _plugin(name, namespaces[0]) if is_plugin(name) else _symbol(name, namespaces)
    if symbol is None:
        return {"name": name, **written}
    written, nested = _nested(written, symbol) if symbol.namespace == "layers" else (written, [])
    bare = _bare_faults(written) if symbol.namespace == "activation_layers" else []
    faults = [*argument_faults(symbol, written, elsewhere), *nested, *bare]
    if faults:
        raise FaultsError(*faults)
    return {"name": symbol.name, **typed(symbol, written)}


def _nested(written: dict[str, Any], layer: Symbol) -> tuple[dict[str, Any], list[Fault]]:
    """Return a layer's arguments with the names in them (`kernel_regularizer: {name: l2}`) read, and their faults.

    A bare name that Keras reads itself stays bare, and so do the arguments of a user's own layer.
    """
    read, faults = dict(written), []
    for key, item in written.items():
        space = nested_namespace(key)
        if space is None or not _is_named(item, space) or (isinstance(item, str) and is_plugin(layer.name)):
            continue
        try:
            named = read_named(item, space)
        except FaultsError as error:
            faults += [fault.under(key) for fault in error.faults]
        else:
            read[key] = item if _is_read_by_keras(item, space) else named
    return read, faults


def _is_named(item: object, space: Namespace) -> bool:
    """Return whether an argument has a known name or a mapping; an unknown name is a fault of the argument."""
    if isinstance(item, str):
        return is_plugin(item) or catalogue.find(space, item) is not None
    return isinstance(item, Mapping)


def _is_read_by_keras(item: object, space: Namespace) -> bool:
    symbol = catalogue.find(space, item) if isinstance(item, str) else None
    return symbol is not None and catalogue.is_understood(symbol, str(item))


def _bare_faults(written: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of an activation's arguments, which are passed to Keras as they are written."""
    arguments = ((key, item, nested_namespace(key)) for key, item in written.items() if item is not None)
    return [
        fault_at(f"must be a name as Keras spells it, such as zeros or he_normal; got {show(item)}", key)
        for key, item, space in arguments
        if space is not None and _is_named(item, space) and not _is_read_by_keras(item, space)
    ]


def _split(value: object, kind: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments, from a bare name or from a mapping."""
    mapping = {"name": value} if isinstance(value, str) else value
    if not isinstance(mapping, Mapping):
        raise invalid(f"must be the name of {kind}, or a mapping with `name`; got {show(value)}")
    name = mapping.get("name")
    if not isinstance(name, str):
        raise invalid(f"must be the name of {kind}; got {show(name)}", "name")
    return name, {key: item for key, item in mapping.items() if key != "name"}


def _plugin(spec: str, namespace: Namespace) -> Symbol | None:
    """Return the user's own function or class; None where its file does not show all its arguments."""
    try:
        path = locate(spec, root())
    except UserError as error:
        raise invalid(str(error), "name") from None
    name = spec.partition(":")[2]
    return Symbol(namespace, spec, name, path, True) if is_closed(path, name) else None


def _symbol(name: str, namespaces: tuple[Namespace, ...]) -> Symbol:
    for space in namespaces:
        if symbol := catalogue.find(space, name):
            return symbol
    raise invalid(unknown_name(name, *namespaces), "name")


def reader(*namespaces: Namespace) -> Callable[[Any], Any]:
    """Return a pydantic validator that reads a name of `namespaces`."""

    def read(value: Any) -> Any:
        return value if isinstance(value, Named) else read_named(value, *namespaces)

    return read


Activation = Annotated[
    Named, BeforeValidator(reader("activations", "activation_layers")), defined_as("activation")
]
Initializer = Annotated[Named, BeforeValidator(reader("initializers")), defined_as("initializer")]
Regularizer = Annotated[Named, BeforeValidator(reader("regularizers")), defined_as("regularizer")]
Constraint = Annotated[Named, BeforeValidator(reader("constraints")), defined_as("constraint")]
Loss = Annotated[Named, BeforeValidator(reader("losses")), defined_as("loss")]
