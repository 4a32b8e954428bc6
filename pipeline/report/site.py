"""The whole report: reads results, writes pages and exports, removes pages of ablations that are gone."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.report import exports, pages
from pipeline.report.findings import find
from pipeline.report.results import read
from pipeline.report.sections import draw_all
from pipeline.report.styles import assign

RESERVED = {"index", "metrics"}


def build(results: Path, reports: Path, ablations: Sequence[str], mlflow_url: str | None = None) -> None:
    """Write `reports/index.html`, a page, a CSV and a JSON per ablation, and `metrics.json`.

    `ablations` are the study's names in order; pages of others are deleted. `mlflow_url` is where MLflow's UI
    answers. Equal results give equal bytes. Raises `UserError` where a result is missing or damaged.
    """
    reports.mkdir(parents=True, exist_ok=True)
    study = [read(results, name) for name in ablations]
    stems = page_stems(ablations)
    remove_stale(reports, set(stems.values()))
    styles = assign(study)
    judged = [find(ablation) for ablation in study]
    site = pages.Site(stems, styles, mlflow_url)
    for findings in judged:
        stem = stems[findings.ablation.name]
        csv, summary = exports.runs_csv(findings.ablation), exports.findings_json(findings)
        page = pages.ablation_page(site, findings, draw_all(findings, styles), csv, summary)
        _write(reports / f"{stem}.csv", csv)
        _write(reports / f"{stem}.json", summary)
        _write(reports / f"{stem}.html", page)
    _write(reports / "metrics.json", exports.metrics_json(judged))
    _write(reports / "index.html", pages.index_page(site, judged))


def page_stems(ablations: Sequence[str]) -> dict[str, str]:
    """Return the file name, without its ending, of every ablation's page.

    It is the ablation's own name, unless that is taken by the index, by `metrics.json`, or by a name that
    differs only in case, which not every file system can tell apart: then underscores are added.
    """
    stems: dict[str, str] = {}
    taken = RESERVED | {name.lower() for name in ablations if name.lower() not in RESERVED}
    seen: set[str] = set()
    for name in ablations:
        stem = name
        if name.lower() in RESERVED | seen:
            while stem.lower() in taken:
                stem += "_"
            taken.add(stem.lower())
        seen.add(name.lower())
        stems[name] = stem
    return stems


def remove_stale(reports: Path, stems: set[str]) -> None:
    """Delete the pages, and the exports beside them, that this report wrote for ablations which are gone."""
    for page in sorted(reports.glob("*.html")):
        if page.stem not in stems | {"index"} and pages.GENERATOR in page.read_text(
            encoding="utf-8", errors="replace"
        ):
            for ending in (".html", ".csv", ".json"):
                page.with_suffix(ending).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
