"""Seeds: which runs share them, and which do not."""

from dataclasses import asdict, replace

from kit import CONTEXT, run

from pipeline.runs.seeds import derive, seeds_of


def test_a_seed_is_the_same_on_every_machine() -> None:
    assert derive(0, "digits", "split") == 468356677


def test_parts_are_kept_apart() -> None:
    assert derive("ab", "c") != derive("a", "bc")
    assert derive(1, 23) != derive(12, 3)


def test_no_two_numbers_kinds_or_sources_share_a_seed() -> None:
    drawn = [seeds_of(0, "digits", kind, number) for kind in ("trial", "replicate") for number in range(200)]
    values = [value for seeds in drawn for name, value in asdict(seeds).items() if name != "split"]
    assert len(set(values)) == len(values) == 400 * 3
    assert all(0 <= value < 2**31 for value in values)


def test_all_runs_of_a_study_share_its_split() -> None:
    drawn = [seeds_of(0, "digits", kind, number) for kind in ("trial", "replicate") for number in range(3)]
    assert len({seeds.split for seeds in drawn}) == 1
    assert seeds_of(1, "digits", "trial", 0).split != drawn[0].split


def test_study_and_dataset_change_every_seed() -> None:
    base = asdict(seeds_of(0, "digits", "replicate", 0))
    for other in (seeds_of(1, "digits", "replicate", 0), seeds_of(0, "mnist", "replicate", 0)):
        assert all(value != base[name] for name, value in asdict(other).items())


def test_variants_are_paired_by_replicate() -> None:
    one, other = run({"model": {"layers": [3]}}, seed=4), run({"optimizer": {"name": "adam"}}, seed=4)
    assert one.seeds == other.seeds and one.key != other.key


def test_precision_and_content_of_the_data_leave_the_seeds_alone() -> None:
    other = replace(CONTEXT, precision="mixed_bfloat16", data_digest="other")
    assert run(context=other).seeds == run().seeds
