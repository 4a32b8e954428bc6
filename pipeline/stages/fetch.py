"""The `fetch` stage: bring the study's data sets to `data/raw`."""

import shutil
import sys
from pathlib import Path

from pipeline.core.project import root as project_root
from pipeline.data.catalogue import is_files, lookup
from pipeline.data.fetch import fetch as fetch_dataset
from pipeline.params.types.study import Study


def fetch(study: Study, root: Path) -> None:
    """Fetch every data set that an ablation uses, and say what is strange about it.

    Raises `DataError` with everything that was tried, and where data of one's own are at fault.
    """
    specs = study.dataset_specs
    _remove_former(study, root)
    for dataset in study.datasets:
        spec = specs[dataset].source() if dataset in specs else None
        fetch_dataset(dataset, root, study.data.mirror, spec=spec, code=project_root())
        record = lookup(dataset, root)
        for caution in record.cautions:
            print(f"{record.title}: {caution}", file=sys.stderr)


def _remove_former(study: Study, root: Path) -> None:
    """Remove what was made of files under settings that the study does not have any more: it can be made again."""
    for folder in (root / "data" / "raw").glob("*"):
        if is_files(folder.name) and folder.name not in study.datasets:
            shutil.rmtree(folder)
