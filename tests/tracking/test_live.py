from typing import Any

import pytest

from pipeline.tracking import live
from pipeline.tracking.ledger import load, pending
from pipeline.tracking.live import LiveRuns
from pipeline.tracking.projection import Projection, project

from .conftest import Study, client, held, names


def running(study: Study) -> list[Any]:
    return [run for runs in held(study.uri).values() for run in runs if run.info.status == "RUNNING"]


@pytest.fixture
def training(study: Study) -> tuple[Study, str, Projection, LiveRuns]:
    key = study.add("act", "relu", finished=False, **{"optimizer.learning_rate": 0.5})
    projection = Projection(study.store, study.uri)
    projection.send_finished()
    return study, key, projection, LiveRuns(projection)


Training = tuple[Study, str, Projection, LiveRuns]


def test_a_run_is_shown_once_seen_twice_and_kept_up_to_date(training: Training) -> None:
    study, key, _, view = training
    assert not view.any_to_show()
    study.store.live.put(key, {"loss": [0.9]})
    view.show()
    assert running(study) == []

    view.show()
    study.store.live.put(key, {"loss": [0.9, 0.5, 0.4]})
    view.show()
    view.show()
    (run,) = running(study)
    assert run.info.run_name == "relu · seed 0"
    assert run.data.params == {"optimizer.learning_rate": "0.5"}
    history = client(study.uri).get_metric_history(run.info.run_id, "loss")
    assert {point.step: point.value for point in history} == {1: 0.9, 2: 0.5, 3: 0.4}


def test_the_finished_run_takes_its_place(training: Training) -> None:
    study, key, projection, view = training
    study.store.live.put(key, {"loss": [0.9]})
    view.show()
    view.show()
    study.finish(key)
    study.store.live.remove([key])
    view.show()
    projection.send_finished()
    (run,) = held(study.uri)["act"]
    assert run.info.status == "FINISHED"
    assert not pending(study.store)


def test_the_number_of_shown_runs_is_limited(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    study, _, projection, view = training
    monkeypatch.setattr(live, "MOST_SHOWN", 3)
    for seed in range(5):
        study.store.live.put(study.add("act", "gelu", seed, finished=False), {"loss": [0.9]})
    projection.send_finished()
    for _ in range(3):
        view.show()
    assert sorted(run.info.run_name for run in running(study)) == [f"gelu · seed {seed}" for seed in range(3)]
    view.clear()
    assert running(study) == []


def test_runs_left_after_a_crash_are_removed_later(training: Training) -> None:
    study, key, _, view = training
    study.store.live.put(key, {"loss": [0.9]})
    view.show()
    view.show()
    assert not load(study.store, study.uri).clean
    study.store.live.remove([key])
    project(study.store)
    assert names(study.uri) == {"act": []}
    assert load(study.store, study.uri).clean
