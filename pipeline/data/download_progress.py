"""The progress bar of a download, shown only on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.data.sources import OnProgress


@contextmanager
def download_bar(title: str) -> Iterator[OnProgress]:
    """Show a bar on standard error, if that is a terminal, during the block; yield the function that updates it."""
    if not sys.stderr.isatty():
        yield lambda _received, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda received, total: progress.update(task, completed=received, total=total)
