"""Everything that `dvc repro` does, without DVC: from checked params to pages."""

from pathlib import Path

from pipeline.params.types.study import Study
from pipeline.stages.ablate import ablate
from pipeline.stages.check import write_settings
from pipeline.stages.fetch import fetch
from pipeline.stages.prepare import prepare
from pipeline.stages.report import answers, report
from pipeline.stages.track import track
from pipeline.store import Store
from pipeline.training.progress import ShowProgress


def run(study: Study, store: Store, root: Path, show_progress: ShowProgress) -> None:
    """Bring a study up to date: data, every ablation, MLflow and pages. Only what is missing trains.

    Raises `UserError` as the stages do.
    """
    write_settings(study, root / "data" / "settings")
    fetch(study, root)
    prepare(study, root)
    for name in study.groups:
        ablate(study, name, store, root, show_progress, ahead=True)
    report(list(study.ablations), store, root)
    track(list(study.ablations), store, root)
    print("\n".join(answers(list(study.ablations), root)))
