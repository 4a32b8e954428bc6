"""Runs in training, shown in MLflow as RUNNING with their curves so far, until they have finished."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.runs.records import Curves
from pipeline.tracking.payload import curve_points, params, tags
from pipeline.tracking.projection import Projection
from pipeline.tracking.required import RequiredRun, required_experiments

MOST_SHOWN = 24
"""The most runs shown at once: a stack may train hundreds, and a part of them shows its progress at an acceptable cost."""


@dataclass
class ShownRun:
    """One RUNNING run in MLflow: its id there, its start (milliseconds since 1970), and how many epochs were sent."""

    run_id: str
    run_key: str
    started: int
    epochs: int


class LiveRuns:
    """The runs in training that one projection shows."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._seen: set[str] = set()
        self._shown: dict[tuple[str, str], ShownRun] = {}

    def any_to_show(self) -> bool:
        """Return whether any run is in training, or still shown as such."""
        return bool(self._shown or self._projection.store.live.all())

    def show(self) -> None:
        """Bring MLflow up to date; a run is shown from the second call that sees it, so that short runs cost nothing."""
        store = self._projection.store
        live = {key: curves for key, curves in store.live.all().items() if key not in store.runs}
        self._remove({place for place, run in self._shown.items() if run.run_key not in live})
        for run in self._candidates(live.keys() & self._seen):
            self._update(run, live[run.run_key])
        self._seen = set(live)

    def clear(self) -> None:
        """Remove everything that is shown, since training has ended."""
        self._remove(set(self._shown))

    def _candidates(self, keys: set[str]) -> Iterator[RequiredRun]:
        for experiment in required_experiments(self._projection.store).values():
            for run in experiment.runs_with_keys(keys).values():
                if (run.ablation, run.identity) in self._shown or len(self._shown) < MOST_SHOWN:
                    yield run

    def _update(self, run: RequiredRun, curves: Curves) -> None:
        shown = self._shown.get((run.ablation, run.identity)) or self._create(run)
        epochs = max(map(len, curves.values()), default=0)
        if shown is None or epochs <= shown.epochs:
            return
        new = curve_points(curves, shown.started, _now(), after=shown.epochs)
        self._projection.client.log(shown.run_id, new, {})
        shown.epochs = epochs
        self._projection.heartbeat()

    def _create(self, run: RequiredRun) -> ShownRun | None:
        """Return a new RUNNING run, or None while its ablation has no experiment."""
        experiment = self._projection.experiment_id(run.ablation)
        if experiment is None:
            return None
        if not self._shown:
            self._projection.mark_in_training(True)
        client, started = self._projection.client, _now()
        run_id = client.create_run(experiment, run.name, tags(run), started)
        client.log(run_id, [], params(run))
        shown = self._shown[run.ablation, run.identity] = ShownRun(run_id, run.run_key, started, 0)
        return shown

    def _remove(self, places: set[tuple[str, str]]) -> None:
        for place in places:
            self._projection.client.delete_run(self._shown.pop(place).run_id)
            self._projection.heartbeat()
        if places and not self._shown:
            self._projection.mark_in_training(False)


def _now() -> int:
    return time.time_ns() // 1_000_000
