"""The `report` stage: render the pages if anything that they show has changed; otherwise find that out quickly."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import DataError
from pipeline.core.project import page_stems
from pipeline.report import snapshot
from pipeline.result_files.left_out import left_out
from pipeline.store import Store
from pipeline.tracking.ui import address, compare_urls

if TYPE_CHECKING:
    from pipeline.data.excerpt import Excerpt
    from pipeline.report.findings import Findings

MANY = 6
"""The number of ablations from which a second process is worth its start."""
MOST_ANSWERS = 40


def report(ablations: Sequence[str], store: Store, root: Path) -> bool:
    """Update `<root>/reports` from `<root>/results` and the store; return whether pages were rendered.

    Raises `UserError` where a result is missing or damaged.
    """
    results, reports = root / "results", root / "reports"
    omitted = left_out(results, ablations)
    ablations = [name for name in ablations if name not in omitted]
    links = _links(ablations, store)
    digest = snapshot.results_digest(results, ablations)
    inputs = partial(snapshot.inputs_digest, results, ablations, reports, [links, omitted])
    last = snapshot.last_snapshot(reports)
    sessions = store.journal.sessions(after=last.seen if last else 0)
    if not sessions and snapshot.is_current(reports, inputs()):
        return False
    keys = snapshot.run_keys(results, ablations) if sessions else set()
    _render(ablations, store, root, snapshot.next_snapshot(last, digest, sessions, keys), links, omitted)
    files = _files(reports, ablations)
    snapshot.stamp(reports, inputs(), files)
    return True


def answers(ablations: Sequence[str], root: Path, rendered: bool = False) -> list[str]:
    """Return the lines at the end: the answer of each ablation in the last report, of many only the first, and its path."""
    last = snapshot.last_snapshot(root / "reports")
    summary = last.summary if last else {}
    told = [f"{name}: {summary[name]['answer']}" for name in ablations if summary.get(name, {}).get("answer")]
    more = len(told) - MOST_ANSWERS
    state = "is rendered" if rendered else "is up to date"
    rest = [f"and {more} more ablations"] if more > 0 else []
    return [*told[:MOST_ANSWERS], *rest, f"{root / 'reports' / 'index.html'} {state}"]


def report_markdown(ablations: Sequence[str], store: Store, root: Path) -> str:
    """Return the report as Markdown, with what moved since the previous one; raises `UserError` as `report` does."""
    from pipeline.report.context import History
    from pipeline.report.history import change
    from pipeline.report.markdown import markdown

    last, study = snapshot.last_snapshot(root / "reports"), _findings(ablations, store, root)
    history = None if last is None else change(study, History(last.sessions, last.before))
    return markdown(study, history)


def write_figures(
    ablations: Sequence[str], names: Sequence[str], store: Store, root: Path, folder: Path, ending: str
) -> list[Path]:
    """Write the figures of the pages of `names`, each to a file `<folder>/<page>-<figure>.<ending>`; return the files.

    Variants look as on the pages of all `ablations`. Sheets of small pictures are left out. `ending`: one of
    `pipeline.report.figures.files.FORMATS`. Raises `UserError` as `report` does.
    """
    from pipeline.report.figures.files import save
    from pipeline.report.sections import page_sections
    from pipeline.report.styles import assign

    study = {findings.ablation.name: findings for findings in _findings(ablations, store, root)}
    styles = assign([findings.ablation for findings in study.values()])
    stems, written = page_stems(ablations), []
    folder.mkdir(parents=True, exist_ok=True)
    for name in (name for name in names if name in study):
        shown = {styles[row.variant.name].index: row.variant.name for row in study[name].rows}
        sections = page_sections(study[name], styles)
        for chart in (chart for section in sections for chart in section.shown_charts):
            if chart.figure is not None:
                written.append(folder / f"{stems[name]}-{chart.key}.{ending}")
                save(chart, written[-1], shown)
    return written


def _findings(ablations: Sequence[str], store: Store, root: Path) -> "list[Findings]":
    """Return what the finished ablations found, without those that a budget left out."""
    from pipeline.report.findings import find
    from pipeline.result_files.read import read

    results = root / "results"
    omitted = left_out(results, ablations)
    return [find(read(results, name, store.runs.timings)) for name in ablations if name not in omitted]


def _links(ablations: Sequence[str], store: Store) -> dict[str, str]:
    """Return the address of MLflow's page for each ablation that it has, and the address of MLflow under the empty name."""
    urls = compare_urls(store)
    titles = {name: store.manifests.title_of(name) for name in ablations}
    own = {name: urls[title] for name, title in titles.items() if title in urls}
    return {"": address(store.folder.parent), **own}


def _render(
    ablations: Sequence[str],
    store: Store,
    root: Path,
    current: snapshot.Snapshot,
    links: Mapping[str, str],
    omitted: Mapping[str, str],
) -> None:
    from pipeline.report.context import History, ReportContext
    from pipeline.report.site import build

    compare = {name: url for name, url in links.items() if name}
    history = History(current.sessions, current.before)
    excerpt = partial(_excerpt, root)
    sessions = store.journal.by_run()
    context = ReportContext(links[""], compare, store.runs.timings, history, excerpt, sessions, omitted)
    processes = min(2, os.cpu_count() or 1) if len(ablations) >= MANY else 1
    summary = build(root / "results", root / "reports", ablations, context, processes)
    snapshot.save(root / "reports", replace(current, summary=summary))


def _excerpt(root: Path, dataset: str) -> "Excerpt | None":
    """Return an excerpt of a prepared data set, or None where it is gone: the report needs results alone."""
    from pipeline.data.excerpt import excerpt
    from pipeline.data.prepare import load

    try:
        return excerpt(load(dataset, root))
    except DataError:
        return None


def _files(reports: Path, ablations: Sequence[str]) -> list[str]:
    from pipeline.report.site import page_files

    return [name for name in page_files(ablations) if (reports / name).is_file()]
