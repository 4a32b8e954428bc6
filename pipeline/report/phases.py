"""How long each phase of a training took, and what caching frozen layers' outputs saved."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.report.phase_epochs import phase_name
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import number, plain
from pipeline.result_files.schema import Ablation, Variant
from pipeline.stats.formatting import listed

WHOLE = "the whole training"
CACHED = "cache_features"
NOTE = "Seconds are means over replicates on this machine; of a stack's time each run counts an equal share."


def table(ablation: Ablation, styles: Styles) -> Table | None:
    """Return each variant's phases, the layers that trained in them and the seconds; None where no variant has phases."""
    if not any(_phases(variant) for variant in ablation.variants):
        return None
    columns = [
        Column("variant"),
        Column("phase"),
        Column("trains", words=True),
        Column("seconds a run", True),
    ]
    rows = [
        [Cell(variant.name, style=styles[variant.name]), Cell(name), Cell(trains), Cell(number(mean), mean)]
        for variant in ablation.variants
        for (name, trains), mean in zip(_named(variant), seconds(variant), strict=False)
    ]
    return Table(columns, rows)


def savings(ablation: Ablation) -> str:
    """Return in sentences how much faster phases with cached outputs of frozen layers were than the same uncached."""
    return " ".join(_saving(*pair) for pair in _pairs(ablation.variants))


def seconds(variant: Variant) -> list[float]:
    """Return the mean seconds of each phase over the replicates that were timed."""
    count = len(_named(variant))  # a run that diverged may have fewer
    timed = [run.phase_seconds for run in variant.replicates if len(run.phase_seconds) == count]
    return [sum(phase) / len(timed) for phase in zip(*timed, strict=True)] if timed else []


def _phases(variant: Variant) -> Sequence[dict[str, Any]]:
    return variant.recipe.get("phases") or ()


def _named(variant: Variant) -> list[tuple[str, str]]:
    """Return each phase's name, and the layers that train in it."""
    phases = enumerate(_phases(variant), start=1)
    return [(phase_name(phase, place), _trains(phase)) for place, phase in phases] or [(WHOLE, "all")]


def _trains(phase: dict[str, Any]) -> str:
    trainable = phase.get("trainable", "all")
    words = trainable
    if not isinstance(trainable, str):
        words = " ".join(f"{key} {_words(value)}" for key, value in trainable.items() if value)
    return f"{words}, the rest cached" if phase.get(CACHED) else words


def _words(value: Any) -> str:
    return listed(value) if isinstance(value, list) else plain(value)


def _pairs(variants: Sequence[Variant]) -> Iterator[tuple[Variant, Variant, int]]:
    """Yield pairs of variants that differ only in whether one phase is cached, the cached one first, and its place."""
    for cached in variants:
        for place, phase in enumerate(_phases(cached)):
            twin = [*_phases(cached)]
            twin[place] = {**phase, CACHED: False}
            for other in variants if phase.get(CACHED) else ():
                if {**cached.recipe, "phases": twin} == {**other.recipe, "phases": [*_phases(other)]}:
                    yield cached, other, place


def _saving(cached: Variant, other: Variant, place: int) -> str:
    if len(seconds(cached)) <= place or len(seconds(other)) <= place:
        return ""
    fast, slow = seconds(cached)[place], seconds(other)[place]
    name = _named(cached)[place][0]
    return (
        f"With the frozen layers' outputs cached, “{name}” took {number(fast)} s instead of {number(slow)} s, "
        f"{slow / fast:.1f} times as fast ({cached.name} against {other.name})."
    )
