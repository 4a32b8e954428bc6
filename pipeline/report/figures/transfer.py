"""Transfer: how many times smaller the error is than from scratch, and accuracy by the number of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, label_room, mark, sparse_log
from pipeline.report.figures.rows import WIDE, beside, point, row_canvas
from pipeline.report.figures.svg import INK, series
from pipeline.report.findings import Findings
from pipeline.report.results import Variant
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import plain, shortened
from pipeline.stats.intervals import Interval
from pipeline.stats.ratios import in_words, times_smaller

RATIO, IMAGES = "error-ratio", "target-images"
LONGEST = 22


@dataclass(frozen=True)
class Ratio:
    """How many times smaller one variant's error is than that of `scratch`, which has the same images."""

    name: str
    style: Style
    ratio: Interval
    scratch: str

    @property
    def text(self) -> str:
        """The factor and its interval."""
        if self.ratio.low is None or self.ratio.high is None:
            return f"×{self.ratio.mean:.3g}"
        return f"×{self.ratio.mean:.3g} [{self.ratio.low:.3g}, {self.ratio.high:.3g}]"


@dataclass(frozen=True)
class Curve:
    """One strategy: the number of images, and the mean with its interval in the shown unit, fewest images first."""

    strategy: str
    style: Style
    images: tuple[int, ...]
    means: tuple[float, ...]
    ends: tuple[tuple[float, float] | None, ...]


def transfer(findings: Findings, styles: Styles) -> list[Figure]:
    """Return the figures of an ablation of transfer; none where nothing is transferred and no images are left out."""
    drawn = (error_ratios(findings, styles), target_images(findings, styles))
    return [figure for figure in drawn if figure is not None]


def error_ratios(findings: Findings, styles: Styles) -> Figure | None:
    """Draw every variant's error against that from scratch, or return None where there is nothing to compare."""
    ratios = ratios_info(findings, styles)
    if not ratios:
        return None
    figure, axes = row_canvas([each.name for each in ratios], right=150)
    axes.axvline(1, color=INK, linewidth=1)
    for row, each in enumerate(ratios):
        ratio = each.ratio
        settled = ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high
        point(axes, ratio.mean, row, ratio.low, ratio.high, each.style, settled)
        beside(axes, row, each.text)
    sparse_log(axes, "x")
    axes.set_xlabel("times smaller the test error is, right is better")
    said = [f"{each.name}: {in_words(each.ratio)} than {each.scratch}'s" for each in ratios]
    shown = [text for each, text in zip(ratios, said, strict=True) if "times" in in_words(each.ratio)]
    caption = (
        "Geometric mean of the ratio of test errors, replicate by replicate, with the 95 % t interval of its "
        "logarithm. Hollow: the interval holds 1. " + ("; ".join(shown[:4]) + "." if shown else "")
    ).strip()
    one = len({each.scratch for each in ratios}) == 1
    title = f"Error against {ratios[0].scratch}" if one else "Error ratio on the same images"
    return finish(figure, RATIO, title, caption, "; ".join(f"{each.name} {each.text}" for each in ratios))


def ratios_info(findings: Findings, styles: Styles) -> list[Ratio]:
    """Return a ratio for every variant that can be compared, the smallest error first."""
    if findings.measure.metric != "accuracy" or not _is_transfer(findings):
        return []
    found = []
    for variant in findings.ablation.variants:
        scratch = _scratch(findings, variant)
        if scratch is None or scratch is variant:
            continue
        ratio = times_smaller(_errors(findings, variant), _errors(findings, scratch))
        if ratio is not None:
            found.append(Ratio(variant.name, styles[variant.name], ratio, scratch.name))
    return sorted(found, key=lambda each: -each.ratio.mean)


def _is_transfer(findings: Findings) -> bool:
    return any(variant.recipe.get("phases") for variant in findings.ablation.variants)


def _scratch(findings: Findings, variant: Variant) -> Variant | None:
    """Return the baseline; in a grid over numbers of images, its strategy with as many images as `variant` has."""
    baseline = findings.ablation.variant(findings.ablation.baseline)
    factor = size_factor(findings)
    if factor is None:
        return baseline if images_of(variant) == images_of(baseline) else None
    wanted = {**baseline.levels, factor: variant.levels[factor]}
    return next((each for each in findings.ablation.variants if each.levels == wanted), None)


