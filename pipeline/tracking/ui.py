"""MLflow's user interface on this project's database, opened at the page that compares variants."""

import webbrowser
from pathlib import Path
from urllib.parse import quote

from pipeline.core.errors import UserError
from pipeline.store import Store
from pipeline.tracking.address import (
    default_uri,
    mlflow_environment,
    sqlite_file,
    unsupported,
    without_passwords,
)
from pipeline.tracking.ledger import load
from pipeline.tracking.report_pages import try_to_send_pages
from pipeline.tracking.required import SUMMARY
from pipeline.tracking.server import HOST, PORT, run_server


def serve(root: Path, port: int = PORT, open_browser: bool = True) -> None:
    """Show the project in `root` in a browser until interrupted; for a remote server only open the page.

    Raises `UserError` where nothing was tracked yet, the port is taken, or the server does not start.
    """
    uri = default_uri(root)
    if why_not := unsupported(uri):
        raise UserError(why_not)
    page = landing_page(Store(root / ".runs"), uri, port)
    if uri.startswith("http"):
        _show(page, open_browser)
        return
    _check_database(uri)
    try_to_send_pages(Store(root / ".runs"), uri)
    run_server(
        ["--backend-store-uri", uri],
        mlflow_environment(uri),
        port=port,
        on_start=lambda: _show(page, open_browser),
    )


def landing_page(store: Store, uri: str, port: int = PORT) -> str:
    """Return the URL to open: of the charts if there is one ablation, else of the list of experiments."""
    pages = list(compare_urls(store, uri, port).values())
    return pages[0] if len(pages) == 1 else _experiments_url(uri, port)


def compare_urls(store: Store, uri: str | None = None, port: int = PORT) -> dict[str, str]:
    """Return, for every ablation that MLflow has, the URL of the charts that compare its variants."""
    uri = uri or default_uri(store.folder.parent)
    search = quote(f'tags.phase = "{SUMMARY}"')
    query = f"searchFilter={search}&compareRunsMode=CHART&workflowType=machine_learning"
    return {
        name: f"{_experiments_url(uri, port)}/{experiment.experiment_id}/runs?{query}"
        for name, experiment in load(store, uri).experiments.items()
    }


def address(root: Path) -> str:
    """Return the URL of MLflow's UI: the tracking server's, else where `serve` shows the project in `root` by default."""
    return _server_address(default_uri(root), PORT)


def _experiments_url(uri: str, port: int) -> str:
    return f"{_server_address(uri, port)}/#/experiments"


def _server_address(uri: str, port: int) -> str:
    return without_passwords(uri).rstrip("/") if uri.startswith("http") else f"http://{HOST}:{port}"


def _show(page: str, open_browser: bool) -> None:
    print(f"MLflow: {page}", flush=True)
    if open_browser:
        webbrowser.open(page)


def _check_database(uri: str) -> None:
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        raise UserError(f"{file}: there is no MLflow database yet; `dvc repro` makes it.")
