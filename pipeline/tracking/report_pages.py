"""The pages of ablations as artifacts: each with the run that sums up its baseline, where MLflow shows it."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.project import on_several, page_stems
from pipeline.core.text import one_line
from pipeline.store import Store
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.client import Client
from pipeline.tracking.required import SUMMARY, digest, required_experiments


def send_pages(store: Store, uri: str) -> int:
    """Send MLflow at `uri` the pages that it lacks, or has as they were; return how many. Quick if there are none.

    Raises what MLflow raises.
    """
    file = ledgers.folder(store) / f"{digest(uri)}.pages.json"
    with ledgers.one_writer(store, uri):
        sent, new = read_json(file) or {}, dict(_pages(store, uri))
        lacking = [(page, state) for page, state in new.items() if sent.get(str(page)) != state]
        if lacking:
            client = Client(uri)
            for page, (run_id, _) in lacking:
                client.log_page(run_id, page)
            write_json(file, {str(page): state for page, state in new.items()})
    return len(lacking)


def try_to_send_pages(store: Store, uri: str) -> None:
    """Do the same where MLflow can be reached; without the pages it is as useful as before."""
    try:
        send_pages(store, uri)
    except Exception as error:
        print(f"MLflow does not have the newest pages: {one_line(error)}", file=sys.stderr)


def _pages(store: Store, uri: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield the page of each ablation that MLflow has, with the run that it belongs to and its digest."""
    sent, required = ledgers.load(store, uri).experiments, required_experiments(store)
    pages = _files(store.folder.parent, required)
    for title in sent.keys() & required.keys():
        runs, page = sent[title].runs, pages[title]
        for run in required[title].runs.values():
            is_baselines = (run.variant, run.kind) == (required[title].baseline, SUMMARY)
            if is_baselines and run.identity in runs and page.is_file():
                yield page, [runs[run.identity].run_id, sha256(page)]


def _files(root: Path, titles: Iterable[str]) -> dict[str, Path]:
    """Return the files of the pages of ablations by title, `<ablation>` or `<study>/<ablation>`."""
    studies: dict[str, list[str]] = {}
    for title in titles:
        study, _, name = title.rpartition("/")
        studies.setdefault(study, []).append(name)
    return {
        f"{study}/{name}".removeprefix("/"): root / study / "reports" / f"{stem}.html"
        for study, names in studies.items()
        for name, stem in page_stems([*names, *on_several(names)]).items()
    }