def _errors(findings: Findings, variant: Variant) -> dict[int, float]:
    values = {each.seed: findings.measure.of(each) for each in variant.replicates}
    return {seed: 1 - value for seed, value in values.items() if value is not None}


def target_images(findings: Findings, styles: Styles) -> Figure | None:
    """Draw a curve for every strategy of a grid over numbers of images, or return None for other ablations."""
    curves = curves_info(findings, styles)
    if not curves:
        return None
    names = [shortened(curve.strategy, LONGEST) for curve in curves]
    figure, axes = canvas(WIDE, 320, Margins(left=56, top=14, right=label_room(names)))
    for curve, name in zip(curves, names, strict=True):
        _draw(axes, curve)
        axes.annotate(
            name,
            (curve.images[-1], curve.means[-1]),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=10.5,
            annotation_clip=False,
        )
    sparse_log(axes, "x")
    per_class = _data(findings.ablation.variants[0].recipe).get("per_class") is not None
    axes.set_xlabel("training images of each class" if per_class else "training images")
    axes.set_ylabel(findings.measure.label)
    caption = "Mean with its 95 % t interval; a line for each way to train, all on the same images."
    alt = "; ".join(
        f"{curve.strategy} {', '.join(f'{n}: {m:.2f}' for n, m in zip(curve.images, curve.means, strict=True))}"
        for curve in curves
    )
    return finish(figure, IMAGES, "How many images it takes", caption, alt)


def _draw(axes: Axes, curve: Curve) -> None:
    (line,) = axes.plot(
        curve.images,
        curve.means,
        color=series(curve.style),
        marker=curve.style.marker,
        dashes=curve.style.dash or (None, None),
    )
    mark(line, curve.style)
    for images, ends in zip(curve.images, curve.ends, strict=True):
        if ends is not None:
            (bar,) = axes.plot([images, images], ends, color=series(curve.style), linewidth=1.2)
            mark(bar, curve.style)


def curves_info(findings: Findings, styles: Styles) -> list[Curve]:
    """Return a curve for every strategy, the best with the most images first."""
    factor = size_factor(findings)
    if factor is None:
        return []
    groups: dict[str, list[Variant]] = {}
    for variant in findings.ablation.variants:
        others = [plain(level) for name, level in variant.levels.items() if name != factor]
        groups.setdefault(" ".join(others) or "all", []).append(variant)
    found = [_curve(findings, name, group, styles) for name, group in groups.items()]
    sign = 1 if findings.measure.higher_is_better else -1
    return sorted([each for each in found if each.images], key=lambda each: -sign * each.means[-1])


def _curve(findings: Findings, strategy: str, group: Sequence[Variant], styles: Styles) -> Curve:
    scale = findings.measure.factor
    measured = [
        (images, interval)
        for variant in group
        if (images := images_of(variant)) is not None
        and (interval := findings.row(variant.name).interval) is not None
    ]
    measured.sort(key=lambda each: each[0])
    return Curve(
        strategy,
        styles[group[0].name],
        tuple(images for images, _ in measured),
        tuple(interval.mean * scale for _, interval in measured),
        tuple(
            None if each.low is None or each.high is None else (each.low * scale, each.high * scale)
            for _, each in measured
        ),
    )


def size_factor(findings: Findings) -> str | None:
    """Return the factor of a grid whose levels are numbers of training images, two or more; None where there is none."""
    variants = findings.ablation.variants
    for factor in variants[0].levels:
        by_level: dict[str, set[int | None]] = {}
        for variant in variants:
            by_level.setdefault(plain(variant.levels.get(factor)), set()).add(images_of(variant))
        sizes = [next(iter(found)) for found in by_level.values() if len(found) == 1]
        if len(sizes) == len(by_level) and len(set(sizes)) == len(sizes) > 1 and None not in sizes:
            return factor
    return None


def images_of(variant: Variant) -> int | None:
    """Return how many training images, in all or of each class, the last phase has; None where all there are."""
    data = _data(variant.recipe)
    return data.get("per_class") or data.get("limit")


def _data(recipe: Mapping[str, Any]) -> dict[str, Any]:
    last = (recipe.get("phases") or [{}])[-1]
    return {**(recipe.get("data") or {}), **(last.get("data") or {})}
