"""Tuning: what every trial scored, and where in its range each variant's choice is, per hyperparameter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from pipeline.report.figures.axis import quick_ticks, sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, mark, stroke
from pipeline.report.figures.rows import WIDE, note, row_figure
from pipeline.report.figures.svg import LINE, MUTED, PAPER, series
from pipeline.report.measure import Measure, shown_as
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import plain
from pipeline.result_files.schema import Ablation, Trial, Variant
from pipeline.stats.audit import position_in


@dataclass(frozen=True)
class Search:
    """One variant's search over one hyperparameter; positions are values, or indices of categories.

    `tried` are position and score of trials in order of position, the metric in per cent for fractions and
    None where the trial diverged; `stopped` those that were ended early; `chosen` has one choice, one for
    each search where replicates have their own, or none; `low` and `high` are the range's ends. `room` is the smallest
    distance of a choice from the nearer end, as a part of the range on its own scale (at most 0.5, in the middle); None for
    categories.
    """

    name: str
    style: Style
    tried: Sequence[tuple[float, float | None]]
    chosen: Sequence[float]
    low: float
    high: float
    room: float | None = None
    stopped: Sequence[tuple[float, float | None]] = ()


@dataclass(frozen=True)
class Hyperparameter:
    """One tuned hyperparameter; `categories` is empty for numbers, `logarithmic` as the ranges say."""

    path: str
    logarithmic: bool
    categories: Sequence[str]
    searches: Sequence[Search]


def tuning(ablation: Ablation, styles: Styles) -> list[Chart]:
    """Draw both figures of every tuned hyperparameter; none without tuning."""
    return [
        chart
        for number, hyperparameter in enumerate(tuning_info(ablation, styles))
        for chart in (_scores(ablation, hyperparameter, number), _ranges(hyperparameter, number))
    ]


def tuning_info(ablation: Ablation, styles: Styles) -> list[Hyperparameter]:
    """Return every hyperparameter that some trial set, in order of appearance."""
    trials = [trial for variant in ablation.variants for trial in variant.trials]
    paths = dict.fromkeys(path for trial in trials for path in trial.values)
    return [_hyperparameter(ablation, path, styles) for path in paths]


def _hyperparameter(ablation: Ablation, path: str, styles: Styles) -> Hyperparameter:
    tuned = [
        variant for variant in ablation.variants if any(path in trial.values for trial in variant.trials)
    ]
    values = [value for variant in tuned for value in _values(variant, path)]
    categories = [] if all(map(_is_number, values)) else list(dict.fromkeys(map(plain, values)))
    logarithmic = not categories and any("log" in _domain(variant, path) for variant in tuned)
    unit = shown_as(ablation, ablation.tune.monitor if ablation.tune else ablation.metric)
    searches = [_search(variant, path, categories, unit, styles[variant.name]) for variant in tuned]
    return Hyperparameter(path, logarithmic, categories, searches)


def _search(variant: Variant, path: str, categories: Sequence[str], unit: Measure, style: Style) -> Search:
    def position(value: Any) -> float:
        return float(categories.index(plain(value)) if categories else value)

    sign = 1.0 if unit.higher_is_better else -1.0
    tried, stopped = (
        [
            (position(trial.values[path]), _score(trial, sign * unit.factor))
            for trial in variant.trials
            if path in trial.values and (trial.outcome == "stopped") == early
        ]
        for early in (False, True)
    )
    choices = [variant.chosen or {}, *(run.chosen for run in variant.replicates)]
    chosen = [values[path] for values in choices if path in values]
    rooms = [] if categories else [_room(value, _domain(variant, path)) for value in chosen]
    ends = [position(value) for value in _values(variant, path)]
    return Search(
        name=variant.name,
        style=style,
        tried=sorted(tried, key=lambda point: point[0]),
        chosen=sorted({position(value) for value in chosen}),
        low=min(ends),
        high=max(ends),
        room=min((room for room in rooms if room is not None), default=None),
        stopped=stopped,
    )


def _room(chosen: float, domain: Mapping[str, Sequence[Any]]) -> float | None:
    for scale, ends in domain.items():
        if scale != "choices" and len(ends) == 2 and all(map(_is_number, ends)):
            position = position_in(chosen, ends[0], ends[1], scale == "log")
            return min(position, 1 - position)
    return None


def _score(trial: Trial, factor: float) -> float | None:
    return None if trial.score is None else trial.score * factor


def _domain(variant: Variant, path: str) -> Mapping[str, Sequence[Any]]:
    """Return a variant's range as `{scale: ends or choices}`; a bare list is a list of choices."""
    domain = variant.space.get(path, {})
    return domain if isinstance(domain, Mapping) else {"choices": domain}


