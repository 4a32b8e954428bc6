"""The `report` stage: draw the pages anew where anything that they show has changed, else see so in a moment."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import editions
from pipeline.editions import Edition
from pipeline.journal import sessions
from pipeline.store import Store
from pipeline.tracking.ui import address, compare_urls

if TYPE_CHECKING:
    from pipeline.report.beside import Beside

MANY = 6
"""Ablations from which on a second process is worth its start."""


def redraw(ablations: Sequence[str], store: Store, here: Path) -> bool:
    """Bring `<here>/reports` up to date with `<here>/results` and the store; return whether pages were drawn.

    Raises `UserError` where a result is missing or damaged.
    """
    results, reports = here / "results", here / "reports"
    charts = compare_urls(store)
    known = {name: charts.get(store.title_of(name)) for name in ablations}
    links = {"": address(store.folder.parent), **{name: url for name, url in known.items() if url}}
    digest = editions.digest_of_results(results, ablations)
    last = editions.last_edition(reports)
    new = sessions(store, after=last.seen if last else 0)
    if not new and editions.is_current(reports, editions.inputs(digest, reports, links)):
        return False
    edition = editions.next_edition(
        last, digest, new, editions.run_keys(results, ablations) if new else set()
    )
    _draw(ablations, store, here, edition, links)
    editions.stamp(reports, editions.inputs(digest, reports, links), _files(reports, ablations))
    return True


def _draw(
    ablations: Sequence[str], store: Store, here: Path, edition: Edition, links: dict[str, str]
) -> None:
    from pipeline.report import build

    processes = min(2, os.cpu_count() or 1) if len(ablations) >= MANY else 1
    beside = _beside(store, edition, links)
    summary = build(here / "results", here / "reports", ablations, beside, processes)
    editions.keep(here / "reports", replace(edition, summary=summary))


def _beside(store: Store, edition: Edition, links: dict[str, str]) -> "Beside":
    from pipeline.report.beside import Beside, History

    compare = {name: url for name, url in links.items() if name}
    return Beside(links[""], compare, store.times, History(edition.sessions, edition.before))


def _files(reports: Path, ablations: Sequence[str]) -> list[str]:
    from pipeline.report.site import page_files

    return [name for name in page_files(ablations) if (reports / name).is_file()]
