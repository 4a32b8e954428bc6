"""The actions of `keras-ablation store`: `list`, `verify` and `prune`."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.cli.tables import print_contents
from pipeline.core.project import ablate_command, is_temporary, study_at
from pipeline.core.text import megabytes, plural
from pipeline.maintenance.contents import contents
from pipeline.maintenance.prune import orphans, prune
from pipeline.maintenance.verify import verify
from pipeline.params.types.study import Study
from pipeline.stages.settings import read_ablations
from pipeline.store import Store

ReadStudy = Callable[[], Study]
"""Reads the params file, which only some actions need."""


def _list(options: argparse.Namespace, _: ReadStudy) -> None:
    home = Path(options.params).parent
    store = Store(study=study_at(home))
    checked = read_ablations(home / "data" / "settings", newer_than=options.params)
    if checked is not None and not is_temporary(home) and not store.is_written_to():
        store.manifests.follow(home / "results", checked)
    stored = contents(store, options.ablation, options.phase)
    if options.json:
        print(json.dumps(stored.as_json()))
    else:
        print_contents(stored)


def _verify(_: argparse.Namespace, __: ReadStudy) -> None:
    store = Store()
    with store.one_writer():
        count, damaged = len(store.runs.keys()), verify(store)
    for damage in damaged:
        required = f", required by {', '.join(damage.ablations)}" if damage.ablations else ""
        print(f"removed {damage.name}: {damage.reason}{required}")
    print(f"{count} runs read, {len(damaged)} damaged {'entry' if len(damaged) == 1 else 'entries'}")
    ablations = dict.fromkeys(name for damage in damaged for name in damage.ablations)
    if ablations:
        print(f"To make them again, run {' and '.join(f'`{ablate_command(name)}`' for name in ablations)}.")


def _prune(options: argparse.Namespace, read_study: ReadStudy) -> None:
    home = Path(options.params).parent
    store = Store(study=study_at(home))
    with store.one_writer():
        store.recover()
        unused = orphans(store, read_study(), home)
        if not options.dry_run:
            prune(store, unused)
    verb = "would free" if options.dry_run else "freed"
    counts = f"{len(unused.runs)} runs, {len(unused.diagnostics)} diagnostics and {len(unused.notes)} notes"
    print(f"{verb} {megabytes(unused.bytes)}: {counts} that no study requires")
    if unused.kept:
        print(
            f"{unused.kept} more diagnostics stay: some ablations may require them, "
            "being unfinished, or finished by an older version. To find out, run"
        )
        print("\n".join(f"  {ablate_command(name)}" for name in unused.undecided))


def _push(options: argparse.Namespace, _: ReadStudy) -> None:
    from pipeline.maintenance.exchange import push

    sent = push(Store(), options.address, options.weights)
    print(f"pushed {plural(sent.sent, 'run')}, {sent.known} were there already{_damaged(sent.damaged)}")


def _pull(options: argparse.Namespace, _: ReadStudy) -> None:
    from pipeline.maintenance.exchange import pull

    store = Store()
    with store.one_writer():
        taken = pull(store, options.address)
    print(f"pulled {plural(taken.sent, 'run')}, {taken.known} were here already{_damaged(taken.damaged)}")


def _damaged(keys: Sequence[str]) -> str:
    return f"; {len(keys)} are damaged and were left out: {', '.join(keys[:3])}" if keys else ""


Action = Callable[[argparse.Namespace, ReadStudy], None]
ACTIONS: dict[str, Action] = {"list": _list, "verify": _verify, "prune": _prune, "push": _push, "pull": _pull}
