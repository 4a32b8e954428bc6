"""The whole report: reads results, writes pages and exports, removes pages of ablations that no longer exist."""

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.core.garbage import rare_collections
from pipeline.core.project import on_several, page_stems
from pipeline.report import exports, pages, snapshot, tables
from pipeline.report.across import groups
from pipeline.report.context import ReportContext, Summary, no_excerpt
from pipeline.report.findings import Findings, find
from pipeline.report.history import change, summary_of
from pipeline.report.sections import page_sections
from pipeline.report.styles import assign
from pipeline.result_files.read import read

ENDINGS = (".html", ".csv", ".json", ".tex")


def build(
    results: Path,
    reports: Path,
    ablations: Sequence[str],
    context: ReportContext | None = None,
    processes: int = 1,
) -> Summary:
    """Write `reports/index.html`, a page, a CSV and a JSON per ablation, and `metrics.json`.

    `ablations` are the study's names in order; pages of others are deleted. Pages are drawn by `processes` processes,
    one ablation at a time in each; those that would be as they are already are left alone. Equal results and an equal
    `context` give equal bytes. Returns the summary that the next report compares itself with. Raises `UserError` where a
    result is missing or damaged.
    """
    reports.mkdir(parents=True, exist_ok=True)
    context = context or ReportContext()
    with rare_collections():
        study = [_slim(find(read(results, name, context.times))) for name in ablations]
        grouped = groups(study)
        every = page_stems([*ablations, *(group.name for group in grouped)])
        stems = {name: every[name] for name in ablations}
        remove_stale(reports, set(every.values()))
        changed = None if context.history is None else change(study, context.history)
        styles = assign([findings.ablation for findings in study])
        names = {f.ablation.dataset: f.ablation.dataset_name or f.ablation.dataset for f in study}
        excerpts = {title: context.excerpt(name) for title, name in names.items()}
        site = pages.Site(
            stems,
            styles,
            replace(context, excerpt=no_excerpt, sessions={}),  # each process that draws gets it
            changed,
            excerpts,
            {group.name: every[group.name] for group in grouped},
            {f.ablation.name: tables.trained(f.ablation, context.sessions) for f in study},
        )
        files = {name: [f"{stem}{ending}" for ending in ENDINGS] for name, stem in stems.items()}
        inputs = {findings.ablation.name: _page_inputs(results, site, findings) for findings in study}
        drawn = snapshot.drawn_pages(reports, files)
        changed_pages = [name for name in ablations if drawn.get(name) != inputs[name]]
        for name in drawn.keys() - set(changed_pages):
            _tell_news(reports / f"{stems[name]}.html", site, name)
        _run_all(partial(_write_ablation, results, reports, site), changed_pages, processes)
        snapshot.save_pages(reports, inputs, files)
    _write(reports / "metrics.json", exports.metrics_json(study))
    for group in grouped:
        _write(reports / f"{every[group.name]}.html", pages.across_page(site, group))
    _write(reports / "index.html", pages.index_page(site, study, grouped))
    return summary_of(study)


def _run_all(work: Callable[[str], None], names: Sequence[str], processes: int) -> None:
    """Call `work` with every name; the processes are forked from one that has imported everything once."""
    if processes == 1 or len(names) < 2:
        for name in names:
            work(name)
        return
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(["pipeline.report.site"])
    with ProcessPoolExecutor(processes, forkserver) as pool:
        for _ in pool.map(work, names):
            pass


def _write_ablation(results: Path, reports: Path, site: pages.Site, name: str) -> None:
    """Write one ablation's page and exports."""
    with rare_collections():
        findings = find(read(results, name, site.context.times))
        stem = site.stems[name]
        files = exports.exported(findings)
        sections = page_sections(findings, site.styles, site.excerpts.get(findings.ablation.dataset))
        page = pages.ablation_page(site, findings, sections, files)
        for ending, text in {**files, ".html": page}.items():
            _write(reports / f"{stem}{ending}", text)


def _tell_news(path: Path, site: pages.Site, name: str) -> None:
    """Bring what is new up to date on a page that needs no drawing."""
    old = path.read_text(encoding="utf-8")
    page = pages.with_news(old, site, name)
    if page != old:
        _write(path, page)


def _page_inputs(results: Path, site: pages.Site, findings: Findings) -> str:
    """Return a digest of all that decides an ablation's page and its exports, but for what is new on it."""
    ablation, names = findings.ablation, list(site.stems)
    place = names.index(ablation.name)
    parts = [
        snapshot.rendering_digest(),
        snapshot.shown_digest(results, ablation.name),
        [[trial.seconds for trial in variant.trials] for variant in ablation.variants],
        [[(run.seconds, run.phase_seconds) for run in variant.replicates] for variant in ablation.variants],
        [site.styles[variant.name] for variant in ablation.variants],
        [(name, site.stems[name]) for name in names[max(0, place - 1) : place + 2]],
        pages.mlflow_link(site.context, ablation.name),
        site.trained[ablation.name],
        site.excerpts.get(ablation.dataset),
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _slim(findings: Findings) -> Findings:
    """Return the findings without curves, which take nearly all of the memory and are not shown on the index."""
    variants = {
        variant.name: replace(
            variant, replicates=tuple(replace(run, curves={}) for run in variant.replicates)
        )
        for variant in findings.ablation.variants
    }
    ablation = replace(findings.ablation, variants=tuple(variants.values()))
    rows = tuple(replace(row, variant=variants[row.variant.name]) for row in findings.rows)
    return replace(findings, ablation=ablation, rows=rows)


def page_files(ablations: Sequence[str]) -> list[str]:
    """Return the names of all files of a report."""
    stems = page_stems([*ablations, *on_several(ablations)]).values()
    return [
        "index.html",
        "metrics.json",
        *(f"{stem}{ending}" for stem in stems for ending in ENDINGS),
    ]


def remove_stale(reports: Path, stems: set[str]) -> None:
    """Delete the pages, with their exports, that this report wrote for ablations which no longer exist."""
    for page in sorted(reports.glob("*.html")):
        if page.stem not in stems | {"index"} and pages.GENERATOR in page.read_text(
            encoding="utf-8", errors="replace"
        ):
            for ending in ENDINGS:
                page.with_suffix(ending).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
