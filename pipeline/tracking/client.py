"""The only module that calls MLflow, through its public client."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tracking.address import configure_environment
from pipeline.tracking.model_files import ModelFile, model_folder
from pipeline.tracking.payload import MODEL, Point, batches

OWNER, ABLATION = "keras_ablation.owner", "keras_ablation.ablation"
PAGE_SIZE = 1000
LONGEST_DIGEST = 36


@dataclass(frozen=True)
class MlflowExperiment:
    """An experiment of this project in MLflow; a `deleted` one keeps its name and can be restored."""

    experiment_id: str
    ablation: str
    deleted: bool


@dataclass(frozen=True)
class MlflowRun:
    """A run in MLflow; `complete` if its writer marked it as finished."""

    run_id: str
    tags: Mapping[str, str]
    complete: bool


class Client:
    """A connection to MLflow at one address. Every method raises what MLflow raises when it cannot be reached."""

    def __init__(self, uri: str) -> None:
        import_mlflow()
        from mlflow import MlflowClient

        self._client = MlflowClient(uri)

    def experiments(self, owner: str) -> list[MlflowExperiment]:
        """Return the experiments tagged with `owner`, including deleted ones."""
        from mlflow.entities import ViewType

        owned = f"tags.`{OWNER}` = '{owner}'"
        return [
            MlflowExperiment(
                experiment.experiment_id, experiment.tags[ABLATION], experiment.lifecycle_stage == "deleted"
            )
            for experiment in _all_pages(
                self._client.search_experiments, view_type=ViewType.ALL, filter_string=owned
            )
        ]

    def is_free(self, name: str) -> bool:
        """Return whether no experiment has this name, not even a deleted one."""
        return self._client.get_experiment_by_name(name) is None

    def create_experiment(self, name: str, artifacts: Path | None, tags: dict[str, str]) -> str | None:
        """Create an experiment and return its id, or None where another process has just taken the name.

        `artifacts` is the folder for its artifacts, None if the server decides.
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
        """Restore a deleted experiment with all its runs."""
        self._client.restore_experiment(experiment_id)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment with its runs, as the button in the UI does."""
        self._client.delete_experiment(experiment_id)

    def runs(self, experiment_id: str) -> Iterator[MlflowRun]:
        """Yield the runs of an experiment that are not deleted."""
        for run in _all_pages(self._client.search_runs, experiment_ids=[experiment_id]):
            yield MlflowRun(run.info.run_id, run.data.tags, run.info.status == "FINISHED")

    def create_run(self, experiment_id: str, name: str, tags: dict[str, str], started: int) -> str:
        """Create a run, RUNNING since `started` (milliseconds since 1970), and return its id."""
        run = self._client.create_run(experiment_id, start_time=started, tags=tags, run_name=name)
        return str(run.info.run_id)

    def log(self, run_id: str, points: list[Point], params: dict[str, str]) -> None:
        """Log metrics and parameters in as few requests as possible."""
        from mlflow.entities import Metric, Param

        for batch in batches(points, params):
            metrics = [Metric(*_fields(point)) for point in batch.points]
            self._client.log_batch(run_id, metrics, [Param(*item) for item in batch.params.items()])

    def log_dataset(self, run_id: str, dataset: Mapping[str, Any]) -> None:
        """Log the data set that a run trained on and was tested with: its name, the digest of its content, its sizes."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        sizes = {name: dataset[name] for name in ("train", "validation", "test") if name in dataset}
        entity = Dataset(
            name=dataset["name"],
            digest=str(dataset.get("digest", ""))[:LONGEST_DIGEST] or "unknown",
            source_type="local",
            source=json.dumps({"name": dataset["name"]}),
            profile=json.dumps(sizes),
        )
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(run_id, datasets=[DatasetInput(entity, [context])])

    def log_model(
        self, experiment_id: str, run_id: str, name: str, file: ModelFile, results: list[Point]
    ) -> None:
        """Log a `.keras` file as the model of a run, with results of the run, then set the tag that names it.

        The `results` are points that were logged to the run: MLflow shows them at the model too, and the run has none twice.
        """
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

        logged = self._client.create_logged_model(
            experiment_id, name, source_run_id=run_id, model_type="keras"
        )
        with model_folder(file, logged.model_id, run_id) as folder:
            self._client.log_model_artifacts(logged.model_id, str(folder))
        of_model = {"model_id": logged.model_id, "run_id": run_id}
        self._client.log_batch(run_id, [Metric(*_fields(point), **of_model) for point in results])
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        self._client.set_tag(run_id, MODEL, logged.model_uri)

    def log_page(self, run_id: str, page: Path) -> None:
        """Log an HTML page as an artifact of a run, in the place of an earlier one."""
        self._client.log_artifact(run_id, str(page))

    def keep_models_of(self, experiment_id: str, run_ids: set[str]) -> None:
        """Delete the models of an experiment that are not of these runs."""
        for model in list(_all_pages(self._client.search_logged_models, experiment_ids=[experiment_id])):
            if model.source_run_id not in run_ids:
                self._client.delete_logged_model(model.model_id)

    def finish(self, run_id: str, ended: int) -> None:
        """Mark a run as FINISHED at `ended` (milliseconds since 1970)."""
        self._client.set_terminated(run_id, "FINISHED", ended)

    def delete_run(self, run_id: str) -> None:
        """Delete a run; no error if it is already gone."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.delete_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise


def _fields(point: Point) -> tuple[str, float, int, int]:
    """Return a point in the order of MLflow's `Metric`."""
    return point.key, point.value, point.milliseconds, point.step


def import_mlflow() -> None:
    """Import MLflow, which takes seconds, with the settings that it reads while it is imported."""
    configure_environment()
    import mlflow.tracking  # noqa: F401  what a client needs

    logging.getLogger("alembic").setLevel(logging.ERROR)


def _all_pages(search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Yield the results of a search of MLflow's client, page by page."""
    token = None
    while True:
        page = search(max_results=PAGE_SIZE, page_token=token, **arguments)
        yield from page
        token = page.token
        if not token:
            return
