"""An ablation expanded: variants with complete recipes."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.params.types.kinds import AblationKind
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tune import Tune


@dataclass(frozen=True)
class Variant:
    """A variant with its complete recipe.

    `changes`: dotted path -> value, wherever the recipe differs from the baseline's (None: reset).
    `levels`: factor -> level, in a grid. `tune`: the ablation's search with this variant's own ranges.
    `reference`: published values.
    """

    name: str
    recipe: Recipe
    changes: dict[str, object] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    tune: Tune | None = None
    reference: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expanded:
    """An ablation's variants in the order written, its kind, and which of them is the baseline."""

    name: str
    kind: AblationKind
    baseline: str
    variants: tuple[Variant, ...]

    def variant(self, name: str) -> Variant:
        """Return a variant by name; raises `KeyError` for an unknown one."""
        return {variant.name: variant for variant in self.variants}[name]
