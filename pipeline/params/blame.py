"""Who wrote it: faults of a merged recipe, traced back to the patch that a reader must mend."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.params.drafts import Source
from pipeline.params.faults import Fault, Where, dotted


def traced(found: Fault, sources: Sequence[Source], at: Where) -> Fault:
    """Return `found`, its place moved to where the user wrote what causes it; the sources lie under `at`.

    Of the patches that set one of the fault's places, the last one laid on is to blame; else the one that
    comes nearest; else the last one, the place in the recipe spelt out in the text.
    """
    for source in reversed(sources):
        for place in found.at:
            if _decides(source, place):
                return Fault(((*at, *_place(source, place)),), found.text)
    place = found.at[0]
    nearest = max(reversed(sources), key=lambda source: _reach(source.patch, place))
    if _reach(nearest.patch, place):
        return Fault(((*at, *_place(nearest, place)),), found.text)
    return Fault(((*at, *nearest.where),), f"{dotted(place)} {found.text}")


def is_owned(found: Fault, sources: Sequence[Source]) -> bool:
    """Tell whether the patches alone cause a fault, whatever the base holds."""
    return all(any(_decides(source, place) for source in sources) for place in found.at)


def _decides(source: Source, place: Where) -> bool:
    return bool(source.patch) and _reach(source.patch, place) == len(place)


def written(patch: Mapping[str, Any], place: Where) -> Where:
    """Return `place` as far as the user spelt it out: a shorthand such as `relu` has no `name` inside."""
    found: Any = patch
    for depth, step in enumerate(place):
        if isinstance(found, Mapping):
            found = found.get(step)
            if found is None:
                return place
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            return place[:depth]
    return place


def _place(source: Source, place: Where) -> Where:
    return source.where if source.whole else (*source.where, *written(source.patch, place))


def _reach(patch: Any, place: Where) -> int:
    """Return how many steps of `place` the patch decides: all, once it holds a value, not a mapping."""
    for depth, step in enumerate(place):
        if not isinstance(patch, Mapping):
            return len(place)
        if step not in patch:
            return depth
        patch = patch[step]
    return len(place)
