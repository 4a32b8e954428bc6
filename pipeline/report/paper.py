"""What a paper needs of an ablation: its methods in words, its table in LaTeX, and its recipe as params.yaml has it."""

from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from pipeline.core.text import plural
from pipeline.report.findings import Findings, Row
from pipeline.report.measure import Measure, margin_text
from pipeline.report.replication import counted
from pipeline.report.texts import p_value, plain
from pipeline.result_files.schema import Ablation
from pipeline.stats.formatting import listed

SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "×": r"$\times$",
    "…": r"\dots{}",
    "\u00a0": "~",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
VERSIONS = ("tensorflow", "jax", "keras", "keras-tuner", "numpy")


def latex(findings: Findings) -> str:
    """Return the ranking as a table that LaTeX compiles with `booktabs`; the best mean is bold.

    A mean is given with half of its 95 % interval, a difference with the interval that its verdict goes by.
    """
    ablation, unit = findings.ablation, findings.measure
    head = ["Variant", tex(_title(unit)), "Difference", "$p$"]
    rows = [_cells(findings, row) for row in findings.rows]
    label = "".join(sign for sign in ablation.name if sign.isalnum() or sign in "-:")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{tex(_caption(findings))}}}",
            rf"\label{{tab:{label}}}",
            r"\begin{tabular}{lrrr}",
            r"\toprule",
            _line(head),
            r"\midrule",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def tex(text: str) -> str:
    """Return plain text for LaTeX; what only newer engines print (other scripts, emoji) is left as it is."""
    return "".join(SIGNS.get(sign, sign) for sign in text if sign.isprintable() or sign == "\u00a0")


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cells(findings: Findings, row: Row) -> list[str]:
    unit, name = findings.measure, tex(row.variant.name)
    mean = "--"
    if row.interval is not None:
        mean = unit.text(row.interval.mean)
        if row.interval.low is not None:
            mean = rf"{mean} \pm {unit.text(row.interval.mean - row.interval.low)}"
        mean = f"${_minus(mean)}$"
    if findings.best is row:
        name, mean = rf"\textbf{{{name}}}", rf"\boldmath{mean}"
    if row.comparison is None:
        return [name, mean, "baseline", ""]
    p = row.comparison.p_holm
    difference = _minus(unit.interval(row.difference)).replace(" [", r"\ [")
    return [name, mean, f"${difference}$" if difference else "--", "" if p is None else f"${p_value(p)}$"]


def _minus(text: str) -> str:
    return text.replace("−", "-")


def _title(unit: Measure) -> str:
    return unit.label[0].upper() + unit.label[1:]


def _caption(findings: Findings) -> str:
    ablation, unit = findings.ablation, findings.measure
    question = f"{ablation.question} " if ablation.question else ""
    return (
        f"{question}{_title(unit)} on {ablation.dataset}, mean and 95 % interval over "
        f"{counted(ablation)}; difference from {ablation.baseline} with the interval that its verdict goes by; "
        "p adjusted for all variants (Holm)."
    )


def methods(findings: Findings) -> str:
    """Return what was done, in sentences for a methods section."""
    ablation = findings.ablation
    parts = [_data(ablation), _training(ablation), _tuning(ablation), _replication(ablation)]
    parts += [_statistics(findings), _software(ablation)]
    return " ".join(filter(None, parts))


def _data(ablation: Ablation) -> str:
    data = ablation.data
    if data is None:
        return f"Models were trained and tested on {ablation.dataset}."
    held_out = f", of which {data.validation:,} were held out for validation" if data.validation else ""
    if ablation.replication.overlap:
        return f"The data were all {data.train + data.test:,} examples of {ablation.dataset}."
    return (
        f"Models were trained on {ablation.dataset} ({data.train:,} examples{held_out}) and tested on its {data.test:,} "
        "test examples."
    )


def _training(ablation: Ablation) -> str:
    recipe = ablation.variant(ablation.baseline).recipe
    try:
        optimizer, training = plain(recipe["optimizer"]["name"]), recipe["training"]
        epochs, batch = training["epochs"], training["batch_size"]
    except (KeyError, TypeError):
        return ""
    how = f"with {optimizer} for {plural(epochs, 'epoch')} in batches of {batch}"
    return f"The baseline ({ablation.baseline}) was trained {how}."


def _tuning(ablation: Ablation) -> str:
    tune = ablation.tune
    if tune is None:
        return ""
    names = (
        "the hyperparameters of each model" if isinstance(tune.space, str) else listed(list(tune.space), 6)
    )
    verb = "was" if not isinstance(tune.space, str) and len(tune.space) == 1 else "were"
    of = "every variant" if ablation.replication.is_plain else "every variant and replicate"
    stopped = ", of which those that did worst were ended early (successive halving)" if tune.stop else ""
    return (
        f"For {of}, {names} {verb} chosen by {tune.monitor.replace('_', ' ').replace('val ', 'validation ')} among "
        f"{plural(tune.trials, 'trial')} ({tune.oracle} search{stopped}) and then frozen."
    )


def _replication(ablation: Ablation) -> str:
    count = counted(ablation)
    if ablation.replication.overlap:
        return f"Every variant was trained and tested over {count}, the same ones for all variants."
    fresh = " that no trial had used" if ablation.tune is not None else ""
    return f"Every variant was trained over {count}{fresh}; variants share them, so differences are paired."


def _statistics(findings: Findings) -> str:
    ablation = findings.ablation
    test = "paired t tests"
    if ablation.replication.overlap:
        test += ", corrected for overlapping training sets (Nadeau and Bengio, 2003),"
    text = f"Variants were compared with {ablation.baseline} by {test} at the level .05"
    text += ", adjusted for all variants (Holm, 1979)"
    if ablation.families:
        text += (
            " and for repeated looks (error spending: Kim and DeMets, 1987; group-sequential Holm: Ye et al., 2013), and "
            "stopped when they were settled or unlikely to be"
        )
    if findings.margin:
        text += (
            f"; differences shown to be within {margin_text(ablation)} by two one-sided tests (Schuirmann, 1987) count as "
            "practically equal"
        )
    return f"{text}."


def _software(ablation: Ablation) -> str:
    known = [f"{name} {ablation.environment[name]}" for name in VERSIONS if name in ablation.environment]
    if not known:
        return ""
    machine = [ablation.environment[key] for key in ("device", "processor") if key in ablation.environment]
    on = f" ({', '.join(machine)})" if machine else ""
    return f"Software: {', '.join(known)}{on}."


def recipe_yaml(recipe: Mapping[str, Any]) -> str:
    """Return a recipe as the `base` of a params.yaml; what is null there anyway is left out."""
    from ruamel.yaml import YAML

    stream = StringIO()
    writer = YAML(typ="safe")
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump({"base": _without_nulls(recipe)}, stream)
    return stream.getvalue()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list | tuple) else value