def _values(variant: Variant, path: str) -> list[Any]:
    """Return the range's ends or choices, then every value tried."""
    declared = [
        value
        for values in _domain(variant, path).values()
        if isinstance(values, list | tuple)
        for value in values
    ]
    return declared + [trial.values[path] for trial in variant.trials if path in trial.values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scores(ablation: Ablation, hyperparameter: Hyperparameter, number: int) -> Chart:
    figure, axes = blank_figure(WIDE, 320, Margins(left=50))
    monitor = ablation.tune.monitor if ablation.tune else "score"
    for search in hyperparameter.searches:
        _draw_scores(axes, search)
    _value_axis(axes, hyperparameter)
    caption = (
        "One mark per trial, joined in order of the value; large marks are choices. "
        "Trials that diverged have no score."
    )
    if any(search.stopped for search in hyperparameter.searches):
        caption += " Small and pale: trials that were ended early, as they stood then."
    unit = " (%)" if shown_as(ablation, monitor).unit else ""
    title = f"{monitor}{unit} by {hyperparameter.path}"
    quick_ticks(axes)
    return finish(figure, f"tuning-score-{number}", title, caption, _alt(hyperparameter))


def _draw_scores(axes: Axes, search: Search) -> None:
    if search.stopped:
        places, levels = zip(*search.stopped, strict=True)
        look: dict[str, Any] = {"color": series(search.style), "markersize": 3, "alpha": 0.4}
        mark(stroke(axes, places, levels, search.style.marker, **look), search.style)
    scored = [(value, score) for value, score in search.tried if score is not None]
    if not scored:
        return
    values, scores = zip(*scored, strict=True)
    colour = series(search.style)
    marks: dict[str, Any] = {"marker": search.style.marker, "markersize": 4}
    mark(stroke(axes, values, scores, color=colour, linewidth=1, alpha=0.8, **marks), search.style)
    best = {value: score for value, score in reversed(scored) if value in search.chosen}
    if best:
        ring = stroke(
            axes,
            list(best),
            list(best.values()),
            search.style.marker,
            color=colour,
            markersize=9,
            markeredgecolor=PAPER,
            markeredgewidth=1.4,
        )
        mark(ring, search.style)


def _ranges(hyperparameter: Hyperparameter, number: int) -> Chart:
    searches = hyperparameter.searches
    figure, axes = row_figure([search.name for search in searches], right=172)
    for row, search in enumerate(searches):
        _draw_range(axes, row, search)
        note(axes, row, _choice_text(hyperparameter, search))
    _value_axis(axes, hyperparameter)
    caption = (
        "Pale bar: the range searched. Small: trials, × where they diverged. Large: the choice, or those of all replicates "
        "where each has a search of its own. Next to it: the value, and the distance of the nearest choice from an end as a "
        "part of the range (50 % is the middle). A choice near an end calls for a wider range."
    )
    title = f"Chosen {hyperparameter.path}"
    quick_ticks(axes)
    return finish(figure, f"tuning-range-{number}", title, caption, _alt(hyperparameter))


def _draw_range(axes: Axes, row: int, search: Search) -> None:
    colour = series(search.style)
    stroke(axes, [search.low, search.high], [row, row], color=LINE, linewidth=7, solid_capstyle="butt")
    for marker, diverged in (("o", False), ("x", True)):
        trials = [*search.tried, *search.stopped]
        values = [value for value, score in trials if (score is None) == diverged]
        shade = MUTED if diverged else colour
        dots = stroke(axes, values, [row] * len(values), marker, color=shade, markersize=4, alpha=0.8)
        mark(dots, search.style)
    if search.chosen:
        large: dict[str, Any] = {"markersize": 9, "markeredgecolor": PAPER, "clip_on": False}
        at = list(search.chosen)
        chosen = stroke(axes, at, [row] * len(at), search.style.marker, color=colour, **large)
        mark(chosen, search.style)


def _value_axis(axes: Axes, hyperparameter: Hyperparameter) -> None:
    axes.set_xlabel(hyperparameter.path)
    if hyperparameter.categories:
        axes.set_xticks(range(len(hyperparameter.categories)), list(hyperparameter.categories))
    elif hyperparameter.logarithmic:
        sparse_log(axes, "x")


def _alt(hyperparameter: Hyperparameter) -> str:
    chosen = [
        f"{search.name} chose {_choice_text(hyperparameter, search)}"
        for search in hyperparameter.searches
        if search.chosen
    ]
    return "; ".join(chosen) or "Nothing was chosen."


def _choice_text(hyperparameter: Hyperparameter, search: Search) -> str:
    if not search.chosen:
        return ""
    value = " to ".join(_value_text(hyperparameter, end) for end in _ends(search.chosen))
    return value if search.room is None else f"{value}, {100 * max(search.room, 0):.0f} % from the end"


def _ends(positions: Sequence[float]) -> list[float]:
    """Return the first and the last of sorted positions, once where they are one."""
    return list(dict.fromkeys((positions[0], positions[-1])))


def _value_text(hyperparameter: Hyperparameter, position: float) -> str:
    return hyperparameter.categories[int(position)] if hyperparameter.categories else plain(position)
