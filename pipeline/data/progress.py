"""The progress bar of a download, on a terminal; nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.data.sources import Advance


@contextmanager
def shown(title: str) -> Iterator[Advance]:
    """Show a bar on standard error, when that is a terminal, from the first bytes to the end of the block."""
    if not sys.stderr.isatty():
        yield lambda _came, _total: None
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
        yield lambda came, total: progress.update(task, completed=came, total=total)
