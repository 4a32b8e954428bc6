"""`python -m pipeline store …`: what each action does and prints."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from pipeline.params.schema import Study
from pipeline.store import Store, ablate_command, study_at
from pipeline.tables import megabytes, print_contents
from pipeline.upkeep import again, contents, count_by_owner, leftovers, prune, verify

ReadStudy = Callable[[], Study]


def _list(options: argparse.Namespace, _: ReadStudy) -> None:
    found = contents(Store(), options.ablation, options.phase)
    if options.json:
        print(json.dumps(found.as_json()))
    else:
        print_contents(found)


def _verify(_: argparse.Namespace, __: ReadStudy) -> None:
    store = Store()
    with store.one_writer():
        count, damaged = len(store.keys()), verify(store)
    for each in damaged:
        wanted = f", wanted by {', '.join(each.ablations)}" if each.ablations else ""
        print(f"removed {each.name}: {each.reason}{wanted}")
    print(f"{count} runs read, {len(damaged)} damaged {'entry' if len(damaged) == 1 else 'entries'}")
    owners = count_by_owner(damaged)
    if owners:
        print(f"{again(owners)} makes them again.")


def _prune(options: argparse.Namespace, study: ReadStudy) -> None:
    home = Path(options.params).parent
    store = Store(study=study_at(home))
    with store.one_writer():
        store.sweep()
        old = leftovers(store, study(), home)
        if not options.dry_run:
            prune(store, old)
    verb = "would free" if options.dry_run else "freed"
    counts = f"{len(old.runs)} runs, {len(old.looks)} looks at models and {len(old.notes)} notes"
    print(f"{verb} {megabytes(old.bytes)}: {counts} that no study wants")
    if old.doubtful:
        print(
            f"{old.doubtful} more looks stay: some ablations have yet to say which they want, "
            "being unfinished, or finished by an older version. They say so with"
        )
        print("\n".join(f"  {ablate_command(name)}" for name in old.silent))


COMMANDS: dict[str, Callable[[argparse.Namespace, ReadStudy], None]] = {
    "list": _list,
    "verify": _verify,
    "prune": _prune,
}
