"""One MLflow experiment per ablation: found by its tags, restored if deleted, or created under a free name."""

from pipeline.store import Store
from pipeline.tracking.address import artifact_folder
from pipeline.tracking.client import ABLATION, OWNER, Client, MlflowExperiment
from pipeline.tracking.ledger import SentExperiment, SentRun, owner
from pipeline.tracking.payload import FINGERPRINT, MODEL
from pipeline.tracking.required import RequiredExperiment

HINT = (
    'One run sums up each variant: search for `tags.phase = "summary"`. The others are `"trial"`s, in which hyperparameters '
    'were chosen, and `"replicate"`s, which were tested.'
)


class Experiments:
    """One store's experiments at one MLflow address; the ids of incomplete runs in them are added to `incomplete`."""

    def __init__(self, client: Client, store: Store, uri: str, incomplete: list[str]) -> None:
        self._client, self._incomplete = client, incomplete
        self._owner = owner(store, uri)
        self._project = store.folder.resolve().parent.name
        self._artifacts = artifact_folder(store.folder.parent, uri)

    def existing(self) -> dict[str, SentExperiment]:
        """Return, by ablation, what MLflow holds now, in the form of the ledger."""
        return {
            experiment.ablation: self._read(experiment.experiment_id)
            for experiment in self._client.experiments(self._owner)
            if not experiment.deleted
        }

    def get_or_create(self, required: RequiredExperiment) -> SentExperiment:
        """Return the ablation's experiment: the existing one, restored if it was deleted, or a new one."""
        for experiment in self._client.experiments(self._owner):
            if experiment.ablation == required.ablation:
                return self._restored(experiment)
        return self._created(required)

    def describe(self, sent: SentExperiment, required: RequiredExperiment) -> None:
        """Update the experiment's description and tags to what the manifest says."""
        self._client.tag_experiment(sent.experiment_id, self._tags(required))
        sent.fingerprint = required.fingerprint

    def _read(self, experiment_id: str) -> SentExperiment:
        """Return the complete runs of an experiment; all others, repeated ones too, are noted as incomplete."""
        sent = SentExperiment(experiment_id, fingerprint="unknown")
        for run in self._client.runs(experiment_id):
            identity = "/".join(run.tags.get(name, "") for name in ("variant", "phase", "run_key"))
            if run.complete and FINGERPRINT in run.tags and identity not in sent.runs:
                sent.runs[identity] = SentRun(run.run_id, run.tags[FINGERPRINT], MODEL in run.tags)
            else:
                self._incomplete.append(run.run_id)
        return sent

    def _restored(self, experiment: MlflowExperiment) -> SentExperiment:
        if experiment.deleted:
            self._client.restore_experiment(experiment.experiment_id)
        return self._read(experiment.experiment_id)

    def _created(self, required: RequiredExperiment) -> SentExperiment:
        ablation = required.ablation
        folder = self._artifacts / ablation if self._artifacts else None
        experiment_id = None
        while experiment_id is None:
            name = self._free_name(ablation)
            experiment_id = self._client.create_experiment(name, folder, self._tags(required))
        return SentExperiment(experiment_id, required.fingerprint)

    def _free_name(self, ablation: str) -> str:
        """Return the ablation's name, with the project's name added where another project's experiment has it."""
        name, number = ablation, 1
        while not self._client.is_free(name):
            name = (
                f"{ablation} ({self._project})" if number == 1 else f"{ablation} ({self._project} {number})"
            )
            number += 1
        return name

    def _tags(self, required: RequiredExperiment) -> dict[str, str]:
        return {
            OWNER: self._owner,
            ABLATION: required.ablation,
            "baseline": required.baseline,
            "dataset": required.dataset,
            "mlflow.note.content": f"{required.question}\n\n{HINT}".strip(),
            "mlflow.experimentKind": "custom_model_development",
        }
