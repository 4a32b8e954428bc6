"""Compare the studies with the documents they follow: `python -m benchmarks.reproduction [--write FILE] [--json]`.

Every value of a `reference` in `studies/*/params.yaml` is a row, compared with the results in `studies/*/results/`, so run
the studies first (`make study NAME=...`). A row without results, or with results made for another value, says so.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from benchmarks.documents import write_table
from pipeline.core.files import read_json
from pipeline.params.expansion.expand import expand
from pipeline.params.load import load
from pipeline.report.published import (
    NOT_TESTED,
    PublishedComparison,
    as_json,
    interval_ends,
    published_comparisons,
    published_text,
    sentence,
)
from pipeline.report.values import value_of
from pipeline.result_files.left_out import FILE
from pipeline.result_files.read import read
from pipeline.result_files.schema import Ablation, Reference
from pipeline.stats.published_value import Published

STUDIES = Path(__file__).parents[1] / "studies"
TABLE, SUMMARY = "reproduction", "reproduction-summary"
MISSING = "–"
LINE = 118
"""Characters in a line of a document at most."""


@dataclass(frozen=True)
class Row:
    """A published value of a study's variant; without `comparison` where the study has no results for it."""

    study: str
    ablation: str
    variant: str
    name: str
    published: Published
    comparison: PublishedComparison | None

    @property
    def word(self) -> str:
        """Whether document and study agree, in a word."""
        return self.comparison.word if self.comparison else "not run"


def published_values(studies: Path) -> Iterator[tuple[str, str, str, str, Published]]:
    """Yield study, ablation, variant and name of every published value, and the value, in the order written."""
    for path in sorted(studies.glob("*/params.yaml")):
        study = load(path)
        for ablation in study.ablations:
            for variant in expand(study, ablation).variants:
                reference = Reference.from_json(variant.reference)
                for name, published in reference.values.items() if reference else ():
                    yield path.parent.name, ablation, variant.name, name, published


def rows(studies: Path) -> list[Row]:
    """Return every published value, with what the studies measured where they have run."""
    measured: dict[tuple[str, str, str, str], PublishedComparison] = {}
    for study, ablation in dict.fromkeys(
        (study, ablation) for study, ablation, *_ in published_values(studies)
    ):
        results = _results(studies / study / "results", ablation)
        for comparison in published_comparisons(results) if results else []:
            measured[study, ablation, comparison.variant.name, comparison.name] = comparison
    compared = []
    for *place, published in published_values(studies):
        study, ablation, variant, name = place
        comparison = measured.get((study, ablation, variant, name))
        # Results may have been made with another value than the params file has now.
        current = comparison if comparison and comparison.published == published else None
        compared.append(Row(study, ablation, variant, name, published, current))
    return compared


def markdown(compared: Sequence[Row]) -> str:
    """Return a table for each study: document, ours, intervals, agree or not and why."""
    studies = dict.fromkeys(row.study for row in compared)
    return "\n\n".join(_table(study, [row for row in compared if row.study == study]) for study in studies)


def summary(compared: Sequence[Row]) -> str:
    """Return in words how many values there are, how many were tested, and how many of these agree."""
    counted = Counter(row.word for row in compared)
    agree, differ = counted["agrees"], counted["differs"]
    text = (
        f"Of {len(compared)} published values, {agree + differ} were tested: {agree} agree, {differ} differ."
    )
    rest = [f"{counted[word]} {words}" for word, words in _REST.items() if counted[word]]
    chance = f" Were all recipes the same, about {0.05 * (agree + differ):.0f} would differ by chance."
    return (
        text + (chance if agree + differ else "") + (f" Of the rest, {' and '.join(rest)}." if rest else "")
    )


_REST = {
    NOT_TESTED: "are compatible, but not tested, as our own runs differ too much",
    "not run": "have not been run",
    "unknown": "cannot be compared",
}


def _results(folder: Path, ablation: str) -> Ablation | None:
    return read(folder, ablation) if read_json(folder / ablation / FILE) is not None else None


def _table(study: str, compared: Sequence[Row]) -> str:
    head = "| ablation | variant | value | document | ours | 95 % interval | n | one more run | | in words |"
    line = "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    return "\n".join([f"### {study}", "", head, line, *(_line(row) for row in compared)])


def _line(row: Row) -> str:
    cells = [row.ablation, row.variant, *(_cells(row.comparison) if row.comparison else _without(row))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _without(row: Row) -> list[str]:
    value = value_of(row.name)
    return [value.label, published_text(value.unit, row.published), *[MISSING] * 4, row.word, ""]


def _cells(comparison: PublishedComparison) -> list[str]:
    unit, agreement = comparison.unit, comparison.agreement
    document = published_text(unit, comparison.published)
    if agreement is None:
        return [comparison.value.label, document, *[MISSING] * 4, comparison.word, sentence(comparison)]
    note = comparison.reference.note
    return [
        comparison.value.label,
        document,
        unit.text(agreement.ours.mean),
        interval_ends(unit, agreement.ours.low, agreement.ours.high),
        str(agreement.ours.n),
        interval_ends(unit, agreement.low, agreement.high),
        f"**{comparison.word}**" if comparison.word == "differs" else comparison.word,
        note if comparison.word == "agrees" else sentence(comparison),
    ]


def _json(row: Row) -> str:
    comparison = as_json(row.comparison) if row.comparison else {"metric": row.name}
    place = {"study": row.study, "ablation": row.ablation, "variant": row.variant}
    return json.dumps({**place, **comparison, "word": row.word}, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare every published value, and print or write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduction", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line per value instead of tables")
    parser.add_argument("--studies", type=Path, default=STUDIES, help="the folder of studies (studies/)")
    parser.add_argument(
        "--write", type=Path, help="a Markdown file, to update the tables between its markers"
    )
    options = parser.parse_args(arguments)
    compared = rows(options.studies)
    if options.json:
        print(*map(_json, compared), sep="\n")
    else:
        print(f"{markdown(compared)}\n\n{summary(compared)}")
    if options.write is not None:
        write_table(options.write, TABLE, markdown(compared))
        write_table(options.write, SUMMARY, fill(summary(compared), LINE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
