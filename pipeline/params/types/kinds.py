"""The four ways to write the variants of an ablation."""

from typing import Literal, get_args

AblationKind = Literal["variants", "grid", "ladder", "leave_one_out"]
KINDS: tuple[AblationKind, ...] = get_args(AblationKind)
