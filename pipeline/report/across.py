"""An ablation on several data sets: what follows across them, on a page of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.project import name_in_file
from pipeline.report.findings import Findings
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, p_value
from pipeline.stats.across import FEWEST, Across, across
from pipeline.stats.conclusion import answer
from pipeline.stats.formatting import listed
from pipeline.stats.intervals import Interval


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
        better = [name for name, found in self.answers.items() if found.verdict == "better"]
        lead = f"Across {count} data sets, {answer(len(better), len(self.answers), self.baseline, unit.name)}"
        settled = [name for name, found in self.answers.items() if found.verdict != "inconclusive"]
        return [f"{lead}{': ' + listed(better) if better else ''}.", *map(self._sentence, settled)]

    def _sentence(self, name: str) -> str:
        found, unit = self.answers[name], self.findings[0].measure
        than = "to" if found.verdict == "practically equal" else "than"
        amount = f"{unit.interval(interval_of(found))} {unit.step_unit}".rstrip()
        p = "" if found.p is None else f", adjusted p {p_value(found.p)}"
        return f"{name} is {found.verdict} {than} {self.baseline}: {amount}{p}."


def groups(study: Iterable[Findings]) -> list[Group]:
    """Return the ablations of a study that are on several data sets, of which results are there."""
    by_name: dict[str, list[Findings]] = {}
    for findings in study:
        name = name_in_file(findings.ablation.name)
        if name != findings.ablation.name:
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


def interval_of(found: Across) -> Interval:
    """Return the mean difference over data sets with its interval."""
    return Interval(found.mean, found.low, found.high, None, found.n)


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
    found, unit = group.answers[name], group.findings[0].measure
    row = [
        Cell(name, style=styles[name]),
        Cell(unit.interval(interval_of(found)), found.mean),
        Cell(MISSING if found.p is None else p_value(found.p), found.p),
        Cell(found.verdict, word=found.verdict.replace(" ", "-")),
    ]
    for findings in group.findings:
        difference = findings.row(name).difference
        row.append(Cell(unit.interval(difference) or MISSING, difference.mean if difference else None))
    return row
