import pytest

from pipeline.report.styles import DARK, LIGHT, Style, assign
from pipeline.result_files.schema import Ablation

from .conftest import Built


def study(built: Built) -> list[Ablation]:
    return [built.ablation(name) for name in built.names]


def test_no_two_variants_of_an_ablation_look_alike(built: Built) -> None:
    styles = assign(study(built))
    for ablation in study(built):
        looks = [
            (styles[variant.name].colour, styles[variant.name].marker, styles[variant.name].dash)
            for variant in ablation.variants
        ]
        assert len(set(looks)) == len(looks)


def test_a_later_ablation_that_brings_two_names_together_keeps_them_apart(built: Built) -> None:
    first, second = built.ablation("ladder"), built.ablation("what_matters")
    both = Ablation(**{**vars(first), "name": "both", "variants": (first.variants[0], second.variants[0])})
    styles = assign([first, second, both])
    assert styles["plain"] != styles["full"]


def test_order_decides_and_first_come_keeps_the_first_colours(built: Built) -> None:
    styles = assign(study(built))
    assert [styles[name].index for name in ("relu", "sigmoid", "tanh")] == [0, 1, 2]


def test_seventy_styles_differ() -> None:
    looks = {(style.colour, style.marker, style.dash) for style in map(Style, range(70))}
    assert len(looks) == 70


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("palette", "paper"), [(LIGHT, "#ffffff"), (DARK, "#15181c")])
def test_lines_stand_out_from_the_page(palette: tuple[str, ...], paper: str) -> None:
    for colour in palette:
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, colour
