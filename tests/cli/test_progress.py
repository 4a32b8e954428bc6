"""Progress views: what they count, and what they print."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli.progress import LiveView, PlainLines, Tally, progress
from pipeline.core.text import duration
from pipeline.training.progress import Progress


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_rich_is_imported_only_for_a_terminal() -> None:
    code = (
        "import sys\nfrom pipeline.cli.progress import *\nwith progress(1): sys.exit('rich' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )


def test_runs_in_training_count_by_their_epochs(clock: Clock) -> None:
    tally = Tally(40, clock)
    assert (tally.fraction, tally.left()) == (0, "")
    act = tally.begin("act", 20, 10)
    clock.now = 30.0
    tally.advance(act, 5, {})
    assert tally.fraction == 0.25
    assert tally.left() == "about 1 min 30 s left"
    opt = tally.begin("opt", 20, 10)
    tally.advance(opt, 5, {})
    assert tally.fraction == 0.5
    tally.end(act, 30.0)
    assert tally.fraction == 0.75
    tally.advance(opt, 10, {})
    assert (tally.fraction, tally.left()) == (1, "")


def test_more_runs_than_expected_are_at_most_everything(clock: Clock) -> None:
    tally = Tally(1, clock)
    tally.end(tally.begin("act", 3, 2), 1.0)
    assert (tally.fraction, tally.counted()) == (1, "3 of 3 runs")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (130, "2 min 10 s"),
        (3599.9, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def study(view: Progress, clock: Clock, stacks: int, epochs: int, seconds: float) -> None:
    for number in range(stacks):
        stack = view.stack_started(f"stack {number}", 10, epochs)
        for epoch in range(1, epochs + 1):
            clock.now += seconds
            view.epoch(stack, epoch, {"act": epoch / epochs})
        view.stack_finished(stack, epochs * seconds)


def test_plain_lines_are_ten_seconds_apart(clock: Clock) -> None:
    out = io.StringIO()
    study(PlainLines(Tally(40, clock), out), clock, stacks=4, epochs=10, seconds=0.75)
    assert out.getvalue().splitlines() == [
        "stack 1 · 10 runs together · epoch 4 of 10, about 20 s left",
        "stack 2 · 10 runs together · epoch 8 of 10, about 9 s left",
        "stack 3 in 8 s, 40 of 40 runs",
    ]


def test_notes_are_never_held_back(clock: Clock) -> None:
    out = io.StringIO()
    PlainLines(Tally(1, clock), out).note("[act] 2 runs diverged")
    assert out.getvalue() == "[act] 2 runs diverged\n"


def test_a_lost_stack_counts_as_not_begun_and_is_reported(clock: Clock, terminal: Console) -> None:
    view = LiveView(Tally(40, clock), terminal)
    act = view.stack_started("act on worker 1", 20, 10)
    view.epoch(act, 5, {})
    with terminal.capture() as capture:
        view.stack_lost(act, "worker 1 was killed by signal 9")
    assert capture.get().strip() == "act on worker 1 lost: worker 1 was killed by signal 9"
    assert " 0%  0 of 40 runs" in screen(terminal, view)


def test_without_a_terminal_a_lost_stack_is_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(1) as view:
        view.stack_lost(view.stack_started("act", 1, 1), "its node died")
    assert capsys.readouterr() == ("", "act lost: its node died\n")


def test_without_a_terminal_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(1) as view:
        act = view.stack_started("act", 1, 1)
        view.epoch(act, 1, {})
        view.stack_finished(act, 2.0)
    assert capsys.readouterr() == ("", "act in 2 s, 1 of 1 runs\n")


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=90, color_system=None, legacy_windows=False)


def screen(console: Console, view: LiveView) -> str:
    with console.capture() as capture:
        console.print(view.render())
    return capture.get()


def test_the_live_view_shows_the_bar_the_work_and_the_best(clock: Clock, terminal: Console) -> None:
    view = LiveView(Tally(40, clock), terminal)
    assert "getting ready" in screen(terminal, view)
    act = view.stack_started("act [x]", 20, 10)
    clock.now = 30.0
    view.epoch(act, 5, {"act": 0.9, "opt": 0.87654})
    bar, work, best = screen(terminal, view).splitlines()
    assert "25%  0 of 40 runs  about 1 min 30 s left" in bar
    assert work.strip() == "act [x] · 20 runs together · epoch 5 of 10"
    assert best.strip() == "best so far: act 0.9000, opt 0.8765"
    view.stack_finished(act, 30.0)
    assert "act [x] in 30 s" in screen(terminal, view)


def test_the_live_view_leaves_notes_and_one_line(clock: Clock, terminal: Console) -> None:
    with LiveView(Tally(20, clock), terminal) as view:
        view.note("2 runs [bold]diverged")
        study(view, clock, stacks=2, epochs=2, seconds=1.0)
    assert isinstance(terminal.file, io.StringIO)
    shown = terminal.file.getvalue()
    assert "2 runs [bold]diverged" in shown
    assert shown.rstrip().endswith("20 of 20 runs in 4 s")


def test_a_console_that_is_given_is_drawn_on(terminal: Console) -> None:
    with progress(1, terminal) as view:
        assert isinstance(view, LiveView)
