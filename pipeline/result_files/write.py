"""Writing the results of an ablation: numbers from the store, without times, so that equal runs have equal bytes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.files import replacing, write_json
from pipeline.core.metrics import LOSS, Metric
from pipeline.core.project import result_folder
from pipeline.diagnostics.required import Diagnostic
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.phases import phases_of
from pipeline.params.types.replicates import AnyReplicates, OverFolds, OverSeeds, OverSplits, overlap
from pipeline.params.types.tasks import metric_specs
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.learning_rates import planned_rates
from pipeline.planning.looks import keys_of
from pipeline.planning.models import model_key, same_models
from pipeline.result_files import diagnostics, schema
from pipeline.result_files.left_out import FILE, LEFT_OUT
from pipeline.runs.records import RunRecord
from pipeline.store import Store, archive
from pipeline.store.manifests import FILE as MANIFEST


def write_results(
    store: Store,
    state: AblationState,
    required: Iterable[Diagnostic],
    folder: Path,
    ablation: schema.Ablation | None = None,
) -> None:
    """Write `<folder>/<ablation>/ablation.json` for a complete ablation, and `evaluation.json` with its diagnostics.

    `required` are the diagnostics that the ablation requires, see `pipeline.diagnostics.required`. The study's folder, with
    its prepared data, is the parent of `folder`. `ablation` is what `results_of` returned, if that was called. Raises
    `KeyError` for a run that is not stored.

    Example:
        >>> write_results(store, state, required(store, state), Path("results"))
    """
    ablation = ablation or results_of(store, state, folder.parent)
    own = result_folder(folder, state.name)
    write_json(own / FILE, ablation.as_json())
    path = own / diagnostics.FILE
    outcomes = diagnostics_of(store, state, required)
    if outcomes:
        write_json(path, outcomes)
    else:
        path.unlink(missing_ok=True)


def write_travelling(store: Store, state: AblationState, manifest: dict[str, Any], folder: Path) -> None:
    """Write what of the store travels with the results of an ablation: its manifest, and its runs without weights."""
    runs = [run for variant in state.variants for run in variant.replicates[:1]]
    notes = {
        "choices": [s.key for variant in state.variants for s in variant.searches if s.key is not None],
        "diagnostics": list(manifest.get("diagnostics", ())),
        "models": [model_key(run, phase) for run in runs for phase in run.phases],
    }
    keys = [*state.required_keys(), *(key for variant in state.variants for key in variant.shared_keys())]
    own = result_folder(folder, state.name)
    write_json(own / MANIFEST, manifest)
    if archive.is_current(own / archive.FILE, store, keys, notes):
        return
    with replacing(own / archive.FILE) as temporary:
        temporary.write_bytes(archive.pack(store, keys, notes))


def write_left_out(state: AblationState, folder: Path, why: str) -> None:
    """Write for an ablation that is not trained why it is not, instead of results."""
    left_out = {"name": state.name, "question": state.spec.question, LEFT_OUT: why}
    own = result_folder(folder, state.name)
    write_json(own / FILE, left_out)
    (own / diagnostics.FILE).unlink(missing_ok=True)


def results_of(store: Store, state: AblationState, root: Path) -> schema.Ablation:
    """Return everything that the report shows of an ablation; raises `KeyError` for a run that is not stored."""
    margin, relative = state.declared_margin
    return schema.Ablation(
        name=state.name,
        question=state.spec.question,
        kind=state.expanded.kind,
        baseline=state.expanded.baseline,
        dataset=state.dataset.title,
        dataset_name=state.dataset.name,
        metric=state.metric.name,
        margin=margin,
        relative=relative,
        metrics=_metrics(state),
        task=state.dataset.task,
        models=_models(store, state),
        same_models=tuple(same_models(store, state)),
        seeds=state.seeds,
        tune=_tuning(state),
        variants=tuple(_variant(store, variant, root) for variant in state.variants),
        environment=_environment(store, state),
        target=state.spec.target or {},
        wanted=state.wanted,
        families=_families(state),
        new_margin=None if margin == state.margin.size else state.margin.size,
        replication=_replication(state.replicates),
        data=_data(state),
    )


def _environment(store: Store, state: AblationState) -> dict[str, str]:
    """Return what trained the replicates; several values of one kind, as two processors, are listed."""
    found: dict[str, dict[str, None]] = {}
    for variant in state.variants:
        for run in variant.replicates:
            for name, value in _record(store, run.key).environment.items():
                found.setdefault(name, {})[value] = None
    return {name: schema.SEVERAL.join(values) for name, values in found.items()}


def _data(state: AblationState) -> schema.Data:
    dataset, recipe = state.dataset, phases_of(state.baseline.variant.recipe)[-1].recipe
    held_out = recipe.data.held_out(dataset.train_count, dataset.validation)
    return schema.Data(dataset.train_count, held_out, dataset.test_count, state.baseline.context.data_digest)


def _replication(replicates: AnyReplicates) -> schema.Replication:
    if isinstance(replicates, OverSeeds):
        return schema.Replication()
    return schema.Replication(
        replicates.over,
        replicates.count,
        replicates.seeds,
        overlap(replicates),
        test=replicates.test if isinstance(replicates, OverSplits) else None,
        k=replicates.k if isinstance(replicates, OverFolds) else None,
    )


def _families(state: AblationState) -> tuple[schema.Family, ...]:
    """Return the families of variants and their looks; none where all were declared together for a single look."""
    names = {key: variant.variant.name for key, variant in keys_of(state).items()}
    families = [
        schema.Family(
            members=tuple(names[key] for key in family.members if key in names),
            looks=tuple(plan.looks for plan in family.plans),
            changed=tuple(plan.changed for plan in family.plans if plan.changed is not None),
            gone=len(family.members.keys() - names.keys()),
            study=family.study,
        )
        for family in state.families or ()
    ]
    plain = schema.Family(tuple(names.values()), (state.looks,))
    return () if len(state.looks) == 1 and families in ([], [plain]) else tuple(families)


def diagnostics_of(store: Store, state: AblationState, required: Iterable[Diagnostic]) -> dict[str, Any]:
    """Return the outcomes of the `required` diagnostics by kind, in the format of `evaluation.json`.

    They are listed by variant, with one outcome or one for each replicate; `functions` are listed by activation, each with
    the variants that use it.
    """
    outcomes: dict[str, Any] = {}
    for diagnostic in required:
        outcome = store.diagnostics.get(diagnostic.key)
        if outcome:
            _add(outcomes.setdefault(diagnostic.kind, []), diagnostic, outcome)
    used = {
        variant.variant.name: variant.replicates[0].recipe.optimizer.learning_rate
        for variant in state.variants
    }
    for entry in outcomes.get("finder", []):
        entry["used"] = used[entry["variant"]]
    return outcomes


def _add(entries: list[dict[str, Any]], diagnostic: Diagnostic, outcome: dict[str, Any]) -> None:
    if diagnostic.kind == "functions":
        same = next((entry for entry in entries if entry["activation"] == diagnostic.settings), None)
        if same is None:
            entries.append({"activation": diagnostic.settings, "variants": [diagnostic.variant], **outcome})
        else:
            same["variants"].append(diagnostic.variant)
    elif diagnostic.kind in diagnostics.REPLICATED:
        if not entries or entries[-1]["variant"] != diagnostic.variant:
            entries.append({"variant": diagnostic.variant, "replicates": []})
        entries[-1]["replicates"].append({"seed": diagnostic.run.seed, **outcome})
    else:
        entries.append({"variant": diagnostic.variant, "seed": diagnostic.run.seed, **outcome})


def _tuning(state: AblationState) -> schema.Tuning | None:
    if state.spec.tune is None:
        return None
    tune = state.spec.tune.model_dump(mode="json")
    return schema.Tuning.from_json({**tune, "monitor": f"val_{state.metric.name}"})


def _models(store: Store, state: AblationState) -> tuple[schema.Model, ...]:
    """Return the models of the variants, each once, as far as they were looked at."""
    variants: dict[str, list[str]] = {}
    for variant in state.variants:
        variants.setdefault(model_key(variant.replicates[0]), []).append(variant.variant.name)
    known = ((names, store.models.get(key)) for key, names in variants.items())
    return tuple(_model(names, summary) for names, summary in known if summary and not summary.get("fault"))


def _model(variants: Sequence[str], summary: Mapping[str, Any]) -> schema.Model:
    layers = tuple(schema.Layer(**layer) for layer in summary["layers"])
    removed = summary.get("removed") or {"layers": [], "merges": [], "unused": [], "parameters": 0}
    return schema.Model(
        tuple(variants),
        layers,
        removed=tuple(part["name"] for part in removed["layers"]),
        merged=tuple(removed["merges"]),
        unused=tuple(part["name"] for part in removed["unused"]),
        saved=removed["parameters"],
    )


def _metrics(state: AblationState) -> dict[str, Metric]:
    """Return the metrics that the variants measure, by name."""
    recipes = [variant.variant.recipe for variant in state.variants]
    metrics = [spec.metric for recipe in recipes for spec in metric_specs(recipe, state.dataset.task)]
    return {metric.name: metric for metric in (*metrics, LOSS, state.metric)}


def _variant(store: Store, state: VariantState, root: Path) -> schema.Variant:
    variant, replicate = state.variant, state.replicates[0]
    records = [_record(store, run.key) for run in state.replicates]
    shared = None if state.per_search else state.searches[0]
    return schema.Variant(
        name=variant.name,
        changes=variant.changes,
        recipe=canonical(replicate.recipe if shared is not None else variant.recipe),
        levels=variant.levels,
        parameters=records[0].parameters,
        reference=schema.Reference.from_json(variant.reference),
        chosen=shared.values if shared is not None and shared.choice else None,
        space=state.searches[0].space,
        trials=tuple(
            _trial(trial, number)
            for number, search in enumerate(state.searches)
            for trial in search.trial_runs()
        ),
        replicates=tuple(
            _replicate(record, {} if shared is not None else state.search_of(record.seed).values)
            for record in records
        ),
        schedule=tuple(planned_rates(replicate, root)),
        trainable_parameters=records[0].trainable_parameters,
    )


def _trial(trial: dict[str, Any], search: int) -> schema.Trial:
    key, epochs = trial["run_keys"][0], trial.get("epochs")
    return schema.Trial(key, trial["values"], trial["score"], trial["outcome"], epochs=epochs, search=search)


def _replicate(record: RunRecord, chosen: Mapping[str, Any]) -> schema.Replicate:
    return schema.Replicate(
        run_key=record.key,
        seed=record.seed,
        outcome=record.outcome,
        metrics=record.metrics,
        epochs=record.epochs,
        best_epoch=record.best_epoch,
        engine=record.engine,
        curves=record.curves,
        chosen=chosen,
    )


def _record(store: Store, key: str) -> RunRecord:
    record = store.runs.get(key)
    if record is None:
        raise KeyError(f"run {key} is not in the store")
    return record
