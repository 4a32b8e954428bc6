"""The hyperparameters that a `build(hp)` declares, as the ranges that a search draws from."""

from collections.abc import Mapping
from typing import Any

from pipeline.build.built import BuildError, Shape, called, hyperparameters
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.tune import AnyRange, Choice, IntRange, LinearRange, LogRange

MOST_BUILDS = 50
"""How often a function is called at most to find what it declares under some values alone."""


def declared_ranges(
    model: BuiltModel, input_shape: Shape | Mapping[str, Shape], outputs: int
) -> dict[str, AnyRange]:
    """Return the range of each hyperparameter that a function declares and the recipe does not fix, by its dotted path.

    The function is called with the defaults, then with each value of each choice and with the upper end of each range of
    whole numbers, since it may declare more under one, such as the units of a third layer. Raises `BuildError` where it
    raises, or declares nothing to search.
    """
    ranges: dict[str, AnyRange] = {}
    to_try: list[dict[str, Any]] = [{}]
    for _ in range(MOST_BUILDS):
        if not to_try:
            break
        values = to_try.pop(0)
        hp = hyperparameters({**values, **model.arguments})
        called(model, input_shape, outputs, hp)
        for parameter in hp.space:
            path = f"model.{parameter.name}"
            if parameter.name in model.arguments or path in ranges:
                continue
            if "." in parameter.name:
                raise BuildError(
                    f"{model.build}: {parameter.name!r} has a dot, which paths in params.yaml have"
                )
            domain = _range(parameter)
            if domain is not None:
                ranges[path] = domain
            others = _others(domain)
            to_try += [{**values, parameter.name: value} for value in others]
    if not ranges:
        raise BuildError(f"{model.build} declares no hyperparameter that the recipe does not fix")
    return ranges


def _others(domain: AnyRange | None) -> tuple[Any, ...]:
    """Return the values under which a function may declare more: each choice, and the largest number of layers."""
    if isinstance(domain, Choice):
        return domain.choice
    return domain.int[1:] if isinstance(domain, IntRange) else ()


def _range(parameter: Any) -> AnyRange | None:
    """Return a hyperparameter of Keras Tuner's as a range; None for one that cannot vary."""
    kind = type(parameter).__name__
    if kind in ("Boolean", "Choice"):
        values = (False, True) if kind == "Boolean" else tuple(parameter.values)
        return Choice(choice=values) if len(values) > 1 else None
    if kind not in ("Int", "Float") or parameter.min_value == parameter.max_value:
        return None
    ends, is_log = (parameter.min_value, parameter.max_value), parameter.sampling == "log"
    if kind == "Int" and not is_log:
        return IntRange(int=ends, step=parameter.step or 1)
    if kind == "Float" and parameter.step is None:
        return LogRange(log=ends) if is_log else LinearRange(linear=ends)
    # In steps, or whole numbers on a logarithmic scale.
    return Choice(choice=tuple(sorted(map(int if kind == "Int" else float, parameter.values))))
