"""What was looked at before, which is remembered: families of variants, their plans and looks, in `reports/looks.json`.

The 5 % of false verdicts that an ablation may have is spent look by look, so a study has to know which looks were taken,
also in a clone: git keeps the file. A family of variants is known by its ablation, what it is compared on, and the recipes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json
from pipeline.stats.plans import Family, Plan

FILE = "looks.json"
LAYOUT = 1


@dataclass(frozen=True)
class Declared:
    """Variants that were declared together: names by the keys of their recipes, and the plans of looks since.

    `seen` is the largest number of seeds after which was looked, `shown` the most of which results were shown, `first` the
    first seed; `study` counts studies on seeds of their own, `ended` says by key after how many seeds a variant was ended.
    `margin` is the one declared: its size, and whether that is relative.
    """

    ablation: str
    group: str
    members: Mapping[str, str]
    plans: tuple[Plan, ...]
    margin: tuple[float, bool]
    seen: int = 0
    shown: int = 0
    first: int = 0
    fresh: bool = False
    study: int = 1
    ended: Mapping[str, int] = field(default_factory=dict)

    def family(self, names: Mapping[str, str]) -> Family:
        """Return the family for the tests; `names` are those that its members have now, of those that are left."""
        return Family(tuple(names.values()), self.plans, len(self.members) - len(names))

    def replanned(self, looks: tuple[int, ...]) -> "Declared":
        """Return the family with other looks from now on; those that were taken stay taken."""
        last = self.plans[-1]
        if last.looks == looks:
            return self
        taken_under_it = self.seen > (self.plans[-2].changed or 0 if len(self.plans) > 1 else 0)
        kept = (*self.plans[:-1], replace(last, changed=self.seen)) if taken_under_it else self.plans[:-1]
        return replace(self, plans=(*kept, Plan(looks)), ended={} if not is_over(kept) else self.ended)


def is_over(plans: Sequence[Plan]) -> bool:
    """Return whether a plan was finished, so that nothing is left to spend."""
    return any(plan.is_finished for plan in plans)


class Ledger:
    """All families that were looked at in the study at `root`."""

    def __init__(self, root: Path) -> None:
        self.path = root / "reports" / FILE
        raw: Any = read_json(self.path)
        entries = raw.get("families", []) if isinstance(raw, dict) and raw.get("layout") == LAYOUT else []
        self.families = [family for entry in entries if (family := _read(entry)) is not None]

    def of(self, title: str, group: str) -> list[Declared]:
        """Return the families of an ablation that were compared on the same things."""
        return [family for family in self.families if (family.ablation, family.group) == (title, group)]

    def latest(self, title: str) -> Declared | None:
        """Return a family of an ablation's latest study; None where it was never looked at."""
        own = [family for family in self.families if family.ablation == title]
        return max(own, key=lambda family: family.study, default=None)

    def seeds_used(self, title: str) -> int:
        """Return the first seed that nobody has looked at in an ablation."""
        own = [family for family in self.families if family.ablation == title]
        return max((family.first + family.shown for family in own), default=0)

    def record(self, families: Sequence[Declared]) -> None:
        """Keep families that were looked at, in place of what was known of them."""
        before = list(self.families)
        for family in families:
            if family.seen:
                place = next((n for n, known in enumerate(self.families) if _same(known, family)), None)
                if place is None:
                    self.families.append(family)
                else:
                    self.families[place] = family
        self.families.sort(key=lambda family: family.ablation)
        if self.families != before:
            write_json(
                self.path, {"layout": LAYOUT, "families": [_plain(family) for family in self.families]}
            )


def _same(one: Declared, other: Declared) -> bool:
    keys = (one.ablation, one.group, one.study) == (other.ablation, other.group, other.study)
    return keys and not one.members.keys().isdisjoint(other.members)


def _plain(family: Declared) -> dict[str, Any]:
    plain = asdict(family)
    return {**plain, "plans": [asdict(plan) for plan in family.plans]}


def _read(entry: Any) -> Declared | None:
    try:
        plans = tuple(Plan(tuple(plan["looks"]), plan["changed"]) for plan in entry["plans"])
        size, relative = entry["margin"]
        return Declared(**{**entry, "plans": plans, "margin": (float(size), bool(relative))})
    except (TypeError, KeyError, ValueError):
        return None
