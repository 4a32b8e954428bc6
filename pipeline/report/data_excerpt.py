"""The section of a page that shows the data: some training images of each class."""

from pipeline.core.text import plural
from pipeline.data.excerpt import Excerpt
from pipeline.report.figures.sheet import COLUMNS, Frame, sheet
from pipeline.report.section import Section

FEWEST_COLUMNS = 4


def data_section(dataset: str, excerpt: Excerpt | None) -> Section:
    """Return an excerpt of an ablation's data set; the section has no figure where there is no excerpt."""
    if excerpt is None or not excerpt.pictures:
        return Section("data", "Data", [])
    shown = len(dict.fromkeys(name for _, name in excerpt.pictures))
    height, width, *channels = excerpt.image_shape
    of_classes = f"{shown} of {excerpt.classes:,} classes" if shown < excerpt.classes else "each class"
    in_channels = f" in {plural(channels[0], 'channel')}" if channels else ""
    note = (
        f"{dataset}: {excerpt.train_count:,} training and {excerpt.test_count:,} test images of {height} × {width} "
        f"pixels{in_channels}, {excerpt.classes:,} classes."
    )
    chart = sheet(
        "data-excerpt",
        "An excerpt of the data",
        f"The first training images of {of_classes}.",
        "; ".join(name for _, name in excerpt.pictures),
        [Frame(picture, (name,)) for picture, name in excerpt.pictures],
        _columns(shown),
    )
    return Section("data", "Data", [chart], note)


def _columns(classes: int) -> int:
    """Return how many columns put equal classes below each other, or the usual number if none does."""
    candidates = range(COLUMNS, FEWEST_COLUMNS - 1, -1)
    return next((count for count in candidates if classes % count == 0 or count % classes == 0), COLUMNS)
