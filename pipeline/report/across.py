"""An ablation on several data sets: what follows across them, on a page of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.project import ON
from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish
from pipeline.report.figures.rows import note, point, row_figure
from pipeline.report.figures.svg import BAND, INK
from pipeline.report.findings import Findings
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, p_value
from pipeline.stats.across import FEWEST, Across, across
from pipeline.stats.formatting import listed
from pipeline.stats.intervals import Interval

ALL = "all"


@dataclass(frozen=True)
class Group:
    """An ablation's findings on each of its data sets, and by variant what follows across them, in the stored unit."""

    name: str
    findings: tuple[Findings, ...]
    answers: Mapping[str, Across]

    @property
    def question(self) -> str:
        """The question that is asked on each data set."""
        return self.findings[0].ablation.question

    @property
    def baseline(self) -> str:
        """The name of the variant that the others are compared with."""
        return self.findings[0].ablation.baseline

    @property
    def sentences(self) -> list[str]:
        """The answer, and then each verdict, in words."""
        unit, count = self.findings[0].measure, len(self.findings)
        if not self.answers:
            return [
                f"The {count} data sets are not compared: they are measured by different metrics, or share no variant."
            ]
        if count < FEWEST:
            return [f"{count} data sets allow no verdict across them: {FEWEST} are needed at least."]
        better = [name for name, answer in self.answers.items() if answer.verdict == "better"]
        head = "none" if not better else f"{len(better)}"
        verb = "is" if len(better) < 2 else "are"
        shown = " shown to be" if not better else ""
        of = "the one variant" if len(self.answers) == 1 else f"the {len(self.answers)} variants"
        lead = f"Across {count} data sets, {head} of {of} {verb}{shown} better than {self.baseline} in {unit.name}"
        return [f"{lead}{': ' + listed(better) if better else ''}.", *map(self._sentence, self._settled())]

    def _settled(self) -> list[str]:
        return [name for name, answer in self.answers.items() if answer.verdict != "inconclusive"]

    def _sentence(self, name: str) -> str:
        answer, unit = self.answers[name], self.findings[0].measure
        than = "to" if answer.verdict == "practically equal" else "than"
        amount = f"{unit.interval(interval_of(answer))} {unit.step_unit}".rstrip()
        p = "" if answer.p is None else f", adjusted p {p_value(answer.p)}"
        return f"{name} is {answer.verdict} {than} {self.baseline}: {amount}{p}."


def groups(study: Iterable[Findings]) -> list[Group]:
    """Return the ablations of a study that are on several data sets, of which results are there."""
    by_name: dict[str, list[Findings]] = {}
    for findings in study:
        name, on, _ = findings.ablation.name.partition(ON)
        if on:
            by_name.setdefault(name, []).append(findings)
    return [Group(name, tuple(members), _answers(members)) for name, members in by_name.items()]


def mean_differences(members: Sequence[Findings]) -> dict[str, list[float]]:
    """Return the mean differences of each variant that was compared on all data sets, in the stored unit."""
    differences: dict[str, list[float]] = {}
    for findings in members:
        for row in findings.rows:
            if row.difference is not None:
                differences.setdefault(row.variant.name, []).append(row.difference.mean)
    return {name: values for name, values in differences.items() if len(values) == len(members)}


def _answers(members: Sequence[Findings]) -> Mapping[str, Across]:
    first = members[0]
    if any(found.measure.label != first.measure.label for found in members):
        return {}
    margin = 0.0 if first.ablation.relative else first.margin
    return across(mean_differences(members), margin, first.measure.higher_is_better)


def interval_of(answer: Across) -> Interval:
    """Return the mean difference over data sets with its interval."""
    return Interval(answer.mean, answer.low, answer.high, None, answer.n)


def table(group: Group, styles: Styles) -> Table:
    """Return the differences on each data set, and over all of them."""
    columns = [
        Column("variant"),
        Column("all [95\u00a0%]", True, "Mean over data sets, each with the same weight"),
        Column("p (adjusted)", True, "For all variants, by Holm's method"),
        Column("verdict"),
        *(Column(found.ablation.dataset, True, "Difference [interval]") for found in group.findings),
    ]
    return Table(columns, [_row(group, name, styles) for name in group.answers])


def _row(group: Group, name: str, styles: Styles) -> list[Cell]:
    answer, unit = group.answers[name], group.findings[0].measure
    row = [
        Cell(name, style=styles[name]),
        Cell(unit.interval(interval_of(answer)), answer.mean),
        Cell(MISSING if answer.p is None else p_value(answer.p), answer.p),
        Cell(answer.verdict, word=answer.verdict.replace(" ", "-")),
    ]
    for found in group.findings:
        difference = found.row(name).difference
        row.append(Cell(unit.interval(difference) or MISSING, difference.mean if difference else None))
    return row


def chart(group: Group, styles: Styles) -> Chart | None:
    """Draw each variant's difference on each data set, and over all of them."""
    if not group.answers:
        return None
    unit = group.findings[0].measure
    labels = [found.ablation.dataset for found in group.findings] + [ALL]
    names = [f"{name} · {label}" for name in group.answers for label in labels]
    figure, axes = row_figure(names, right=172)
    margin = group.findings[0].margin * unit.factor
    axes.axvspan(-margin, margin, color=BAND, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1)
    texts = []
    for number, (name, answer) in enumerate(group.answers.items()):
        shown = [(found.row(name).difference, _is_settled(found, name)) for found in group.findings]
        shown.append((interval_of(answer), answer.verdict != "inconclusive"))
        for place, (difference, settled) in enumerate(shown):
            if difference is not None:
                row = number * len(labels) + place
                point(axes, row, unit.scaled(difference), styles[name], settled)
                note(axes, row, unit.interval(difference))
                texts.append(f"{names[row]} {unit.interval(difference)}")
    axes.set_xlabel(f"{unit.step_label}, {'right' if unit.higher_is_better else 'left'} is better")
    quick_ticks(axes)
    caption = (
        f"Difference from {group.baseline} on each data set, with the interval that its verdict there goes by, and over all "
        "of them with the 95 % t interval over data sets. Hollow: inconclusive."
    )
    return finish(figure, "across", f"Difference from {group.baseline}", caption, "; ".join(texts))


def _is_settled(findings: Findings, variant: str) -> bool:
    comparison = findings.row(variant).comparison
    return comparison is not None and comparison.verdict != "inconclusive"
