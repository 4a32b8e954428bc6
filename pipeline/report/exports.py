"""The report's data: CSV and JSON per ablation, and the plain numbers that `dvc metrics` reads."""

import json
from collections.abc import Sequence
from typing import Any

from pipeline.report import references
from pipeline.report.findings import Findings, Row
from pipeline.report.frames import runs_frame
from pipeline.report.results import Ablation
from pipeline.stats.intervals import Interval


def runs_csv(ablation: Ablation) -> str:
    """Return one line per replicate; values as stored."""
    return str(runs_frame([ablation]).to_csv(index=False, lineterminator="\n"))


def findings_json(findings: Findings) -> str:
    """Return means, intervals, comparisons and flags, best variant first; accuracies are in 0..1."""
    ablation = findings.ablation
    value = {
        "name": ablation.name,
        "question": ablation.question,
        "dataset": ablation.dataset,
        "metric": findings.measure.key,
        "baseline": ablation.baseline,
        "margin": findings.margin,
        "conclusion": list(findings.conclusion),
        "flags": [flag.message for flag in findings.flags if flag.variant is None],
        "variants": [_variant(row) for row in findings.rows],
        "published": [
            {"variant": claim.variant.name, **references.as_json(claim)}
            for claim in references.claims(ablation)
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def metrics_json(study: Sequence[Findings]) -> str:
    """Return for every ablation the baseline's and the best mean, and verdict counts: plain numbers."""
    value = {findings.ablation.name: _metrics(findings) for findings in study}
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _metrics(findings: Findings) -> dict[str, Any]:
    rows = {"baseline": findings.baseline, "best": findings.best}
    numbers = {role: _numbers(row.interval) for role, row in rows.items() if row and row.interval}
    return {**numbers, "verdicts": dict(sorted(findings.verdicts.items()))}


def _numbers(interval: Interval) -> dict[str, float]:
    found = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {name: value for name, value in found.items() if value is not None}


def _variant(row: Row) -> dict[str, Any]:
    comparison = row.comparison
    return {
        "name": row.variant.name,
        "changes": row.variant.changes,
        "chosen": row.variant.chosen,
        "parameters": row.variant.parameters,
        "interval": _interval(row.interval),
        "comparison": None
        if comparison is None
        else {
            "difference": _interval(comparison.difference),
            "p": comparison.p,
            "p_holm": comparison.p_holm,
            "p_equivalence": comparison.p_equivalence,
            "verdict": comparison.verdict,
            "seeds_needed": comparison.seeds_needed,
            "paired": comparison.paired,
        },
        "flags": [flag.message for flag in row.flags],
    }


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "deviation": interval.deviation,
        "n": interval.n,
    }
