"""An ablation on several data sets: as many ablations, each on one, called `<name>@<data set>`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pipeline.core.project import ON
from pipeline.params.faults import Fault, fault_at, listing, show

KEY = "datasets"
FEWEST = 2


def on_each_dataset(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Fault]]:
    """Return a study in which ablations with `datasets` are written out once for each, and the faults of such lists."""
    entries = raw.get("ablations")
    if not isinstance(entries, Mapping):
        return raw, []
    written: dict[Any, Any] = {}
    faults: list[Fault] = []
    for name, entry in entries.items():
        if isinstance(name, str) and ON in name:
            faults.append(fault_at(f"must not have {ON} in its name", "ablations", name))
        elif not isinstance(entry, Mapping) or KEY not in entry:
            written[name] = entry
        else:
            own = _faults(entry)
            faults += [fault.under("ablations", name) for fault in own]
            written |= _written_out(str(name), entry, usable=not own)
    return {**raw, "ablations": written}, faults


def _written_out(name: str, entry: Mapping[str, Any], usable: bool) -> dict[str, Any]:
    """Return an ablation once for each of its data sets; on the study's alone where those are not usable."""
    shared = {key: value for key, value in entry.items() if key != KEY}
    if not usable:
        return {name: shared}
    labels = _labels(entry[KEY])
    return {
        f"{name}{ON}{label}": {**shared, "dataset": dataset}
        for label, dataset in zip(labels, entry[KEY], strict=True)
    }


def as_written(fault: Fault) -> Fault:
    """Return a fault of an ablation on one of its data sets at the place where the file says it."""
    place = fault.places[0]
    if len(place) < 2 or ON not in str(place[1]):
        return fault
    name, _, dataset = str(place[1]).partition(ON)
    if place[2:] == ("dataset",):
        return fault_at(f"{dataset}: {fault.text}", place[0], name, KEY)
    return fault_at(fault.text, place[0], name, *place[2:])


def _faults(entry: Mapping[str, Any]) -> list[Fault]:
    datasets = entry[KEY]
    if not isinstance(datasets, list) or len(datasets) < FEWEST:
        return [fault_at(f"must be a list of two data sets or more; got {show(datasets)}", KEY)]
    if "dataset" in entry:
        return [fault_at("dataset and datasets exclude each other; keep one", "dataset")]
    double = [dataset for number, dataset in enumerate(datasets) if dataset in datasets[:number]]
    return [fault_at(f"names {listing(map(str, double))} twice", KEY)] if double else []


def _labels(datasets: Sequence[Any]) -> list[str]:
    """Return a short name for each data set, of letters that file names may have."""
    labels: list[str] = []
    for dataset in datasets:
        path = next(iter(dataset.values())) if isinstance(dataset, Mapping) and dataset else dataset
        text = PurePath(str(path)).stem if isinstance(dataset, Mapping) else str(path).rpartition(":")[2]
        label = re.sub(r"\W+", "_", text).strip("_") or "data"
        labels.append(f"{label}_{len(labels) + 1}" if label in labels else label)
    return labels
