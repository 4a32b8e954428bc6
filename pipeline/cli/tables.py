"""Tables for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.core.text import duration, megabytes
from pipeline.maintenance.contents import Contents
from pipeline.planning.plan import AblationPlan, BudgetPlan, StudyPlan

ROOM_FOR_NAMES = 120
"""Columns of a terminal that is wide enough to show the names of variants."""


def print_plan(plan: StudyPlan) -> None:
    """Print a study's plan, one row per ablation; one line where nothing is to be trained."""
    console = Console()
    if not plan.most:
        console.print(
            f"{', '.join(plan.datasets)}: nothing to train, all {plan.runs} runs are stored", highlight=False
        )
        if plan.budget is not None:
            console.print(_budget_text(plan.budget))
        return
    console.print(_plan_table(plan, with_names=console.width >= ROOM_FOR_NAMES))
    if plan.to_train:
        console.print(f"about {roughly(plan.seconds)} in all; {plan.core_hours:.2g} core-hours")
    if plan.budget is not None:
        console.print(_budget_text(plan.budget))


def _budget_text(budget: BudgetPlan) -> str:
    """Return in words what a budget allows."""
    used = f"budget {duration(budget.seconds)}, {duration(budget.spent)} used"
    fewer = [f"{name} {seeds} of {wanted} seeds" for name, (seeds, wanted) in budget.shortened.items()]
    parts = [", ".join(fewer), f"left out: {', '.join(budget.left_out)}" if budget.left_out else ""]
    allows = "; ".join(filter(None, parts)) or "everything fits"
    return f"{used}: {allows}" if budget.decided else f"{used}; as foreseen: {allows}"


def _plan_table(plan: StudyPlan, with_names: bool) -> Table:
    more = f", likely {plan.likely}, at most {plan.most}" if plan.most > plan.to_train else ""
    title = f"{', '.join(plan.datasets)}: {plan.to_train} of {plan.runs} runs to train{more}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("ablation", no_wrap=True)
    for heading in ("variants", "trials", "replicates", "to train", "about"):
        table.add_column(heading, justify="right", no_wrap=True)
    if with_names:
        table.add_column("parameters", justify="right", no_wrap=True)
        table.add_column("", ratio=1, overflow="fold", style="dim")
    for dataset in plan.datasets:
        if len(plan.datasets) > 1:
            table.add_section()
            table.add_row(Text(dataset, style="italic"))
        for ablation in plan.ablations:
            if ablation.dataset == dataset:
                names = [_parameters(ablation), ", ".join(ablation.variants)] if with_names else []
                table.add_row(ablation.ablation, *_numbers(ablation), *names)
    return table


def _numbers(plan: AblationPlan) -> list[str]:
    to_train = str(plan.to_train) if plan.most == plan.to_train else f"{plan.to_train} – {plan.most}"
    return [
        str(len(plan.variants)),
        str(plan.trials),
        str(plan.replicates),
        to_train,
        roughly(plan.seconds) if plan.to_train else "",
    ]


def _parameters(plan: AblationPlan) -> str:
    """Return from how many to how many parameters the models have; nothing where none was looked at yet."""
    counts = plan.parameters.values()
    if not counts:
        return ""
    fewest, most = _short(min(counts)), _short(max(counts))
    return fewest if fewest == most else f"{fewest} – {most}"


def _short(count: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def roughly(seconds: float) -> str:
    """Return an estimated time in words, with as few digits as the estimate deserves."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def print_contents(contents: Contents) -> None:
    """Print what the store holds, one row per ablation and kind of run."""
    title = f"{contents.runs} runs, {megabytes(contents.bytes)}"
    if contents.diagnostics:
        title += f"; {contents.diagnostics} diagnostics, {megabytes(contents.diagnostic_bytes)}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("required by", overflow="fold")
    table.add_column("kind")
    for heading in ("runs", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for share in contents.shares:
        table.add_row(Text(share.ablation), share.kind, str(share.runs), megabytes(share.bytes))
    Console().print(table)
