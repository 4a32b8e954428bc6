"""Reading the results of an ablation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.files import read_json
from pipeline.core.project import ablate_command, result_folder
from pipeline.result_files.diagnostics import read_diagnostics
from pipeline.result_files.left_out import FILE
from pipeline.result_files.schema import Ablation, Replicate, Trial
from pipeline.runs.records import Timing

Timings = Callable[[Sequence[str]], Mapping[str, Timing]]
"""From run keys to how long each run trained; runs whose times are not known are left out."""


def untimed(keys: Sequence[str]) -> Mapping[str, Timing]:  # noqa: ARG001
    """Return no times: the results themselves have none."""
    return {}


def read(results: Path, name: str, timings: Timings = untimed) -> Ablation:
    """Read `<results>/<name>`; raises `UserError` if it is missing or malformed.

    Results have no times, since DVC hashes them; `timings` adds them, usually from the store.

    Example:
        >>> ablation = read(Path("results"), "activations", Store().runs.timings)
    """
    path = result_folder(results, name) / FILE
    raw = read_json(path)
    if raw is None:
        raise UserError(f"{path} is missing or damaged. Run `{ablate_command(name)}` to make it.")
    try:
        ablation = _timed(Ablation.from_json(raw), timings)
    except (KeyError, TypeError, AttributeError) as fault:
        raise UserError(f"{path} lacks or mistypes {fault}. Run `dvc repro -f` to make it again.") from fault
    return replace(ablation, diagnostics=read_diagnostics(path.parent))


def _timed(ablation: Ablation, timings: Timings) -> Ablation:
    """Return the ablation with the seconds of each run that are known."""
    known = timings(ablation.run_keys())
    variants = (
        replace(
            variant,
            trials=tuple(_timed_trial(trial, known.get(trial.run_key)) for trial in variant.trials),
            replicates=tuple(_timed_replicate(run, known.get(run.run_key)) for run in variant.replicates),
        )
        for variant in ablation.variants
    )
    return replace(ablation, variants=tuple(variants))


def _timed_trial(trial: Trial, timing: Timing | None) -> Trial:
    return trial if timing is None else replace(trial, seconds=timing.seconds)


def _timed_replicate(run: Replicate, timing: Timing | None) -> Replicate:
    return run if timing is None else replace(run, seconds=timing.seconds, phase_seconds=timing.phases)
