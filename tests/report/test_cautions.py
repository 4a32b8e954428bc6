"""Cautions that several variants share are one, with the range of their numbers."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.cautions import cautions
from pipeline.stats.audit import Flag


def still(variant: str, percent: int, epochs: int = 4) -> Flag:
    return Flag(
        "still improving", variant, f"val_loss still fell by {percent} % over the last {epochs} epochs."
    )


def test_equal_cautions_are_merged_with_their_range() -> None:
    flags = [still("a", 7), Flag("few seeds", None, "Only 3 seeds."), still("b", 11), still("c", 9, 5)]
    assert [caution.sentence for caution in cautions(flags)] == [
        "a, b and c: val_loss still fell by 7 to 11 % over the last 4 to 5 epochs.",
        "Only 3 seeds.",
    ]


def test_many_variants_are_counted() -> None:
    (caution,) = cautions([still(f"v{number}", 7) for number in range(9)])
    assert caution.sentence.startswith("v0, v1, v2, v3 and 5 more: val_loss still fell by 7 % over")


def test_other_words_kinds_and_paths_stay_apart() -> None:
    flags = [
        Flag("edge of range", "a", "layers.0.units was chosen at 16, an end of 16 to 64."),
        Flag("edge of range", "b", "layers.1.units was chosen at 16, an end of 16 to 64."),
        Flag("close second", "c", "p = .03"),
        Flag("close second", "d", "p = .04"),
        Flag("few seeds", None, "Only 3 seeds."),
        Flag("few seeds", "e", "Only 3 seeds."),
    ]
    assert [caution.sentence for caution in cautions(flags)] == [
        f"{flag.variant}: {flag.message}" if flag.variant else flag.message for flag in flags
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("x7.% e-", max_size=9)), max_size=6))
def test_a_single_flag_keeps_its_words(entries: list[tuple[str, str]]) -> None:
    for variant, message in entries:
        (caution,) = cautions([Flag("diverged", variant, message)])
        assert (caution.names, caution.message) == (variant, message)
