"""Verdicts for a table from anywhere: variants, seeds and a metric that anything may have written.

The table is a CSV file with the columns `variant` and `seed`, one of the metric, and perhaps `dataset`. It is judged as an
ablation of a study is, so that verdicts, pages and JSON are the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import pandas as pd

from pipeline.core.errors import UserError, nearest
from pipeline.core.metrics import ACCURACY, Metric
from pipeline.core.text import in_words, plural
from pipeline.report import exports, pages
from pipeline.report.across import mean_differences
from pipeline.report.context import ReportContext
from pipeline.report.findings import Findings, find
from pipeline.report.sections import page_sections
from pipeline.report.styles import assign
from pipeline.result_files.schema import Ablation, Family, Replicate, Variant
from pipeline.runs.records import EngineRecord
from pipeline.stats.across import Across, across

VARIANT, SEED, DATASET = "variant", "seed", "dataset"
LISTED = 5
SETTLED = ("better", "practically equal")


@dataclass(frozen=True)
class Question:
    """How a table is to be judged.

    `metric` is a column, None for the only one that is left; `margin` is in its unit, of accuracies from 0 to 1 in
    percentage points. `looks` are the numbers of seeds after which was looked, none for once, at all; `anytime`: after
    every seed.
    """

    baseline: str
    metric: str | None = None
    higher_is_better: bool = True
    margin: float = 0.0
    looks: tuple[int, ...] = ()
    anytime: bool = False


@dataclass(frozen=True)
class Judged:
    """The findings of each data set, by its name, and what follows across them where there are several."""

    findings: Mapping[str, Findings]
    across: Mapping[str, Across]

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict on each variant: that across data sets where there are several."""
        if self.across:
            return {name: result.verdict for name, result in self.across.items()}
        (findings,) = self.findings.values()
        return {row.variant.name: row.comparison.verdict for row in findings.rows if row.comparison}

    def status(self) -> int:
        """Return the exit status: 0 where all variants are better or equal, 3 where one is worse, 4 where one is open."""
        verdicts = self.verdicts.values()
        if "worse" in verdicts:
            return 3
        return 0 if all(verdict in SETTLED for verdict in verdicts) else 4


def judge(path: Path, question: Question) -> Judged:
    """Return the verdicts on a table; raises `UserError` for one that cannot be judged, with every fault.

    Example:
        >>> judge(Path("runs.csv"), Question(baseline="plain", margin=0.2)).verdicts
    """
    frame = _read(path)
    metric = _metric_column(frame, question.metric)
    values = pd.to_numeric(frame[metric], errors="coerce")
    faults = _faults(frame, metric, values, question)
    if faults:
        raise UserError(
            "\n".join([f"{path}: {plural(len(faults), 'fault')}", *(f"  {fault}" for fault in faults)])
        )
    frame = frame.assign(**{metric: values})
    findings = {
        name: find(_ablation(name, group, metric, question), question.anytime)
        for name, group in _datasets(frame, path.stem).items()
    }
    return Judged(findings, _across(findings, question) if len(findings) > 1 else {})


