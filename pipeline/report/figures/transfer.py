"""Transfer: how many times smaller the error is than from scratch, and the metric by the number of training examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from pipeline.report.figures.axis import sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, label_room, mark
from pipeline.report.figures.rows import WIDE, note, point, row_figure
from pipeline.report.figures.svg import INK, series
from pipeline.report.findings import Findings
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import plain, shortened
from pipeline.result_files.schema import Variant
from pipeline.stats.intervals import Interval
from pipeline.stats.ratios import ratio_text, times, times_smaller

RATIO, SIZES = "error-ratio", "target-sizes"
LONGEST = 22


@dataclass(frozen=True)
class Ratio:
    """How many times smaller one variant's error is than that of `scratch`, which has the same examples."""

    name: str
    style: Style
    interval: Interval
    scratch: str

    @property
    def text(self) -> str:
        """The factor and its interval: `14 times larger [7.8, 25]`, `1.2 times smaller [1.1 larger, 1.5 smaller]`."""
        factor, low, high = times(self.interval.mean), self.interval.low, self.interval.high
        if low is None or high is None:
            return factor
        if low > 1:
            return f"{factor} [{low:.3g}, {high:.3g}]"
        if high < 1:
            return f"{factor} [{1 / high:.3g}, {1 / low:.3g}]"
        return f"{factor} [{times(low, short=True)}, {times(high, short=True)}]"


@dataclass(frozen=True)
class Curve:
    """One strategy: numbers of examples, and each one's mean with its interval in the shown unit, fewest examples first."""

    strategy: str
    style: Style
    examples: tuple[int, ...]
    estimates: tuple[Estimate, ...]

    @property
    def means(self) -> list[float]:
        """The mean for each number of examples."""
        return [estimate.mean for estimate in self.estimates]


def transfer(findings: Findings, styles: Styles) -> list[Chart]:
    """Return the figures of an ablation of transfer; none where nothing is transferred and no examples are left out."""
    charts = (error_ratios(findings, styles), target_sizes(findings, styles))
    return [chart for chart in charts if chart is not None]


def error_ratios(findings: Findings, styles: Styles) -> Chart | None:
    """Draw every variant's error against that from scratch, or return None where there is nothing to compare."""
    ratios = ratios_info(findings, styles)
    if not ratios:
        return None
    figure, axes = row_figure(
        [ratio.name for ratio in ratios], right=label_room([ratio.text for ratio in ratios])
    )
    axes.axvline(1, color=INK, linewidth=1)
    for row, ratio in enumerate(ratios):
        estimate = Estimate.of(ratio.interval)
        settled = estimate.ends is not None and not estimate.ends[0] <= 1 <= estimate.ends[1]
        point(axes, row, estimate, ratio.style, settled)
        note(axes, row, ratio.text)
    sparse_log(axes, "x")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: times(value, short=True)))
    axes.set_xlabel("how many times larger or smaller the test error is, right is better")
    same_scratch = len({ratio.scratch for ratio in ratios}) == 1
    title = f"Error against {ratios[0].scratch}" if same_scratch else "Error ratio on the same examples"
    alt = "; ".join(f"{ratio.name} {ratio.text}" for ratio in ratios)
    return finish(figure, RATIO, title, _ratio_caption(ratios), alt)


def _ratio_caption(ratios: Sequence[Ratio]) -> str:
    caption = (
        "Geometric mean of the ratio of test errors, replicate by replicate, with the 95 % t interval of its "
        "logarithm. Hollow: the interval holds 1."
    )
    sentences = [
        f"{ratio.name}: {words} than {ratio.scratch}'s"
        for ratio in ratios
        if "times" in (words := ratio_text(ratio.interval))
    ]
    return f"{caption} {'; '.join(sentences[:4])}." if sentences else caption


def ratios_info(findings: Findings, styles: Styles) -> list[Ratio]:
    """Return a ratio for every variant that can be compared, the smallest error first."""
    if findings.measure.metric != "accuracy" or not _is_transfer(findings):
        return []
    ratios = []
    for variant in findings.ablation.variants:
        scratch = _scratch(findings, variant)
        if scratch is None or scratch is variant:
            continue
        interval = times_smaller(_errors(findings, variant), _errors(findings, scratch))
        if interval is not None:
            ratios.append(Ratio(variant.name, styles[variant.name], interval, scratch.name))
    return sorted(ratios, key=lambda ratio: -ratio.interval.mean)


def _is_transfer(findings: Findings) -> bool:
    return any(variant.recipe.get("phases") for variant in findings.ablation.variants)


