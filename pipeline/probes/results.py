"""What was looked at in an ablation, as it is published beside its results: no times, equal looks give equal bytes."""

from pathlib import Path
from typing import Any

from pipeline.probes.ledger import Ledger
from pipeline.probes.wanted import Probe, wanted
from pipeline.store import Store, write_json
from pipeline.survey import AblationState

FILE = "evaluation.json"
REPLICATED = ("signals", "propagation", "uncertainty")


def write_observations(store: Store, state: AblationState, folder: Path) -> None:
    """Write `<folder>/evaluation.json`; nothing where nothing was asked for or found."""
    found = observations(store, state)
    if found:
        write_json(folder / FILE, found)
    else:
        (folder / FILE).unlink(missing_ok=True)


def observations(store: Store, state: AblationState) -> dict[str, Any]:
    """Return what was found, by kind and variant: for each replicate, or once for all.

    `functions` are by the activation instead, each with the variants that use it.
    """
    ledger = Ledger(store)
    found: dict[str, Any] = {}
    for probe in wanted(store, state):
        outcome = ledger.get(probe.key)
        if outcome:
            _add(found.setdefault(probe.kind, []), probe, outcome)
    used = {each.variant.name: each.replicates[0].recipe.optimizer.learning_rate for each in state.variants}
    for entry in found.get("finder", []):
        entry["used"] = used[entry["variant"]]
    return found


def _add(entries: list[dict[str, Any]], probe: Probe, outcome: dict[str, Any]) -> None:
    if probe.kind == "functions":
        known = next((entry for entry in entries if entry["activation"] == probe.settings), None)
        if known is None:
            entries.append({"activation": probe.settings, "variants": [probe.variant], **outcome})
        else:
            known["variants"].append(probe.variant)
    elif probe.kind in REPLICATED:
        if not entries or entries[-1]["variant"] != probe.variant:
            entries.append({"variant": probe.variant, "replicates": []})
        entries[-1]["replicates"].append({"seed": probe.run.seed, **outcome})
    else:
        entries.append({"variant": probe.variant, "seed": probe.run.seed, **outcome})
