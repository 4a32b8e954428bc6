"""One module per DVC stage, in the order of `dvc.yaml`: check, fetch, prepare, ablate, report, track."""
