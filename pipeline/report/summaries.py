"""What MLflow shows of a variant besides its runs: one run that sums them up, to be sorted and compared."""

from dataclasses import asdict
from typing import Any

from pipeline.report.findings import Findings, Row


def summaries(findings: Findings) -> list[dict[str, Any]]:
    """Return a summary of each variant, in the order of the params file: plain data, for the ablation's manifest.

    `metrics` are numbers as stored (accuracies in 0..1): the mean over replicates under the metric's own name, its interval,
    the difference from the baseline with the interval that its verdict goes by; `tags` the verdict, `recipe`
    what was measured, `values` what was tuned of it.
    """
    rows = {row.variant.name: row for row in findings.rows}
    data = findings.ablation.data
    dataset = {"name": findings.ablation.dataset, **(asdict(data) if data else {})}
    return [
        {
            "variant": variant.name,
            "recipe": variant.recipe,
            "values": dict(variant.chosen or {}),
            "metrics": _metrics(findings, rows[variant.name]),
            "tags": {"verdict": _verdict(rows[variant.name])},
            "dataset": dataset,
        }
        for variant in findings.ablation.variants
    ]


def _metrics(findings: Findings, row: Row) -> dict[str, float]:
    name = findings.measure.key
    numbers: dict[str, float | None] = {
        "parameters": row.variant.parameters,
        "replicates": len(row.variant.replicates),
    }
    if row.interval is not None:
        numbers |= {
            name: row.interval.mean,
            f"{name}_low": row.interval.low,
            f"{name}_high": row.interval.high,
        }
    if row.difference is not None:
        numbers |= {"difference": row.difference.mean, "difference_low": row.difference.low}
        numbers |= {"difference_high": row.difference.high}
    if row.comparison is not None:
        numbers["p_adjusted"] = row.comparison.p_holm
    return {key: float(value) for key, value in numbers.items() if value is not None}


def _verdict(row: Row) -> str:
    if row.interval is None:
        return "diverged"
    return "baseline" if row.comparison is None else row.comparison.verdict
