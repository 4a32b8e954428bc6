"""The only module that talks to MLflow, through its public client."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tracking.address import keep_quiet
from pipeline.tracking.payload import MODEL, Point, batches

OWNER, ABLATION = "keras_ablation.owner", "keras_ablation.ablation"
PAGE = 1000


@dataclass(frozen=True)
class FoundExperiment:
    """An experiment of ours, as MLflow has it; `deleted` ones keep their name and can be restored."""

    experiment_id: str
    ablation: str
    deleted: bool


@dataclass(frozen=True)
class FoundRun:
    """A run as MLflow has it; `complete` when its writer got to the end."""

    run_id: str
    tags: Mapping[str, str]
    complete: bool


class Client:
    """MLflow at one address. Every method raises whatever MLflow raises when it cannot be reached."""

    def __init__(self, uri: str) -> None:
        keep_quiet()
        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.ERROR)
        self._client = MlflowClient(uri)

    def experiments(self, owner: str) -> list[FoundExperiment]:
        """Return the experiments that carry `owner`'s tag, deleted ones too."""
        from mlflow.entities import ViewType

        found = self._pages(
            "search_experiments", view_type=ViewType.ALL, filter_string=f"tags.`{OWNER}` = '{owner}'"
        )
        return [
            FoundExperiment(one.experiment_id, one.tags[ABLATION], one.lifecycle_stage == "deleted")
            for one in found
        ]

    def is_free(self, name: str) -> bool:
        """Return whether no experiment has this name, not even a deleted one."""
        return self._client.get_experiment_by_name(name) is None

    def create_experiment(self, name: str, artifacts: Path | None, tags: dict[str, str]) -> str | None:
        """Create an experiment and return its id, None where somebody was faster to take the name.

        `artifacts` is a folder, None if the server decides.
        """
        from mlflow.exceptions import MlflowException

        location = None if artifacts is None else artifacts.as_uri()
        try:
            return str(self._client.create_experiment(name, artifact_location=location, tags=tags))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return None

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        for name, value in tags.items():
            self._client.set_experiment_tag(experiment_id, name, value)

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring a deleted experiment back, with all its runs."""
        self._client.restore_experiment(experiment_id)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment with its runs, as the UI's button does."""
        self._client.delete_experiment(experiment_id)

    def runs(self, experiment_id: str) -> Iterator[FoundRun]:
        """Yield the runs of an experiment that are not deleted."""
        for run in self._pages("search_runs", experiment_ids=[experiment_id]):
            yield FoundRun(run.info.run_id, run.data.tags, run.info.status == "FINISHED")

    def create_run(self, experiment_id: str, name: str, tags: dict[str, str], started: int) -> str:
        """Create a run, RUNNING since `started` (milliseconds since 1970), and return its id."""
        run = self._client.create_run(experiment_id, start_time=started, tags=tags, run_name=name)
        return str(run.info.run_id)

    def log(self, run_id: str, points: list[Point], params: dict[str, str]) -> None:
        """Log metrics and parameters in as few requests as possible."""
        from mlflow.entities import Metric, Param

        for batch in batches(points, params):
            metrics = [
                Metric(point.key, point.value, point.milliseconds, point.step) for point in batch.points
            ]
            self._client.log_batch(run_id, metrics, [Param(*item) for item in batch.params.items()])

    def log_model(self, run_id: str, file: Path) -> None:
        """Log a `.keras` file as the run's artifact, then say so in a tag."""
        self._client.log_artifact(run_id, str(file))
        self._client.set_tag(run_id, MODEL, file.name)

    def finish(self, run_id: str, ended: int) -> None:
        """Mark a run as complete."""
        self._client.set_terminated(run_id, "FINISHED", ended)

    def delete_run(self, run_id: str) -> None:
        """Delete a run; one that is gone already is no error."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.delete_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise

    def _pages(self, method: str, **arguments: Any) -> Iterator[Any]:
        token = None
        while True:
            page = getattr(self._client, method)(max_results=PAGE, page_token=token, **arguments)
            yield from page
            token = page.token
            if not token:
                return
