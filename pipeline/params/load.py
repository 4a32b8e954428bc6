"""A params file, read, checked and expanded, all its faults found together."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.core.errors import ParamsError
from pipeline.core.project import reading_study
from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.params.expansion.datasets import as_written, on_each_dataset
from pipeline.params.expansion.expand import BaseRecipe, Expansion
from pipeline.params.expansion.origin import written_place
from pipeline.params.expansion.resolve import canonical, validated
from pipeline.params.faults import Fault, FaultsError, fault_at, read_as, show
from pipeline.params.patches import merge
from pipeline.params.types.dataset import AnyDataset
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.seeds import SeedPlan
from pipeline.params.types.study import Ablation, Study
from pipeline.params.types.variants import Expanded
from pipeline.params.yaml_file import read

# Placeholders for parts that are missing or faulty, so that the variants of such a base are checked too.
BASE_PLACEHOLDER: Mapping[str, Any] = {
    "model": {"layers": []},
    "optimizer": {"name": "SGD"},
    "training": {"epochs": 1},
}
ABLATION_PLACEHOLDER: Mapping[str, Any] = {"question": "?"}
TUNE_PLACEHOLDER = {"trials": 1, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-2]}}}


def load(path: Path) -> Study:
    """Return the study in a params file, its ablations expanded; raises `ParamsError` with every fault.

    Example:
        study = load(Path("params.yaml"))
        variants = expand(study, "activations").variants
    """
    raw, faults = read(path)
    if faults:
        raise ParamsError(str(path), _sentences(faults))
    with reading_study(path.parent):
        return parse(raw, str(path))


def parse(raw: Any, source: str = "params") -> Study:
    """Return the study in plain data, its ablations expanded; raises `ParamsError` with every fault.

    Faults of the base and of the ablations' own keys come first, then those of variants. Variants of a faulty base are
    checked on a base without its faulty sections.
    """
    if not isinstance(raw, Mapping):
        raise ParamsError(source, [f"must be a mapping with {', '.join(Study.keys())}; got {show(raw)}"])
    raw, dataset_faults = on_each_dataset(_with_tune_defaults(raw))
    study, faults = _study(raw)
    base, base_faults = _base_recipe(raw)
    ablations = study.ablations if study else _usable_ablations(raw)
    evaluation = study.evaluation if study else None
    seeds = study.seeds if study else None
    expanded, variant_faults = _expand_all(ablations, base, seeds, evaluation) if base else ({}, [])
    faults = [_as_written(fault, raw) for fault in [*dataset_faults, *faults, *base_faults, *variant_faults]]
    if study is None or faults:
        raise ParamsError(source, _sentences(faults))
    study._expanded.update(expanded)
    return study


def _with_tune_defaults(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a study in which the `tune` of each ablation that has one has what the study's own says besides."""
    defaults, ablations = raw.get("tune"), raw.get("ablations")
    if not isinstance(defaults, Mapping) or not isinstance(ablations, Mapping):
        return raw
    filled = {
        name: {**entry, "tune": {**defaults, **entry["tune"]}}
        if isinstance(entry, Mapping) and isinstance(entry.get("tune"), Mapping)
        else entry
        for name, entry in ablations.items()
    }
    return {**raw, "ablations": filled}


def _study(raw: Mapping[str, Any]) -> tuple[Study | None, list[Fault]]:
    base = raw.get("base")
    complete = {**raw, "base": merge({}, base)} if isinstance(base, Mapping) else raw
    try:
        return read_as(Study, complete), []
    except FaultsError as error:
        return None, error.faults


def _base_recipe(raw: Mapping[str, Any]) -> tuple[BaseRecipe | None, list[Fault]]:
    """Return the base to check variants on, and its faults; None where even its sound sections do not fit together."""
    base, dataset = raw.get("base"), _known_dataset(raw)
    plain = merge({}, base) if isinstance(base, Mapping) else {}
    recipe, faults = validated(plain, dataset)
    if recipe is not None:
        return BaseRecipe(canonical(recipe), dataset, source=_source(raw)), []
    recipe, _ = validated({**BASE_PLACEHOLDER, **_without_faulty_keys(plain, faults)}, dataset)
    usable = None if recipe is None else BaseRecipe(canonical(recipe), dataset, False, _source(raw))
    return usable, [fault.under("base") for fault in faults] if isinstance(base, Mapping) else []


def _without_faulty_keys(section: Mapping[str, Any], faults: Iterable[Fault]) -> dict[str, Any]:
    faulty = {place[0] for fault in faults for place in fault.places if place}
    return {key: value for key, value in section.items() if key not in faulty}


def _known_dataset(raw: Mapping[str, Any]) -> Dataset | None:
    name = raw.get("dataset", Study.model_fields["dataset"].default)
    return CATALOGUE.get(name) if isinstance(name, str) else None


def _source(raw: Mapping[str, Any]) -> Any:
    """Return the study's data set, None where it is faulty."""
    try:
        return TypeAdapter(AnyDataset).validate_python(
            raw.get("dataset", Study.model_fields["dataset"].default)
        )
    except (ValidationError, FaultsError):
        return None


def _usable_ablations(raw: Mapping[str, Any]) -> dict[str, Ablation]:
    """Return the ablations, each without its faulty keys, which are among the study's faults."""
    entries = raw.get("ablations")
    ablations = {}
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        ablation = _usable_ablation(entry) if isinstance(entry, Mapping) else None
        if ablation is not None:
            ablations[name] = ablation
    return ablations


def _usable_ablation(entry: Mapping[str, Any]) -> Ablation | None:
    try:
        return read_as(Ablation, entry)
    except FaultsError as error:
        usable = _without_faulty_keys(entry, error.faults)
    tune = {"tune": TUNE_PLACEHOLDER} if "tune" in entry else {}
    try:
        return read_as(Ablation, {**ABLATION_PLACEHOLDER, **tune, **usable})
    except FaultsError:
        return None


def _expand_all(
    ablations: Mapping[str, Ablation],
    base: BaseRecipe,
    seeds: int | SeedPlan | None,
    evaluation: Evaluation | None,
) -> tuple[dict[str, Expanded], list[Fault]]:
    expanded: dict[str, Expanded] = {}
    faults: list[Fault] = []
    expansion = Expansion(ablations, base, seeds, evaluation)
    for name in ablations:
        variants, variant_faults = expansion.of(name)
        faults += variant_faults
        if variants is not None:
            expanded[name] = variants
    return expanded, faults


def _as_written(fault: Fault, raw: Mapping[str, Any]) -> Fault:
    return as_written(fault_at(fault.text, *written_place(raw, fault.places[0])))


def _sentences(faults: Iterable[Fault]) -> list[str]:
    return list(dict.fromkeys(fault.sentence() for fault in faults))
