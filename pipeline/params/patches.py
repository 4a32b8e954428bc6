"""Patches: plain mappings merged onto plain mappings, and dotted paths into them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.params.faults import Where
from pipeline.params.keras_names.catalogue import fold

KEPT: dict[Where, tuple[str, ...]] = {
    ("optimizer",): ("learning_rate",),
    ("regularisation", "dropout"): ("where",),
}
"""The arguments that stay when the name changes, because every other name there has them too."""
NORMALISATION, MODEL, OUTPUT = "normalisation", ("model",), ("model", "output")
MODEL_KINDS = ("layers", "build", "application")
"""The keys of which a model has one; what else it may have depends on that."""


def merge(base: Mapping[str, Any], patch: Mapping[str, Any], where: Where = ()) -> dict[str, Any]:
    """Return `base` with `patch` merged into it, mapping by mapping.

    A null resets to the default; where a mapping's `name` changes, its old arguments are dropped (an optimizer keeps
    its learning rate, dropout its `where`), and so is a model where another function builds it; lists are replaced whole,
    and so is batch normalisation by its bare places. A bare name counts as `{name: ...}`, a bare dropout rate as
    Dropout's, an output `none` as `{weights: false}`.
    """
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value, (*where, key))
    return result


def _merged(old: Any, new: Any, where: Where) -> Any:
    if not isinstance(old, Mapping) and not isinstance(new, Mapping):
        return new
    if where[-1] == NORMALISATION and not isinstance(new, Mapping):
        return new
    old, new = _named(old, where), _named(new, where)
    if not isinstance(new, Mapping):
        return new
    if not isinstance(old, Mapping):
        return merge({}, new, where)
    if where == MODEL and _is_another_model(old, new):
        return merge({}, new, where)
    return merge(_kept(old, where) if _renamed(old, new) else old, new, where)


def is_argument(kind: str, value: object) -> bool:
    """Return whether a key of `MODEL_KINDS` is an argument of the function instead: `layers` that are no list."""
    return kind == "layers" and not isinstance(value, list | tuple)


def _is_another_model(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a patch makes a model of another kind, or by another function."""
    kinds = [kind for kind in MODEL_KINDS if new.get(kind) is not None and not is_argument(kind, new[kind])]
    return any(old.get(kind) is None or (kind != "layers" and old[kind] != new[kind]) for kind in kinds)


def _named(value: Any, where: Where) -> Any:
    """Return a shorthand as the mapping that it stands for."""
    if where[-1] == NORMALISATION and isinstance(value, str | list):
        return {"where": value}
    if where == OUTPUT and isinstance(value, str):
        return {"weights": False} if value == "none" else value
    if isinstance(value, str):
        return {"name": value}
    if where[-1] == "dropout" and isinstance(value, int | float):
        return {"name": "Dropout", "rate": value}
    return value


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old.get("name"), new.get("name")
    return isinstance(after, str) and isinstance(before, str) and fold(before) != fold(after)


def _kept(old: Mapping[str, Any], where: Where) -> dict[str, Any]:
    return {key: old[key] for key in KEPT.get(where, ()) if key in old}


def patch_at(path: str, value: Any) -> dict[str, Any]:
    """Return the patch that sets one dotted path: `("a.b", 1)` is `{"a": {"b": 1}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def assign(tree: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return `tree` with a dotted path set as a patch would; a number in the path indexes a list.

    Raises `KeyError` where a list on the way has no such item.
    """
    keys = path.split(".")
    for depth, key in enumerate(keys):
        items = value_at(tree, keys[:depth])
        if isinstance(items, Sequence) and not isinstance(items, str):
            changed = _replaced(items, key, keys[depth + 1 :], value)
            return merge(tree, patch_at(".".join(keys[:depth]), changed))
    return merge(tree, patch_at(path, value))


def value_at(tree: Any, keys: Sequence[str]) -> Any:
    """Return the value under `keys`, or None."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _replaced(items: Sequence[Any], key: str, rest: Sequence[str], value: Any) -> list[Any]:
    if not (key.isdecimal() and int(key) < len(items)):
        raise KeyError(key)
    item = items[int(key)]
    new = assign(item, ".".join(rest), value) if rest and isinstance(item, Mapping) else value
    return [*items[: int(key)], new, *items[int(key) + 1 :]]


def patch_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch with which `merge` makes `new` of `old`, both complete."""
    patch: dict[str, Any] = dict.fromkeys(key for key in old if key not in new)
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            continue
        if (
            not isinstance(before, Mapping)
            or not isinstance(value, Mapping)
            or _renamed(before, value)
            or (key == MODEL[0] and _is_another_model(before, value))
        ):
            patch[key] = value
        else:
            patch[key] = patch_between(before, value)
    return patch


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, object]:
    """Return dotted path -> new value where `new` differs from `old`; None where a key of `old` is missing.

    A changed name is one difference, not one per argument; an optimizer is compared key by key.
    """
    return dict(_differences(old, new, ()))


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], where: Where
) -> Iterator[tuple[str, object]]:
    for key in dict.fromkeys([*old, *new]):
        before, after, path = old.get(key), new.get(key), (*where, key)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping) and not _replaces(before, after, path):
            yield from _differences(before, after, path)
        else:
            yield ".".join(map(str, path)), _short(after)


def _replaces(before: Mapping[str, Any], after: Mapping[str, Any], path: Where) -> bool:
    if path == MODEL and _is_another_model(before, after):
        return True
    return path != ("optimizer",) and _renamed(before, after)


def _short(value: Any) -> object:
    """Return `{name: relu}` as `relu`, and layers of plain units as numbers."""
    if isinstance(value, Mapping) and value.keys() == {"name"}:
        return value["name"]
    if isinstance(value, Mapping) and "units" in value and value.get("repeat") == 1 and len(value) == 2:
        return value["units"]
    return [_short(item) for item in value] if isinstance(value, list) else value
