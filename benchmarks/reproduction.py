"""Set the studies beside the documents they follow: `python -m benchmarks.reproduction [--write FILE] [--json]`.

Every `reference` in `studies/*/params.yaml` is a row; what it is compared with comes from `studies/*/results/`, so run the
studies first (`make study NAME=...`). A row without results, or with those of another figure, says so.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.documents import write_table
from pipeline.params.expand import expand
from pipeline.params.load import load
from pipeline.report.measure import shown_as
from pipeline.report.references import Claim, as_json, claims, ends, figure_text, named, sentence
from pipeline.report.results import FILE, Ablation, published_as, read
from pipeline.store import read_json

STUDIES = Path(__file__).parents[1] / "studies"
TABLE, SUMMARY = "reproduction", "reproduction-summary"
MISSING = "–"


@dataclass(frozen=True)
class Row:
    """A published figure of a study's variant; without `claim` where the study has no results for it."""

    study: str
    ablation: str
    variant: str
    metric: str
    reference: Any
    claim: Claim | None

    @property
    def word(self) -> str:
        """Whether document and study agree."""
        return self.claim.word if self.claim else "not run"


def wanted(studies: Path) -> Iterator[tuple[str, str, str, str, Any]]:
    """Yield study, ablation, variant, metric and reference of every published figure, in the order written."""
    for path in sorted(studies.glob("*/params.yaml")):
        study = load(path)
        for ablation in study.ablations:
            for variant in expand(study, ablation).variants:
                for metric in variant.reference:
                    if metric not in ("decimals", "source", "note"):
                        yield path.parent.name, ablation, variant.name, metric, variant.reference


def rows(studies: Path) -> list[Row]:
    """Return every published figure, with what the studies measured where they have run."""
    measured: dict[tuple[str, str, str, str], Claim] = {}
    for study, ablation in dict.fromkeys((study, ablation) for study, ablation, *_ in wanted(studies)):
        found = _results(studies / study / "results", ablation)
        for claim in claims(found) if found else []:
            measured[study, ablation, claim.variant.name, claim.metric] = claim
    made = []
    for *name, reference in wanted(studies):
        claim = measured.get((name[0], name[1], name[2], name[3]))
        made.append(Row(*name, reference, claim if claim and _is_of(claim, reference) else None))
    return made


def markdown(found: Sequence[Row]) -> str:
    """Return a table for each study: document, ours, intervals, agree or not and why."""
    studies = dict.fromkeys(row.study for row in found)
    return "\n\n".join(_table(study, [row for row in found if row.study == study]) for study in studies)


def summary(found: Sequence[Row]) -> str:
    """Return how many figures there are, and how many agree."""
    counted = Counter(row.word for row in found)
    agree, differ = counted["agrees"], counted["differs"]
    text = (
        f"Of {len(found)} published figures, {agree + differ} were compared: {agree} agree, {differ} differ."
    )
    rest = [f"{counted[word]} {words}" for word, words in _REST.items() if counted[word]]
    chance = f" Were all recipes the same, about {0.05 * (agree + differ):.0f} would differ by chance."
    return (
        text + (chance if agree + differ else "") + (f" Of the rest, {' and '.join(rest)}." if rest else "")
    )


_REST = {"not run": "have not been run", "unknown": "cannot be compared"}


def _results(folder: Path, ablation: str) -> Ablation | None:
    return read(folder, ablation) if read_json(folder / ablation / FILE) is not None else None


def _is_of(claim: Claim, reference: Any) -> bool:
    """Tell whether results were made with the figure that the params file holds now."""
    return claim.published == published_as(reference[claim.metric])


def _table(study: str, found: Sequence[Row]) -> str:
    head = "| ablation | variant | figure | document | ours | 95 % interval | n | one more run | | in words |"
    line = "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    return "\n".join([f"### {study}", "", head, line, *(_line(row) for row in found)])


def _line(row: Row) -> str:
    cells = [row.ablation, row.variant, *(_cells(row.claim) if row.claim else _without(row))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _without(row: Row) -> list[str]:
    unit, published = shown_as(row.metric), published_as(row.reference[row.metric])
    document = figure_text(unit, published, row.reference.get("decimals")) if published else MISSING
    return [named(row.metric), document, *[MISSING] * 4, row.word, ""]


def _cells(claim: Claim) -> list[str]:
    unit, found = claim.unit, claim.agreement
    document = figure_text(unit, claim.published, claim.reference.decimals)
    if found is None:
        return [named(claim.metric), document, *[MISSING] * 4, claim.word, sentence(claim)]

    words = "" if claim.word == "agrees" else sentence(claim)
    return [
        named(claim.metric),
        document,
        unit.text(found.ours.mean),
        ends(unit, found.ours.low, found.ours.high),
        str(found.ours.n),
        ends(unit, found.low, found.high),
        f"**{claim.word}**" if claim.word == "differs" else claim.word,
        words,
    ]


def _json(row: Row) -> str:
    known = as_json(row.claim) if row.claim else {"metric": row.metric}
    named = {"study": row.study, "ablation": row.ablation, "variant": row.variant}
    return json.dumps({**named, **known, "word": row.word}, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduction", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line a figure instead of tables")
    parser.add_argument("--studies", type=Path, default=STUDIES, help="the folder of studies (studies/)")
    parser.add_argument("--write", type=Path, help="a Markdown file whose tables between markers are renewed")
    options = parser.parse_args(arguments)
    found = rows(options.studies)
    print(*map(_json, found), sep="\n") if options.json else print(f"{markdown(found)}\n\n{summary(found)}")
    if options.write is not None:
        write_table(options.write, TABLE, markdown(found))
        write_table(options.write, SUMMARY, summary(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
