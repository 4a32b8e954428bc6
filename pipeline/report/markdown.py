"""A report in a few lines of Markdown, for the description of a pull request: answers, and what moved beyond noise."""

from collections.abc import Iterable, Sequence
from html import escape

from pipeline.report.across import groups
from pipeline.report.findings import Findings
from pipeline.report.history import Change

MOST = 12
"""Variants in a table."""


def markdown(study: Sequence[Findings], change: Change | None) -> str:
    """Return the report: what moved since the previous one, then a line for each ablation and its table, folded."""
    lines = ["## Ablations", ""]
    if change is not None and change.compared:
        lines += [*change.lead, "", *_moved(change)]
    lines += ["| ablation | answer | verdicts |", "| --- | --- | --- |"]
    lines += [f"| {group.name} | {_cell(group.sentences[0])} | |" for group in groups(study)]
    lines += [
        f"| {found.ablation.name} | {_cell(found.conclusion[0])} | {_cell(_verdicts(found))} |"
        for found in study
    ]
    for found in study:
        lines += [
            "",
            f"<details><summary>{found.ablation.name}: {escape(found.ablation.question, quote=False)}</summary>",
            "",
        ]
        lines += [*_table(found), "", "</details>"]
    return "\n".join(lines) + "\n"


def _moved(change: Change) -> Iterable[str]:
    for news in change.ablations.values():
        if news.sentences:
            yield f"- **{news.ablation}**: {' '.join(news.sentences)}"
    yield ""


def _verdicts(findings: Findings) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(findings.verdicts.items()))


def _table(findings: Findings) -> list[str]:
    """Return the ranking as a table."""
    unit = findings.measure
    rows = [
        f"| variant | {_cell(unit.label)} | difference [interval] | p (adjusted) | verdict |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for row in findings.rows[:MOST]:
        found = row.comparison
        mean = unit.text(row.interval.mean) if row.interval else "diverged"
        p = "" if found is None or found.p_holm is None else f"{found.p_holm:.2g}"
        verdict = "baseline" if found is None else found.verdict
        rows.append(
            f"| {row.variant.name} | {mean} | {_cell(unit.interval(row.difference))} | {p} | {verdict} |"
        )
    if len(findings.rows) > MOST:
        rows.append(f"| {len(findings.rows) - MOST} more | | | | |")
    return rows


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