def _scratch(findings: Findings, variant: Variant) -> Variant | None:
    """Return the baseline; in a grid over numbers of examples, its strategy with as many examples as `variant` has."""
    baseline = findings.ablation.variant(findings.ablation.baseline)
    factor = size_factor(findings)
    if factor is None:
        return baseline if examples_of(variant) == examples_of(baseline) else None
    levels = {**baseline.levels, factor: variant.levels[factor]}
    return next((other for other in findings.ablation.variants if other.levels == levels), None)


def _errors(findings: Findings, variant: Variant) -> dict[int, float]:
    values = {run.seed: findings.measure.of(run) for run in variant.replicates}
    return {seed: 1 - value for seed, value in values.items() if value is not None}


def target_sizes(findings: Findings, styles: Styles) -> Chart | None:
    """Draw a curve for every strategy of a grid over numbers of examples, or return None for other ablations."""
    curves = curves_info(findings, styles)
    if not curves:
        return None
    names = [shortened(curve.strategy, LONGEST) for curve in curves]
    figure, axes = blank_figure(WIDE, 320, Margins(left=56, top=14, right=label_room(names)))
    for curve, name in zip(curves, names, strict=True):
        _draw(axes, curve)
        axes.annotate(
            name,
            (curve.examples[-1], curve.means[-1]),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=10.5,
            annotation_clip=False,
        )
    sparse_log(axes, "x")
    per_class = _data(findings.ablation.variants[0].recipe).get("per_class") is not None
    axes.set_xlabel("training examples of each class" if per_class else "training examples")
    axes.set_ylabel(findings.measure.label)
    caption = "Mean with its 95 % t interval; a line for each way to train, all on the same examples."
    alt = "; ".join(
        f"{curve.strategy} {', '.join(f'{n}: {m:.2f}' for n, m in zip(curve.examples, curve.means, strict=True))}"
        for curve in curves
    )
    return finish(figure, SIZES, "How many examples it takes", caption, alt)


def _draw(axes: Axes, curve: Curve) -> None:
    (line,) = axes.plot(
        curve.examples,
        curve.means,
        color=series(curve.style),
        marker=curve.style.marker,
        dashes=curve.style.dash or (None, None),
    )
    mark(line, curve.style)
    for examples, estimate in zip(curve.examples, curve.estimates, strict=True):
        if estimate.ends is not None:
            (bar,) = axes.plot([examples, examples], estimate.ends, color=series(curve.style), linewidth=1.2)
            mark(bar, curve.style)


def curves_info(findings: Findings, styles: Styles) -> list[Curve]:
    """Return a curve for every strategy, the best with the most examples first."""
    factor = size_factor(findings)
    if factor is None:
        return []
    groups: dict[str, list[Variant]] = {}
    for variant in findings.ablation.variants:
        others = [plain(level) for name, level in variant.levels.items() if name != factor]
        groups.setdefault(" ".join(others) or "all", []).append(variant)
    curves = [_curve(findings, name, group, styles) for name, group in groups.items()]
    sign = 1 if findings.measure.higher_is_better else -1
    return sorted([curve for curve in curves if curve.examples], key=lambda curve: -sign * curve.means[-1])


def _curve(findings: Findings, strategy: str, group: Sequence[Variant], styles: Styles) -> Curve:
    measured = [
        (examples, interval)
        for variant in group
        if (examples := examples_of(variant)) is not None
        and (interval := findings.row(variant.name).interval) is not None
    ]
    measured.sort(key=lambda entry: entry[0])
    return Curve(
        strategy,
        styles[group[0].name],
        tuple(examples for examples, _ in measured),
        tuple(findings.measure.scaled(interval) for _, interval in measured),
    )


def size_factor(findings: Findings) -> str | None:
    """Return the factor of a grid whose levels are numbers of training examples, two or more; None where there is none."""
    variants = findings.ablation.variants
    for factor in variants[0].levels:
        by_level: dict[str, set[int | None]] = {}
        for variant in variants:
            by_level.setdefault(plain(variant.levels.get(factor)), set()).add(examples_of(variant))
        sizes = [next(iter(examples)) for examples in by_level.values() if len(examples) == 1]
        if len(sizes) == len(by_level) and len(set(sizes)) == len(sizes) > 1 and None not in sizes:
            return factor
    return None


def examples_of(variant: Variant) -> int | None:
    """Return how many training examples, in all or of each class, the last phase has; None where all there are."""
    data = _data(variant.recipe)
    return data.get("per_class") or data.get("limit")


def _data(recipe: Mapping[str, Any]) -> dict[str, Any]:
    last = (recipe.get("phases") or [{}])[-1]
    return {**(recipe.get("data") or {}), **(last.get("data") or {})}
