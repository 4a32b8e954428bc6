"""How many steps the `fit` engine runs at once."""

from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None)  # the first one starts TensorFlow
@given(st.integers(1, 5000))
def test_executions_end_where_epochs_end(steps: int) -> None:
    from pipeline.engine.fit import MOST_STEPS_PER_EXECUTION, steps_per_execution

    size = steps_per_execution(steps)
    assert steps % size == 0 and 1 <= size <= MOST_STEPS_PER_EXECUTION
    assert steps > MOST_STEPS_PER_EXECUTION or size == steps
