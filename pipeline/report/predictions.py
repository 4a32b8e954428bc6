"""The sections that show what models predict: the best model's predictions, and the mistakes of each rung of a ladder."""

from collections.abc import Callable
from dataclasses import replace

from pipeline.report.findings import Findings
from pipeline.report.predicted_classes import predicted_classes, rung
from pipeline.report.predicted_labels import predicted_labels
from pipeline.report.predicted_maps import predicted_maps
from pipeline.report.predicted_numbers import predicted_numbers
from pipeline.report.section import Section
from pipeline.report.styles import Styles
from pipeline.result_files.diagnostics import Outcome
from pipeline.result_files.schema import Ablation

BY_TASK: dict[str, Callable[[Outcome], Section]] = {
    "classes": predicted_classes,
    "labels": predicted_labels,
    "regression": predicted_numbers,
    "map": predicted_maps,
}


def predictions(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return what the best model predicts for the test data, and its worst mistakes."""
    best = next(iter(findings.ablation.diagnostics.predictions), None)
    if best is None:
        return Section("predictions", "Predictions", [])
    section = BY_TASK[best.get("task", "classes")](best)
    shown = f"Shown: {best['variant']}, seed {best['seed']}, the best replicate of the best variant, both by"
    return replace(section, note=f"{shown} {_chosen_by(findings.ablation)}. {section.note}")


def rungs(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return each rung's answers to digits of a font and a row of its worst mistakes, in the order of the ladder."""
    ablation = findings.ablation
    of_variant = {outcome["variant"]: outcome for outcome in ablation.diagnostics.predictions}
    if len(of_variant) < 2:
        return Section("rungs", "Predictions of every rung", [])
    shown = [of_variant.get(variant.name) for variant in ablation.variants]
    charts = [rung(place, outcome) for place, outcome in enumerate(shown) if outcome]
    note = f"The best replicate of every rung, by {_chosen_by(ablation)}."
    return Section("rungs", "Predictions of every rung", charts, note)


def _chosen_by(ablation: Ablation) -> str:
    """Return by which data the best variant and its best replicate are chosen, in words."""
    measured = {name for variant in ablation.variants for run in variant.replicates for name in run.metrics}
    holds_out = ablation.measured(ablation.metric).choosing(measured) != ablation.metric
    return "validation data" if holds_out else "training data, as none were held out"
