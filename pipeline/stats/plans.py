"""Plans of looks, and the variants that share one. Nothing heavy is imported: what trains asks for the next look."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The seeds after which looks are taken, ascending; `changed` is the look after which another plan took its place."""

    looks: tuple[int, ...]
    changed: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether its last look was taken before it was changed: then nothing is left to spend."""
        return self.changed is not None and self.changed >= self.looks[-1]


Plans = tuple[Plan, ...]


def looks_of(plans: Plans) -> tuple[int, ...]:
    """Return all looks that plans take, one after the other; none of a plan that follows a finished one."""
    looks: list[int] = []
    for plan in plans:
        before = looks[-1] if looks else 0
        looks += [n for n in plan.looks if n > before and (plan.changed is None or n <= plan.changed)]
        if plan.is_finished:
            break
    return tuple(looks)


@dataclass(frozen=True)
class Family:
    """Variants that were declared together, before their first look, and the plans of looks since then.

    `gone` is how many more were declared and then removed from the study. `anytime`: the looks share no level that
    was planned, but are tested so that any number of them may be taken (`pipeline.stats.anytime`). `overlap`: how far
    replicates depend on each other, see `pipeline.stats.student.paired`; then there is one look.
    """

    members: tuple[str, ...]
    plans: Plans
    gone: int = 0
    anytime: bool = False
    overlap: float = 0.0

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds after which looks are taken."""
        return looks_of(self.plans)
