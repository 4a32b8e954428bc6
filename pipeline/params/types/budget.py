"""The budget of a study: how long its training may take in all."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.params.faults import invalid, show
from pipeline.params.spec import defined_as

SECONDS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s)")
FORMS = "a time such as 90 min, 2 h or 1 h 30 min"


def _read(value: Any) -> Any:
    """Return a written time in seconds."""
    if isinstance(value, float):  # read before
        return value
    text = value.strip() if isinstance(value, str) else ""
    parts = PART.findall(text)
    if not parts or PART.sub("", text).strip():
        raise invalid(f"must be {FORMS}; got {show(value)}")
    return float(sum(float(number) * SECONDS[unit] for number, unit in parts))


Budget = Annotated[float, BeforeValidator(_read), Field(gt=0), defined_as("budget")]
"""In seconds; written with units."""