def as_json(judged: Judged) -> str:
    """Return the verdicts as JSON: by data set what a page of a study offers, then what follows across them."""
    import json

    value = {
        "verdicts": judged.verdicts,
        "datasets": {
            name: json.loads(exports.findings_json(found)) for name, found in judged.findings.items()
        },
        **(
            {"across": {name: vars(result) for name, result in judged.across.items()}}
            if judged.across
            else {}
        ),
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_page(findings: Findings) -> str:
    """Return the page of one data set's findings, which needs no other file."""
    ablation = findings.ablation
    styles = assign([ablation])
    site = pages.Site({ablation.name: "index"}, styles, ReportContext())
    return pages.ablation_page(site, findings, page_sections(findings, styles), exports.exported(findings))


def sentences(judged: Judged) -> list[str]:
    """Return what was found in sentences, data set by data set, and across them."""
    told = []
    for name, findings in judged.findings.items():
        head = f"{name}: " if len(judged.findings) > 1 else ""
        told += [f"{head}{sentence}" for sentence in findings.conclusion]
        told += [f"Care: {caution.sentence}" for caution in findings.cautions]
    told += [result.sentence(name) for name, result in judged.across.items()]
    return told


def _read(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=object, skipinitialspace=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not a CSV file: {error}") from error
    missing = [name for name in (VARIANT, SEED) if name not in frame]
    if missing or frame.empty:
        what = (
            f"lacks the column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}"
            if missing
            else "has no rows"
        )
        raise UserError(f"{path}: {what}")
    return frame


def _metric_column(frame: pd.DataFrame, wanted: str | None) -> str:
    others = [str(name) for name in frame.columns if name not in (VARIANT, SEED, DATASET)]
    if wanted is not None:
        if wanted not in others:
            raise UserError(
                f"--metric: must be one of {', '.join(others)}; got {wanted!r}.{nearest(wanted, others)}"
            )
        return wanted
    if len(others) != 1:
        raise UserError(f"--metric: which of the columns {', '.join(others) or '(none)'} is to be judged?")
    return others[0]


def _grouped(frame: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Return the rows by the values of a column, in the order of their first."""
    names = frame[column].map(str)
    return {name: frame[names == name] for name in dict.fromkeys(names)}


def _datasets(frame: pd.DataFrame, otherwise: str) -> dict[str, pd.DataFrame]:
    return _grouped(frame, DATASET) if DATASET in frame else {otherwise: frame}


def _faults(frame: pd.DataFrame, metric: str, values: "pd.Series[float]", question: Question) -> list[str]:
    """Return what is wrong with a table, with the lines in the file."""
    faults = []
    rows = frame.assign(line=range(2, len(frame) + 2))
    by = [DATASET, VARIANT] if DATASET in frame else [VARIANT]
    for line, text in zip(rows.line, frame[metric], strict=True):
        if pd.notna(text) and not isfinite(values[line - 2]) and str(text).strip().lower() not in ("nan", ""):
            faults.append(f"line {line}: {metric} must be a number; got {text!r}")
    for line, seed in zip(rows.line, frame[SEED], strict=True):
        if not str(seed).strip().lstrip("-").isdigit():
            faults.append(f"line {line}: seed must be a whole number; got {seed!r}")
    missing = [int(line) for line, value in zip(rows.line, values, strict=True) if pd.isna(value)]
    if missing and not faults:
        faults.append(f"line {_list(missing)}: {metric} is missing; leave out a row of a run that failed")
    for key, group in rows.groupby([*by, SEED], sort=False):
        if len(group) > 1:
            faults.append(
                f"lines {_list(group.line)}: {' '.join(map(str, key[:-1]))} has seed {key[-1]} more than once"
            )
    return faults or _missing(frame, question)


def _missing(frame: pd.DataFrame, question: Question) -> list[str]:
    """Return what a table lacks: the baseline, a second seed, partners of seeds."""
    faults = []
    for name, group in _datasets(frame, "").items():
        place = f"{name}: " if name else ""
        seeds = {variant: set(map(int, rows[SEED])) for variant, rows in _grouped(group, VARIANT).items()}
        if question.baseline not in seeds:
            known = list(seeds)
            near = nearest(question.baseline, known)
            faults.append(
                f"{place}there is no variant {question.baseline!r}, the baseline; there are {', '.join(known)}.{near}"
            )
            continue
        if len(seeds) < 2:
            faults.append(f"{place}there is nothing to compare with {question.baseline}")
        for variant, own in seeds.items():
            unpaired = own ^ seeds[question.baseline]
            if len(own) < 2:
                faults.append(f"{place}{variant} has one seed; a spread needs two at least")
            elif own & seeds[question.baseline] and unpaired:
                faults.append(
                    f"{place}{variant} and {question.baseline} do not share the seeds {_list(sorted(unpaired))}: "
                    "leave them out, or give all variants seeds of their own"
                )
    return faults


def _list(values: Iterable[object]) -> str:
    every = list(map(str, values))
    return ", ".join(every[:LISTED]) + (f" and {len(every) - LISTED} more" if len(every) > LISTED else "")


def _ablation(name: str, frame: pd.DataFrame, column: str, question: Question) -> Ablation:
    """Return a table as the results of an ablation, so that it is judged and shown like one."""
    known = column.removeprefix("test_")
    fraction = ACCURACY.name in known and bool(frame[column].between(0, 1).all())
    metric = Metric(known, question.higher_is_better, fraction)
    variants = tuple(
        _variant(str(variant), rows, column, known) for variant, rows in frame.groupby(VARIANT, sort=False)
    )
    others = tuple(variant.name for variant in variants if variant.name != question.baseline)
    families = (Family(others, (question.looks,)),) if question.looks else ()
    return Ablation(
        name=name,
        question=f"How do {', '.join(others)} compare with {question.baseline} in {in_words(known)}?",
        kind="variants",
        baseline=question.baseline,
        dataset=name,
        metric=known,
        margin=question.margin,
        seeds=max(len(variant.replicates) for variant in variants),
        tune=None,
        variants=variants,
        environment={},
        metrics={known: metric},
        families=families,
    )


def _variant(name: str, rows: pd.DataFrame, column: str, metric: str) -> Variant:
    key, engine = f"test_{metric}", EngineRecord("fit", "")
    replicates = tuple(
        Replicate(f"{name}/{seed}", seed, "finished", {key: float(value)}, 0, 0, engine, {})
        for seed, value in sorted(zip(map(int, rows[SEED]), rows[column], strict=True))
    )
    return Variant(name, {}, {}, {}, 0, None, None, {}, (), replicates)


def _across(findings: Mapping[str, Findings], question: Question) -> dict[str, Across]:
    """Return what follows across data sets for each variant that all of them have."""
    members = list(findings.values())
    factor = members[0].measure.factor
    differences = {
        name: [factor * value for value in values] for name, values in mean_differences(members).items()
    }
    return across(differences, question.margin, question.higher_is_better)
