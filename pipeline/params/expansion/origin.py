"""Faults of a merged recipe, traced back to their origin: the patch that a reader must change."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.params.expansion.drafts import Source
from pipeline.params.faults import Fault, Where, dotted


def traced(fault: Fault, sources: Sequence[Source], at: Where) -> Fault:
    """Return `fault`, its place moved to where the user wrote what causes it; the sources' places are relative to `at`.

    The origin is the last applied of the patches that set one of the fault's places; else the one that sets
    most of the path to it; else the last one, and then the text spells out the place in the recipe.
    """
    for source in reversed(sources):
        for place in fault.places:
            if _sets(source, place):
                return Fault(((*at, *_place_in(source, place)),), fault.text)
    place = fault.places[0]
    nearest = max(reversed(sources), key=lambda source: _depth_set(source.patch, place))
    if _depth_set(nearest.patch, place):
        return Fault(((*at, *_place_in(nearest, place)),), fault.text)
    return Fault(((*at, *nearest.where),), f"{dotted(place)} {fault.text}")


def is_from_patches(fault: Fault, sources: Sequence[Source]) -> bool:
    """Return whether the patches alone cause a fault, whatever the base holds."""
    return all(any(_sets(source, place) for source in sources) for place in fault.places)


def written_place(patch: Mapping[str, Any], place: Where) -> Where:
    """Return `place` as far as the user wrote it out: a shorthand such as `relu` has no `name` inside."""
    value: Any = patch
    for depth, step in enumerate(place):
        if isinstance(value, Mapping):
            value = value.get(step)
            if value is None:
                return place
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return place[:depth]
    return place


def _place_in(source: Source, place: Where) -> Where:
    return source.where if source.whole else (*source.where, *written_place(source.patch, place))


def _sets(source: Source, place: Where) -> bool:
    return bool(source.patch) and _depth_set(source.patch, place) == len(place)


def _depth_set(patch: Any, place: Where) -> int:
    """Return how many steps of `place` the patch sets: all, once it has a value that is not a mapping."""
    for depth, step in enumerate(place):
        if not isinstance(patch, Mapping):
            return len(place)
        if step not in patch:
            return depth
        patch = patch[step]
    return len(place)
