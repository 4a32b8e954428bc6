"""What changed since the previous report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.context import History, ReportContext, Summary
from pipeline.report.findings import Findings, find
from pipeline.report.history import Change, change, summary_of
from pipeline.report.index import news
from pipeline.report.site import build
from pipeline.result_files.read import read
from pipeline.store.journal import Session

from . import made_up

BEGAN = 1_700_000_000_000_000_000  # 2023-11-14 22:13 UTC


def variant(name: str, accuracies: Sequence[float | None], **more: Any) -> dict[str, Any]:
    """Return a variant that measured these accuracies, None where a replicate diverged."""
    lost = [seed for seed, accuracy in enumerate(accuracies) if accuracy is None]
    made = made_up.variant(name, seeds=len(accuracies), diverged=lost, **more)
    for replicate, accuracy in zip(made["replicates"], accuracies, strict=True):
        if accuracy is not None:
            replicate["metrics"]["test_accuracy"] = accuracy
    return made


BASE = [0.95, 0.951, 0.949, 0.952, 0.95]
OTHER = [0.96, 0.962, 0.961, 0.959, 0.96]


def judged(folder: Path, variants: Sequence[Mapping[str, Any]], **more: Any) -> list[Findings]:
    (name,) = made_up.write(folder, [made_up.ablation("one", variants, **more)])
    return [find(read(folder, name, made_up.times))]


def plain_json(summary: Summary) -> Summary:
    """Return the summary as the next report reads it."""
    reread: Summary = json.loads(json.dumps(summary, allow_nan=False))
    return reread


def compared(folder: Path, then: Sequence[Any], now: Sequence[Any], **more: Any) -> Change:
    before = plain_json(summary_of(judged(folder / "then", then)))
    return change(judged(folder / "now", now, **more), History(before=before))


def test_equal_numbers_say_so(tmp_path: Path) -> None:
    variants = [variant("a", BASE), variant("b", OTHER)]
    changed = compared(tmp_path, variants, variants)
    assert changed.lead == (
        "Nothing trained, 10 runs reused.",
        "No variant's numbers have changed.",
    )
    assert changed.ablations["one"].sentences == ()
    assert news(changed) is None


def test_the_first_report_has_nothing_to_compare_with(tmp_path: Path) -> None:
    changed = change(judged(tmp_path, [variant("a", BASE)]), History())
    assert not changed.compared
    assert changed.lead[1].startswith("This is the first report")


def test_a_shift_of_every_replicate_is_more_than_noise(tmp_path: Path) -> None:
    better = [value + 0.02 + 0.0001 * seed for seed, value in enumerate(OTHER)]
    changed = compared(
        tmp_path, [variant("a", BASE), variant("b", OTHER)], [variant("a", BASE), variant("b", better)]
    )
    entry = changed.ablations["one"]
    assert (entry.moved, entry.within) == (1, 0)
    assert entry.sentences[0].startswith("b moved by +2.02 [+2.00, +2.04] points: better than before")
    assert "1 of 1 variant measured again moved beyond noise." in changed.lead


def test_what_scatters_is_noise(tmp_path: Path) -> None:
    scattered = [
        value + delta for value, delta in zip(OTHER, (0.01, -0.01, 0.008, -0.009, 0.002), strict=True)
    ]
    changed = compared(
        tmp_path, [variant("a", BASE), variant("b", OTHER)], [variant("a", BASE), variant("b", scattered)]
    )
    entry = changed.ablations["one"]
    assert (entry.moved, entry.within) == (0, 1)
    assert "Numbers changed, within noise: b." in entry.sentences
    assert "1 variant measured again, none moved beyond noise." in changed.lead


def test_all_variants_that_changed_are_one_family(tmp_path: Path) -> None:
    """One variant alone would have moved at p = .03; among nine others that scatter it has not."""
    shift = [0.004, 0.012, 0.001, 0.009, 0.004]
    noise = [(0.003, -0.004, 0.005, -0.002, -0.001), (-0.002, 0.001, 0.004, -0.004, 0.002)]
    moved = [value + delta for value, delta in zip(OTHER, shift, strict=True)]
    alone = compared(
        tmp_path / "alone",
        [variant("a", BASE), variant("b", OTHER)],
        [variant("a", BASE), variant("b", moved)],
    )
    others = [
        variant(f"n{n}", [value + d for value, d in zip(OTHER, noise[n % 2], strict=True)]) for n in range(9)
    ]
    then = [variant("a", BASE), variant("b", OTHER), *(variant(f"n{n}", OTHER) for n in range(9))]
    among = compared(tmp_path / "among", then, [variant("a", BASE), variant("b", moved), *others])
    assert (alone.ablations["one"].moved, among.ablations["one"].moved) == (1, 0)


def test_variants_that_came_went_or_changed_their_verdict(tmp_path: Path) -> None:
    worse = [value - 0.03 - 0.0001 * seed for seed, value in enumerate(BASE)]
    changed = compared(
        tmp_path,
        [variant("a", BASE), variant("b", OTHER), variant("old", OTHER)],
        [variant("a", BASE), variant("b", worse), variant("new", OTHER)],
    )
    sentences = changed.ablations["one"].sentences
    assert "The verdict on b was better, and is worse." in sentences
    assert sentences[-2:] == ("New: new.", "Gone: old.")


def test_one_replicate_is_too_few_to_test(tmp_path: Path) -> None:
    changed = compared(tmp_path, [variant("a", [0.9])], [variant("a", [0.95])])
    assert changed.ablations["one"].sentences == ("Numbers changed, too few replicates to test: a.",)


def test_more_seeds_alone_move_nothing(tmp_path: Path) -> None:
    changed = compared(tmp_path, [variant("a", BASE[:3])], [variant("a", BASE)])
    assert changed.ablations["one"].moved + changed.ablations["one"].within == 0


def test_a_replicate_that_diverged_in_both_is_no_change(tmp_path: Path) -> None:
    lost = [variant("a", [None, *BASE])]
    assert compared(tmp_path, lost, lost).ablations["one"].sentences == ()


def test_another_metric_is_not_compared(tmp_path: Path) -> None:
    changed = compared(tmp_path, [variant("a", BASE)], [variant("a", BASE)], metric="loss")
    assert changed.ablations["one"].sentences == (
        "Judged by test loss on digits now: not compared with before.",
    )


def test_new_and_gone_ablations_are_named(tmp_path: Path) -> None:
    before = plain_json(summary_of(judged(tmp_path, [variant("a", BASE)])))
    changed = change(judged(tmp_path, [variant("a", BASE)]), History(before={"gone": before["one"]}))
    assert changed.ablations["one"].sentences == ("New.",)
    assert changed.lead[-1] == "Ablations gone: gone."


def test_trained_and_reused_runs_are_counted_once(tmp_path: Path) -> None:
    findings = judged(tmp_path, [variant("a", BASE), variant("b", OTHER, tuned=True)])
    keys = [run.run_key for v in findings[0].ablation.variants for run in v.replicates]
    history = History([Session(BEGAN, 61.0, (*keys[:4], "elsewhere")), Session(BEGAN + 1, 9.0, (keys[0],))])
    changed = change([*findings, *findings], history)
    assert (changed.effort.trained, changed.effort.reused) == (4, 12)
    assert changed.effort.seconds == pytest.approx(
        sum(took.seconds for took in made_up.times(keys[:4]).values())
    )
    assert changed.lead[0] == (
        "4 runs trained, 12 reused. It took 1 min 10 s of waiting, in 2 sessions, from 2023-11-14 22:13 UTC."
    )


def test_pages_show_the_news(tmp_path: Path) -> None:
    then = [variant("a", BASE), variant("<b>", OTHER)]
    before = plain_json(summary_of(judged(tmp_path / "then", then)))
    now = [
        variant("a", BASE),
        variant("<b>", [value + 0.02 + 0.0001 * seed for seed, value in enumerate(OTHER)]),
    ]
    key = now[1]["replicates"][0]["run_key"]
    names = made_up.write(tmp_path / "now", [made_up.ablation("one", now)])
    history = History([Session(BEGAN, 61.0, (key,))], before)
    summary = build(
        tmp_path / "now", tmp_path / "reports", names, ReportContext(times=made_up.times, history=history)
    )
    index, page = (
        (tmp_path / "reports" / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "one")
    )
    assert "Since the previous report" in index and "1 run trained, 9 reused." in index
    assert "&lt;b&gt; moved by" in page and "<b> moved" not in page
    assert "Since the previous report: 1 run trained, 9 reused." in page
    assert summary["one"]["variants"]["a"]["values"]["0"] == BASE[0]
