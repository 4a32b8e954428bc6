"""A params file, read, checked and expanded, every fault found in one go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.data.catalogue import CATALOGUE
from pipeline.errors import ParamsError
from pipeline.params.blame import written
from pipeline.params.expand import Expanded, Ground, expansion
from pipeline.params.faults import Fault, Where, faults_of, show
from pipeline.params.merge import merge
from pipeline.params.plain import read
from pipeline.params.resolve import canonical, validated
from pipeline.params.schema import Ablation, Study

# What stands in for a required part that is missing or wrong, so that what builds on it is still checked.
STAND_IN: dict[str, Any] = {"model": {"layers": []}, "optimizer": {"name": "SGD"}, "training": {"epochs": 1}}
TUNE_STAND_IN = {"trials": 1, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-2]}}}
ROUNDS = 50


def load(path: Path) -> Study:
    """Return the study in a params file, its ablations expanded; raises `ParamsError` with every fault."""
    raw, faults = read(path)
    if faults:
        raise ParamsError(str(path), _sentences(faults))
    return parse(raw, str(path))


def parse(raw: Any, source: str = "params") -> Study:
    """Return the study in plain data, its ablations expanded; raises `ParamsError` with every fault."""
    if not isinstance(raw, Mapping):
        raise ParamsError(source, [f"must be a mapping with {', '.join(Study.keys())}; got {show(raw)}"])
    study, faults = _study(raw)
    expanded, wrong = _expansions(raw, study)
    if study is None or faults or wrong:
        raise ParamsError(source, _sentences([*faults, *wrong]))
    study._expanded.update(expanded)
    return study


def _study(raw: Mapping[str, Any]) -> tuple[Study | None, list[Fault]]:
    flat = {**raw, "base": merge({}, raw["base"])} if isinstance(raw.get("base"), Mapping) else dict(raw)
    try:
        return Study.model_validate(flat), []
    except ValidationError as error:
        return None, [_as_written(each, raw) for each in faults_of(error)]


def _as_written(found: Fault, raw: Mapping[str, Any]) -> Fault:
    return Fault((written(raw, found.at[0]),), found.text)


def _expansions(raw: Mapping[str, Any], study: Study | None) -> tuple[dict[str, Expanded], list[Fault]]:
    """Expand whatever stands: also when the base or another ablation has faults."""
    ground = Ground(canonical(study.base), study.known) if study else _ground(raw)
    expanded: dict[str, Expanded] = {}
    faults: list[Fault] = []
    for name, ablation in (study.ablations if study else _sound_ablations(raw)).items():
        found, wrong = expansion(ablation, name, ground)
        faults += [_as_written(each, raw) for each in wrong]
        if found is not None:
            expanded[name] = found
    return expanded, faults


def _sound_ablations(raw: Mapping[str, Any]) -> dict[str, Ablation]:
    """Return the ablations, each without what is wrong with it, which is among the study's faults."""
    entries = raw.get("ablations")
    pairs = entries.items() if isinstance(entries, Mapping) else ()
    return {name: found for name, entry in pairs if isinstance(entry, Mapping) and (found := _mended(entry))}


def _mended(entry: Mapping[str, Any]) -> Ablation | None:
    stand_in = {"question": "?", **({"tune": TUNE_STAND_IN} if "tune" in entry else {})}
    for _ in range(ROUNDS):
        try:
            return Ablation.model_validate(entry)
        except ValidationError as error:
            entry = {**stand_in, **_mend(entry, faults_of(error))}
    return None


def _ground(raw: Mapping[str, Any]) -> Ground:
    """Return the base to check variants on: as written, or without what is wrong with it."""
    base = raw.get("base")
    plain: Mapping[str, Any] = merge({}, base) if isinstance(base, Mapping) else {}
    dataset = raw.get("dataset", "digits")
    known = CATALOGUE.get(dataset) if isinstance(dataset, str) else None
    for attempt in range(ROUNDS):
        recipe, faults = validated(plain, known)
        if recipe is not None:
            return Ground(canonical(recipe), known, sound=attempt == 0)
        plain = _with_stand_ins(plain) if attempt == 0 else _mend(plain, faults)
    return Ground(STAND_IN, known, sound=False)


def _mend(tree: Mapping[str, Any], faults: list[Fault]) -> Mapping[str, Any]:
    """Return `tree` without what is wrong; where only something missing is, without what lacks it."""
    places = [written(tree, each.at[0]) for each in faults]
    mended = _without_all(tree, places)
    return mended if mended != tree else _without_all(tree, [place[:-1] for place in places])


def _without_all(tree: Mapping[str, Any], places: list[Where]) -> Mapping[str, Any]:
    """Return `tree` lacking what lies at `places`; what lies inside a list takes the whole list along."""
    if () in places:
        return {}
    inside: dict[str | int, list[Where]] = {}
    for head, *rest in places:
        inside.setdefault(head, []).append(tuple(rest))
    mended = {}
    for key, value in tree.items():
        if key not in inside:
            mended[key] = value
        elif isinstance(value, Mapping) and all(inside[key]):
            mended[key] = _without_all(value, inside[key])
    return mended


def _with_stand_ins(plain: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(plain)
    for section, needed in STAND_IN.items():
        present = filled.get(section)
        filled[section] = {**needed, **present} if isinstance(present, Mapping) else needed
    return filled


def _sentences(faults: list[Fault]) -> list[str]:
    return list(dict.fromkeys(each.sentence() for each in faults))
