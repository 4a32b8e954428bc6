from pipeline.report.frames import CURVES, METRICS, curves_frame, runs_frame, trials_frame
from pipeline.result_files.read import read

from . import made_up
from .conftest import Built


def test_runs_have_a_row_per_replicate_with_stored_values(built: Built) -> None:
    ablation = built.ablation("activations")
    frame = runs_frame([ablation])
    assert len(frame) == 10 * 5
    row = frame[(frame.variant == "gelu") & (frame.seed == 2)].iloc[0]
    replicate = ablation.variant("gelu").replicates[2]
    assert row.test_accuracy == replicate.metrics["test_accuracy"]
    assert row.run_key == replicate.run_key
    chosen = ablation.variant("gelu").chosen
    assert chosen is not None
    assert row["hyper.optimizer.learning_rate"] == chosen["optimizer.learning_rate"]


def test_a_diverged_replicate_keeps_its_row_without_metrics(built: Built) -> None:
    frame = runs_frame([built.ablation("activations")])
    lost = frame[frame.outcome == "diverged"]
    assert list(lost.variant) == ["elu"]
    assert lost[METRICS].isna().all(axis=None)


def test_frames_of_several_ablations_share_their_columns(built: Built) -> None:
    both = runs_frame([built.ablation("ladder"), built.ablation("activations")])
    assert set(both.ablation) == {"ladder", "activations"}
    assert both[both.ablation == "ladder"]["hyper.optimizer.learning_rate"].isna().all()


def test_seconds_come_from_beside_the_results(built: Built) -> None:
    ablation = built.ablation("activations")
    assert runs_frame([ablation]).seconds.isna().all() and trials_frame([ablation]).seconds.isna().all()
    timed = read(built.results, "activations", made_up.times)
    for frame in (runs_frame([timed]), trials_frame([timed])):
        assert list(frame.seconds) == [made_up.times([key])[key].seconds for key in frame.run_key]


def test_curves_have_a_row_per_epoch(built: Built) -> None:
    ablation = built.ablation("activations")
    frame = curves_frame([ablation])
    assert len(frame) == sum(
        replicate.epochs for variant in ablation.variants for replicate in variant.replicates
    )
    one = frame[(frame.variant == "relu") & (frame.seed == 0)]
    assert list(one.epoch) == list(range(1, 21))
    assert list(one.val_loss) == ablation.variant("relu").replicates[0].curves["val_loss"]


def test_trials_mark_the_choice(built: Built) -> None:
    frame = trials_frame([built.ablation("activations")])
    assert len(frame) == 10 * 6
    assert frame.groupby("variant").chosen.sum().eq(1).all()
    best = frame.loc[frame.groupby("variant").score.idxmax()]
    assert best.chosen.all()


def test_frames_of_nothing_have_their_columns() -> None:
    assert set(METRICS) <= set(runs_frame([]).columns)
    assert set(CURVES) <= set(curves_frame([]).columns)
    assert "score" in trials_frame([]).columns
