"""The confusion matrix of one model: which classes are confused with which."""

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, label_room
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import BAND, INK, MUTED, WRONG
from pipeline.report.texts import shortened
from pipeline.result_files.diagnostics import Outcome

MOST = 30  # classes whose cells can still be read
LONGEST = 14

Counts = NDArray[np.int64]


def confusion(outcome: Outcome) -> Chart | None:
    """Draw the matrix; mistakes are shaded by how often they were made, right answers are only counted."""
    names = [shortened(name, LONGEST) for name in outcome["classes"]]
    counts = np.array(outcome["confusion"], np.int64)
    if len(names) > MOST:
        return None
    margins = Margins(left=label_room(names) + 18, right=8, top=8, bottom=34 + _tilted(names))
    side = (WIDE - margins.left - margins.right) / len(names)
    height = margins.top + margins.bottom + len(names) * min(side, 34)
    figure, axes = blank_figure(WIDE, height, margins)
    worst = max(1, int(_mistakes(counts).max()))
    for (row, column), count in np.ndenumerate(counts):
        if row == column:
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=BAND, linewidth=0))
        elif count:
            strength = 0.12 + 0.38 * count / worst
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=WRONG, alpha=strength, linewidth=0))
        if count:
            axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", color=INK, fontsize=10)
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(names), 0)
    places = np.arange(len(names)) + 0.5
    axes.set_yticks(places, names, color=INK)
    tilt = 90 if _tilted(names) else 0
    axes.set_xticks(places, names, color=INK, rotation=tilt)
    axes.grid(visible=False)
    axes.set_xlabel("predicted", color=MUTED)
    axes.set_ylabel("right", color=MUTED)
    return finish(figure, "confusion", "Confusion matrix", "", _alt(outcome["classes"], counts))


def most_confused(outcome: Outcome) -> tuple[str, str, int] | None:
    """Return the right class, the predicted one and the count of the most common mistake; None without mistakes."""
    mistakes = _mistakes(np.array(outcome["confusion"], np.int64))
    if not mistakes.any():
        return None
    row, column = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
    return outcome["classes"][row], outcome["classes"][column], int(mistakes[row, column])


def _mistakes(counts: Counts) -> Counts:
    return counts - np.diag(np.diag(counts))


def _tilted(names: list[str]) -> float:
    """Return the room that names under the columns need beyond one line; zero where they fit next to each other."""
    longest = max(len(name) for name in names)
    return 0.0 if longest * 6.1 * len(names) < 400 else 6.1 * longest


def _alt(names: list[str], counts: Counts) -> str:
    rows = [
        f"{name}: {', '.join(f'{count} as {other}' for other, count in zip(names, row, strict=True) if count)}"
        for name, row in zip(names, counts.tolist(), strict=True)
    ]
    return f"Test data by right class and predicted class. {'; '.join(rows)}"
