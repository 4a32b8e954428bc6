"""Tables for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.plan import StudyPlan
from pipeline.progress import duration
from pipeline.upkeep import Contents


def print_plan(plan: StudyPlan) -> None:
    """Print a study's plan, an ablation a row."""
    table = Table(
        title=f"{', '.join(plan.datasets)}: {plan.to_train} of {plan.runs} runs to train",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("ablation", overflow="fold")
    several = len(plan.datasets) > 1
    if several:
        table.add_column("data", overflow="fold", min_width=len("fashion_mnist"))
    table.add_column("variants", ratio=1, overflow="fold")
    for heading in ("trials", "replicates", "stored", "to train", "about"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in plan.ablations:
        numbers = (each.trials, each.replicates, each.stored, each.to_train)
        time = duration(each.seconds) if each.to_train else ""
        data = [each.dataset] if several else []
        table.add_row(each.ablation, *data, ", ".join(each.variants), *map(str, numbers), time)
    console = Console()
    console.print(table)
    if plan.to_train:
        console.print(
            f"about {duration(plan.seconds)} in all, if the machine is like the one measured in docs/performance.md; "
            f"{plan.core_hours:.2g} core-hours"
        )


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
