"""Schedules: the learning rate of every step of training, a small plot for each different one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, mark, panel
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, LINE, MUTED, series
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import number, shortened
from pipeline.result_files.schema import Ablation, Variant
from pipeline.runs.records import PlannedRates

KEY = "schedules"
COLUMNS = 3
ROW = 122
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 24, 24
LONGEST = 22


@dataclass(frozen=True)
class Course:
    """The learning rate over a training, the same for all variants named; `starts` are the epochs at which phases begin.

    `observed`: the rate is not the planned one but what one replicate's plateau rule set.
    """

    names: tuple[str, ...]
    style: Style
    epochs: tuple[float, ...]
    rates: tuple[float, ...]
    starts: tuple[int, ...]
    observed: bool


def schedules(ablation: Ablation, styles: Styles) -> Chart | None:
    """Draw a plot for each course, or return None where every variant's rate is constant."""
    courses = schedules_info(ablation, styles)
    if not any(len(set(course.rates)) > 1 for course in courses):
        return None
    rows = ceil(len(courses) / COLUMNS)
    height = rows * ROW
    figure, first = blank_figure(WIDE, height, Margins(0, 0, 0, 0))
    first.remove()
    for place, course in enumerate(courses):
        left = WIDE / COLUMNS * (place % COLUMNS) + LEFT
        bottom = height - ROW * (place // COLUMNS + 1) + BOTTOM
        _draw(panel(figure, left, bottom, WIDE / COLUMNS - LEFT - RIGHT, ROW - TOP - BOTTOM), course)
    return finish(figure, KEY, "The learning rate over training", _caption(courses), _alt(courses))


def schedules_info(ablation: Ablation, styles: Styles) -> list[Course]:
    """Return every different course, in the order of the variants; those whose steps are not known are left out."""
    names: dict[_Course, list[str]] = {}
    for variant in ablation.variants:
        if variant.schedule:
            names.setdefault(_course(variant), []).append(variant.name)
    return [Course(tuple(group), styles[group[0]], *course) for course, group in names.items()]


_Course = tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...], bool]


def _course(variant: Variant) -> _Course:
    """Return a variant's epochs, rates, starts of phases and whether rates were observed, phases one after the other."""
    epochs: list[float] = []
    rates: list[float] = []
    starts: list[int] = []
    for start, phase in _with_starts(variant.schedule):
        starts.append(start)
        epochs += [start + epoch for epoch in phase.epochs]
        rates += phase.rates
    observed = _observed_rates(variant)
    if observed:
        epochs = [float(end) for epoch in range(len(observed)) for end in (epoch, epoch + 1)]
        rates = [rate for rate in observed for _ in range(2)]
    return tuple(epochs), tuple(rates), tuple(starts), bool(observed)


def _with_starts(phases: Sequence[PlannedRates]) -> Iterator[tuple[int, PlannedRates]]:
    """Yield every phase after the epoch in which it starts."""
    start = 0
    for phase in phases:
        yield start, phase
        start += ceil(phase.epochs[-1] + 0.5 / phase.steps_per_epoch)


def _observed_rates(variant: Variant) -> list[float]:
    """Return the rates, by epoch, of the first replicate that finished under a plateau rule; empty where there is none."""
    if not any(phase.kind == "plateau" for phase in variant.schedule):
        return []
    curves = (run.curves.get("learning_rate") for run in variant.replicates if run.outcome == "finished")
    return list(next((curve for curve in curves if curve), []))


def _draw(axes: Axes, course: Course) -> None:
    for start in course.starts[1:]:
        axes.axvline(start, color=LINE, linewidth=1)
    line = axes.plot(course.epochs, course.rates, color=series(course.style), linewidth=1.8)[0]
    mark(line, course.style)
    end, top = ceil(course.epochs[-1]), max(course.rates)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.08 * top)
    axes.xaxis.set_major_locator(FixedLocator([0, end]))
    axes.yaxis.set_major_locator(FixedLocator([0, top]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.tick_params(labelsize=9.5)
    axes.grid(visible=False)
    name = shortened(course.names[0], LONGEST - 4 * (len(course.names) > 1))
    more = f" +{len(course.names) - 1}" if len(course.names) > 1 else ""
    axes.set_title(f"{name}{more}", loc="left", fontsize=10.5, color=INK, pad=5)
    axes.text(0.5, -0.1, "epochs", transform=axes.transAxes, ha="center", va="top", fontsize=9, color=MUTED)


def _caption(courses: Sequence[Course]) -> str:
    caption = "The rate of every step, each plot on its own scale from 0."
    shared = [
        f"{course.names[0]} also represents {', '.join(course.names[1:])}"
        for course in courses
        if course.names[1:]
    ]
    observed = [course.names[0] for course in courses if course.observed]
    phases = " Lines mark where a phase begins." if any(len(course.starts) > 1 for course in courses) else ""
    rule = f" {', '.join(observed)}: as the first replicate's rule set it." if observed else ""
    return caption + phases + rule + (f" {'; '.join(shared)}." if shared else "")


def _alt(courses: Sequence[Course]) -> str:
    return "; ".join(
        f"{', '.join(course.names)}: from {course.rates[0]:.3g}, at most {max(course.rates):.3g}, to {course.rates[-1]:.3g}"
        for course in courses
    )
