"""Tables for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.plan import StudyPlan
from pipeline.upkeep import Contents

ROOM_FOR_NAMES = 120  # columns of a terminal from which the variants' names are shown too


def print_plan(plan: StudyPlan) -> None:
    """Print a study's plan, an ablation a row."""
    table = Table(
        title=f"{', '.join(plan.datasets)}: {plan.to_train} of {plan.runs} runs to train",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    console = Console()
    with_names = console.width >= ROOM_FOR_NAMES
    table.add_column("ablation", no_wrap=True)
    for heading in ("variants", "trials", "replicates", "to train", "about"):
        table.add_column(heading, justify="right", no_wrap=True)
    if with_names:
        table.add_column("", ratio=1, overflow="fold", style="dim")
    for dataset in plan.datasets:
        if len(plan.datasets) > 1:
            table.add_section()
            table.add_row(Text(dataset, style="italic"))
        for each in (each for each in plan.ablations if each.dataset == dataset):
            time = roughly(each.seconds) if each.to_train else ""
            numbers = (len(each.variants), each.trials, each.replicates, each.to_train)
            names = [", ".join(each.variants)] if with_names else []
            table.add_row(each.ablation, *map(str, numbers), time, *names)
    console.print(table)
    if plan.to_train:
        console.print(
            f"about {roughly(plan.seconds)} in all, if the machine is like the one measured in docs/performance.md; "
            f"{plan.core_hours:.2g} core-hours"
        )


def roughly(seconds: float) -> str:
    """Return an estimate in words, no more exact than it is."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def print_contents(contents: Contents) -> None:
    """Print what the store holds, a row for each ablation and phase."""
    title = f"{contents.runs} runs, {megabytes(contents.bytes)}"
    if contents.looks:
        title += f"; {contents.looks} looks at models, {megabytes(contents.look_bytes)}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("wanted by", overflow="fold")
    table.add_column("phase")
    for heading in ("runs", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for share in contents.shares:
        table.add_row(Text(share.ablation), share.phase, str(share.runs), megabytes(share.bytes))
    Console().print(table)


def megabytes(size: int) -> str:
    """Return a number of bytes for people: `3.4 MB`."""
    return f"{size / 1e6:,.1f} MB"
