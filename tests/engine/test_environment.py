"""What is noted of the environment with each run."""

from pipeline.engine.environment import environment


def test_it_is_found_out_once() -> None:
    """Thousands of records have it, and to look up versions takes milliseconds."""
    assert environment() is environment()
    assert {"python", "tensorflow", "keras", "device"} <= environment().keys()
