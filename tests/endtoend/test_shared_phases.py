"""Phases with which several variants begin, trained once a seed: the same results, the store, kills, damage, prune."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.maintenance.prune import orphans, prune
from pipeline.params.load import load
from pipeline.store import Store
from pipeline.training.runner import Runner

from .kit import PARAMS, ablate, project_at, results, write_params

pytestmark = pytest.mark.slow

FIRST = {"name": "first", "data": {"classes": [0, 1, 2, 3, 4]}, "training": {"epochs": 3}}
LAST = {"data": {"classes": [5, 6, 7, 8, 9]}, "training": {"epochs": 1}}
VARIANTS: dict[str, Any] = {
    "head": {"phases": [FIRST, {**LAST, "trainable": "head"}]},
    "whole": {"phases": [{**FIRST, "name": "pretraining"}, LAST]},
    "slow": {"phases": [FIRST, {**LAST, "optimizer": {"learning_rate": 0.001}}]},
    "alone": {"phases": [{**FIRST, "training": {"epochs": 2}}, LAST]},
}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project_at(tmp_path / "study", project, of(VARIANTS))


def of(variants: dict[str, Any]) -> dict[str, Any]:
    ablation = {"question": "?", "seeds": 2, "variants": variants}
    return {**PARAMS, "ablations": {"one": ablation}}


@contextmanager
def epochs_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Give the epochs that each stored run of this process had trained itself."""
    trained: list[int] = []
    store = Runner._store

    def spy(runner: Runner, stack: Any) -> None:
        beginnings = runner.beginnings
        for one in stack:
            before = beginnings[one.record.key].record.epochs if one.record.key in beginnings else 0
            trained.append(one.record.epochs - before)
        store(runner, stack)

    monkeypatch.setattr(Runner, "_store", spy)
    yield trained
    monkeypatch.setattr(Runner, "_store", store)


def metrics(root: Path) -> dict[str, list[dict[str, float]]]:
    found = json.loads(results(root)["one"])
    return {v["name"]: [replicate["metrics"] for replicate in v["replicates"]] for v in found["variants"]}


def shared(store: Store) -> list[str]:
    records = [store.runs.get(key) for key in sorted(store.runs.keys())]
    return [record.key for record in records if record is not None and record.kind == "shared"]


def test_each_seed_trains_them_once_and_results_are_those_of_whole_runs(
    root: Path, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one")
    assert sorted(trained) == [1] * 6 + [3] * 4  # six goes on from two; those of `alone` are whole
    store = Store(root / ".runs")
    assert len(shared(store)) == 2
    for key in store.runs.keys() - set(shared(store)):
        record = store.runs.get(key)
        assert record is not None and len(record.phase_seconds) == 2
        assert len(record.curves["loss"]) == record.epochs == record.best_epoch
        assert sum(record.phase_seconds) == pytest.approx(record.seconds)
    monkeypatch.setattr("pipeline.training.runner.steps", lambda runs, *_: _whole(runs))
    whole = project_at(tmp_path / "whole", project, of(VARIANTS))
    ablate(whole, "one")
    assert not shared(Store(whole / ".runs"))
    for name, replicates in metrics(root).items():
        for one, other in zip(replicates, metrics(whole)[name], strict=True):
            assert one == pytest.approx(other, rel=1e-4, abs=1e-6), name


def _whole(runs: Any) -> list[Any]:
    from pipeline.planning.shared_phases import Step

    return [Step(run) for run in runs]


def test_a_variant_added_later_and_a_killed_study_go_on_from_what_is_stored(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_params(root, of({name: VARIANTS[name] for name in ("head", "whole")}))
    store, train = Runner._store, Runner._train

    def killed(runner: Runner, runs: Any) -> None:
        if runner.store.runs.keys():
            raise KeyboardInterrupt
        train(runner, runs)

    monkeypatch.setattr(Runner, "_train", killed)
    with pytest.raises(KeyboardInterrupt):
        ablate(root, "one")
    monkeypatch.setattr(Runner, "_train", train)
    assert len(Store(root / ".runs").runs.keys()) == 2  # the shared phases
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one")
    assert trained == [1] * 4
    write_params(root, of({name: VARIANTS[name] for name in ("head", "whole", "slow")}))
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one")
    assert trained == [1] * 2
    assert Runner._store is store


def test_damaged_ones_are_trained_again_and_prune_keeps_those_of_the_study(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: VARIANTS[name] for name in ("head", "whole")}
    write_params(root, of(some))
    ablate(root, "one")
    store = Store(root / ".runs")
    first, second = shared(store)
    assert {share.kind: share.runs for share in _shares(store)} == {"replicate": 4, "shared": 2}
    assert orphans(store, load(root / "params.yaml"), root).runs == ()
    (store.folder / first / "weights.npz").write_bytes(b"damaged")
    write_params(root, of({**some, "slow": VARIANTS["slow"]}))
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one")
    assert sorted(trained) == [1, 4]  # what one run alone would share is trained as a part of it
    assert shared(Store(root / ".runs")) == [second]
    write_params(root, of({"alone": VARIANTS["alone"]}))
    ablate(root, "one")
    store, study = Store(root / ".runs"), load(root / "params.yaml")
    unused = orphans(store, study, root)
    assert second in unused.runs and len(unused.runs) == 7
    prune(store, unused)
    assert not shared(Store(root / ".runs"))


def _shares(store: Store) -> Any:
    from pipeline.maintenance.contents import contents

    return contents(store).shares


def test_where_they_diverge_so_do_the_runs_and_nothing_more_is_trained(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = {**FIRST, "optimizer": {"name": "sgd", "learning_rate": 1e38}}
    variants = {name: {"phases": [hot, VARIANTS[name]["phases"][1]]} for name in ("head", "whole")}
    write_params(root, of({**variants, "alone": VARIANTS["alone"]}))
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one")
    found = {v["name"]: v["replicates"] for v in json.loads(results(root)["one"])["variants"]}
    outcomes = {name: [run["outcome"] for run in replicates] for name, replicates in found.items()}
    assert outcomes == {"head": ["diverged"] * 2, "whole": ["diverged"] * 2, "alone": ["finished"] * 2}
    assert sum(trained) <= 2 * 3 + 2 * 3


def test_a_variant_goes_on_from_the_replicates_of_another_ablation(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = of({"on_a": {"phases": [{"from": "first/a"}, {**LAST, "trainable": "head"}]}, "plain": {}})
    a = {"data": FIRST["data"], "training": FIRST["training"]}
    params["ablations"]["first"] = {"question": "?", "seeds": 3, "variants": {"a": a}}
    write_params(root, params)
    with epochs_of(monkeypatch) as trained:
        ablate(root, "one", ahead=True)
    assert sorted(trained) == [1] * 2 + [2] * 2 + [3] * 3 and not shared(Store(root / ".runs"))
    ablate(root, "first")
    found = {name: json.loads(text)["variants"][0] for name, text in results(root).items()}
    for one, other in zip(found["one"]["replicates"], found["first"]["replicates"], strict=False):
        assert one["curves"]["loss"][:3] == other["curves"]["loss"]
        assert len(one["curves"]["loss"]) == 4
