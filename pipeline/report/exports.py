"""The report's data: CSV and JSON per ablation, and the plain numbers that `dvc metrics` reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipeline.report import published
from pipeline.report.findings import Findings, Row
from pipeline.report.frames import runs_frame
from pipeline.report.paper import latex
from pipeline.result_files.schema import Ablation
from pipeline.stats.compare import Comparison
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
        **(
            {"steps": {rung: _comparison(step) for rung, step in findings.steps.items()}}
            if findings.steps
            else {}
        ),
        "published": [
            {"variant": comparison.variant.name, **published.as_json(comparison)}
            for comparison in published.published_comparisons(ablation)
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def exported(findings: Findings) -> dict[str, str]:
    """Return the text of each file that goes with an ablation's page, by the ending of its name."""
    return {
        ".csv": runs_csv(findings.ablation),
        ".json": findings_json(findings),
        ".tex": latex(findings),
    }


def metrics_json(study: Sequence[Findings]) -> str:
    """Return for every ablation the baseline's and the best mean, and verdict counts: plain numbers."""
    value = {findings.ablation.name: _metrics(findings) for findings in study}
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _metrics(findings: Findings) -> dict[str, Any]:
    rows = {"baseline": findings.baseline, "best": findings.best}
    numbers = {role: _numbers(row.interval) for role, row in rows.items() if row and row.interval}
    return {**numbers, "verdicts": dict(sorted(findings.verdicts.items()))}


def _numbers(interval: Interval) -> dict[str, float]:
    numbers = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {name: value for name, value in numbers.items() if value is not None}


def _variant(row: Row) -> dict[str, Any]:
    return {
        "name": row.variant.name,
        "changes": row.variant.changes,
        "chosen": row.variant.chosen,
        "parameters": row.variant.parameters,
        "interval": _interval(row.interval),
        "comparison": _comparison(row.comparison),
        "flags": [flag.message for flag in row.flags],
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "difference": _interval(comparison.difference),
        "p": comparison.p,
        "p_holm": comparison.p_holm,
        "p_equivalence": comparison.p_equivalence,
        "p_signs": comparison.p_signs,
        "verdict": comparison.verdict,
        "seeds_needed": comparison.seeds_needed,
        "level": comparison.level,
        "looks": [{"seeds": look.seeds, **asdict(look.difference)} for look in comparison.looks],
        "planned": list(comparison.planned),
        "hopeless": comparison.hopeless,
        "spent_at": comparison.spent_at,
        "paired": comparison.paired,
    }


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else asdict(interval)
