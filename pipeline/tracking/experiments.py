"""One MLflow experiment per ablation: found again, restored, or made beside what others have."""

from pipeline.store import Store
from pipeline.tracking.address import artifact_folder
from pipeline.tracking.client import ABLATION, OWNER, Client, FoundExperiment
from pipeline.tracking.ledger import SentExperiment, SentRun, owner
from pipeline.tracking.payload import FINGERPRINT, MODEL
from pipeline.tracking.wanted import WantedExperiment


class Experiments:
    """One store's experiments at one MLflow address; runs in them that were left incomplete join `strays`."""

    def __init__(self, client: Client, store: Store, uri: str, strays: list[str]) -> None:
        self._client, self._strays = client, strays
        self._owner = owner(store, uri)
        self._home = store.folder.resolve().parent.name
        self._artifacts = artifact_folder(store.folder.parent, uri)

    def existing(self) -> dict[str, SentExperiment]:
        """Return by ablation what MLflow holds now, as a ledger would remember it."""
        found = self._client.experiments(self._owner)
        return {one.ablation: self._adopt(one.experiment_id) for one in found if not one.deleted}

    def claim(self, wish: WantedExperiment) -> SentExperiment:
        """Return the ablation's experiment; a deleted one is restored, and where there is none it is made."""
        for found in self._client.experiments(self._owner):
            if found.ablation == wish.ablation:
                return self._restored(found)
        return self._created(wish)

    def describe(self, sent: SentExperiment, wish: WantedExperiment) -> None:
        """Make the experiment's description and tags say what the manifest says."""
        self._client.tag_experiment(sent.experiment_id, self._tags(wish))
        sent.fingerprint = wish.fingerprint

    def _adopt(self, experiment_id: str) -> SentExperiment:
        sent = SentExperiment(experiment_id, fingerprint="unknown")
        for run in self._client.runs(experiment_id):
            identity = "/".join(run.tags.get(name, "") for name in ("variant", "phase", "run_key"))
            if run.complete and FINGERPRINT in run.tags and identity not in sent.runs:
                sent.runs[identity] = SentRun(run.run_id, run.tags[FINGERPRINT], MODEL in run.tags)
            else:
                self._strays.append(run.run_id)
        return sent

    def _restored(self, found: FoundExperiment) -> SentExperiment:
        if found.deleted:
            self._client.restore_experiment(found.experiment_id)
        return self._adopt(found.experiment_id)

    def _created(self, wish: WantedExperiment) -> SentExperiment:
        folder = self._artifacts / wish.ablation if self._artifacts else None
        made = None
        while made is None:
            made = self._client.create_experiment(self._free_name(wish.ablation), folder, self._tags(wish))
        return SentExperiment(made, wish.fingerprint)

    def _free_name(self, ablation: str) -> str:
        """Return the ablation's name, or one beside it where somebody else has an experiment of that name."""
        name, number = ablation, 1
        while not self._client.is_free(name):
            name = f"{ablation} ({self._home})" if number == 1 else f"{ablation} ({self._home} {number})"
            number += 1
        return name

    def _tags(self, wish: WantedExperiment) -> dict[str, str]:
        return {
            OWNER: self._owner,
            ABLATION: wish.ablation,
            "baseline": wish.baseline,
            "dataset": wish.dataset,
            "mlflow.note.content": wish.question,
            "mlflow.experimentKind": "custom_model_development",
        }
