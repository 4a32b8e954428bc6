"""The level of a paired t test at each of several looks, so that all of them together reject a true null as often as one.

Looks are declared by the numbers of seeds n_1 < … < n_K after which they are taken, and share a level alpha: after n
seeds alpha · n / n_K of it is spent (K. Kim and D. DeMets, Biometrika 74, 1987, with rho = 1). The level c_k of look k
solves P0(p_j > c_j for all j < k, p_k <= c_k) = what is spent at look k, for p of a paired t test, exactly for small
samples: with u = sum(d) / sqrt(n sum(d^2)), t^2 = (n - 1) u^2 / (1 - u^2); without an effect u has a density proportional
to (1 - u^2)^((n - 3) / 2), and after m more pairs, N = n + m in all, it is

    u sqrt(n B / N) + w sqrt(m (1 - B) / N),    B ~ Beta(n / 2, m / 2), w distributed as u with m for n.

Where a plan is changed after a look, what is left to spend is the probability that the old plan would still have rejected,
given what was seen (H.-H. Mueller and H. Schaefer, Statistics in Medicine 23, 2004; M. Posch et al., Statistics in Medicine
23, 2004). It is spent in proportion to the seeds that the new plan adds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, lgamma, pi, sqrt

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import betainc, roots_jacobi, stdtr, stdtrit

from pipeline.stats.plans import Plan, Plans, looks_of
from pipeline.stats.student import Floats

NODES, MIXED = 48, 24
"""Nodes of the quadratures over u and over B: levels change by less than 1e-6 of themselves with more."""
SMOOTH, CELLS = 4, 200
"""From how many more pairs on the density of the next u is smooth, and the cells that stand for it with fewer."""
STEPS = 100


@dataclass(frozen=True)
class Taken:
    """A look that was taken: after `seeds`, with `pairs` of them that both finished, and the statistic u there."""

    seeds: int
    pairs: int
    u: float


def level(alpha: float, plans: Plans, taken: Sequence[Taken]) -> float:
    """Return the level of the last look in `taken`, whose u does not matter; 0 where nothing is left to spend there.

    `alpha` is what the first plan shares among its looks.

    Example: `level(0.05, (Plan((5, 10, 20, 30)),), [Taken(5, 5, 0.3)])` is 0.05 / 6.
    """
    start, budget, spent_from, earlier = _NOWHERE, alpha, 0, list(taken)
    for plan in plans:
        here = [look for look in earlier if plan.changed is None or look.seeds <= plan.changed]
        earlier = earlier[len(here) :]
        if not here and earlier:
            continue  # it was changed before any look
        future = _future(plan, here[-1] if here else Taken(spent_from, start.pairs, 0.0))
        course = _Course(
            start, budget, spent_from, plan.looks[-1], tuple((look.seeds, look.pairs) for look in here)
        )
        if not earlier:
            return _levels(course)[-1] if here and here[-1].seeds <= plan.looks[-1] else 0.0
        last = here[-1]
        budget = _conditional_error(course, future, last)
        start, spent_from = _Start(last.pairs, last.u), last.seeds
    return 0.0


def last_level(alpha: float, plans: Plans, taken: Sequence[Taken]) -> float:
    """Return the level of the last look that is planned, if no further pair is lost until then."""
    last = taken[-1]
    to_come = _future(Plan(tuple(n for n in looks_of(plans) if n > last.seeds)), last)
    return level(alpha, plans, [*taken, *(Taken(seeds, pairs, 0.0) for seeds, pairs in to_come)])


def critical(level_: float, pairs: int) -> float:
    """Return the |t| from which a two-sided test of so many pairs rejects at a level."""
    return float(-stdtrit(pairs - 1, level_ / 2))


def statistic(t: float, pairs: int) -> float:
    """Return u for a t of so many pairs."""
    return t / sqrt(pairs - 1 + t * t)


@dataclass(frozen=True)
class _Start:
    """Where the recursion starts: at one u after so many pairs, or nowhere (no pairs)."""

    pairs: int
    u: float


_NOWHERE = _Start(0, 0.0)


@dataclass(frozen=True)
class _Course:
    """Looks `(seeds, pairs)` at which a budget is spent from so many seeds to the last ones."""

    start: _Start
    budget: float
    spent_from: int
    last: int
    looks: tuple[tuple[int, int], ...]


def _future(plan: Plan, last: Taken) -> tuple[tuple[int, int], ...]:
    """Return the looks of a plan that are to come, if no further pair is lost."""
    return tuple((n, last.pairs + n - last.seeds) for n in plan.looks if n > last.seeds)


@lru_cache(maxsize=4096)
def _levels(course: _Course) -> tuple[float, ...]:
    return tuple(stage.level for stage in _stages(course))


@dataclass(frozen=True)
class _Stage:
    """A look: its level, and where u can be after it if nothing was rejected: nodes and their probabilities."""

    level: float
    pairs: int
    nodes: Floats
    mass: Floats


def _stages(course: _Course) -> list[_Stage]:
    stages: list[_Stage] = []
    before, carried = course.spent_from, 0.0
    span = course.last - course.spent_from
    for seeds, pairs in course.looks:
        spend = carried + course.budget * (seeds - before) / span
        stage = _stage(course.start, stages[-1] if stages else None, pairs, spend)
        carried = spend if stage.level == 0.0 else 0.0  # no new pair: what is not spent here is spent next
        stages.append(stage)
        before = seeds
    return stages


def _stage(start: _Start, last: _Stage | None, pairs: int, spend: float) -> _Stage:
    if last is None and start.pairs == 0:
        reach = statistic(critical(spend, pairs), pairs)
        nodes, widths = _nodes(reach)
        return _Stage(spend, pairs, nodes, 2 * _density(nodes, pairs) * widths)
    known, nodes, mass = (
        (start.pairs, np.array([abs(start.u)]), np.ones(1))
        if last is None
        else (last.pairs, last.nodes, last.mass)
    )
    added = pairs - known
    if added < 1 or spend <= 0:
        return _Stage(0.0, known, nodes, mass)
    reach = _reach(lambda x: float(mass @ _beyond(x, nodes, known, added)), spend)
    t = reach * sqrt((pairs - 1) / (1 - reach * reach))
    return _Stage(float(2 * stdtr(pairs - 1, -t)), pairs, *_onward(reach, nodes, mass, known, added))


def _conditional_error(course: _Course, future: tuple[tuple[int, int], ...], last: Taken) -> float:
    """Return the probability that the looks to come of a plan would have rejected, given u at the last one taken."""
    whole = _Course(course.start, course.budget, course.spent_from, course.last, course.looks + future)
    to_come = _levels(whole)[len(course.looks) :]
    known, nodes, mass, error = last.pairs, np.array([abs(last.u)]), np.ones(1), 0.0
    for (_, pairs), level_ in zip(future, to_come, strict=True):
        added = pairs - known
        if added < 1 or level_ <= 0:
            continue
        reach = statistic(critical(level_, pairs), pairs)
        error += float(mass @ _beyond(reach, nodes, known, added))
        nodes, mass = _onward(reach, nodes, mass, known, added)
        known = pairs
    return error


def _onward(reach: float, nodes: Floats, mass: Floats, known: int, added: int) -> tuple[Floats, Floats]:
    """Return where u is after some more pairs, short of `reach`: nodes and their probabilities."""
    if added >= SMOOTH:
        inner, widths = _nodes(reach)
        return inner, (_arriving(inner, nodes, known, added) @ mass) * widths
    edges = np.linspace(0, reach, CELLS + 1)  # the density has poles or steps, its integral has none
    beyond = np.array([mass @ _beyond(edge, nodes, known, added) for edge in edges])
    return (edges[:-1] + edges[1:]) / 2, -np.diff(beyond)


def _reach(beyond: Callable[[float], float], spend: float) -> float:
    """Return the |u| beyond which so much probability lies, by the Illinois method."""
    low, high = 0.0, 1.0
    at_low, at_high = beyond(low) - spend, -spend
    if at_low <= 0:
        return 1e-9  # more is to be spent than is left: everything rejects
    for _ in range(STEPS):
        middle = high - at_high * (high - low) / (at_high - at_low)
        at = beyond(middle) - spend
        if abs(at) <= 1e-9 * spend or abs(high - low) < 1e-14:
            return middle
        if at * at_high < 0:
            low, at_low = high, at_high
        else:
            at_low /= 2
        high, at_high = middle, at
    return high


def _nodes(reach: float) -> tuple[Floats, Floats]:
    """Return nodes in [0, reach] and their weights: u is symmetric, so its absolute value is enough."""
    nodes, weights = _legendre()
    return (nodes + 1) / 2 * reach, weights / 2 * reach


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = leggauss(NODES)
    return np.asarray(nodes), np.asarray(weights)


@lru_cache(maxsize=256)
def _mixture(known: int, added: int) -> tuple[Floats, Floats, Floats]:
    """Return the factors of u and of w for values of B, and the probabilities of these."""
    nodes, weights = roots_jacobi(MIXED, added / 2 - 1, known / 2 - 1)
    share = (1 + nodes) / 2
    total = known + added
    return (
        np.sqrt(known * share / total),
        np.sqrt(added * (1 - share) / total),
        np.asarray(weights / weights.sum()),
    )


def _beyond(x: float, u: Floats, known: int, added: int) -> Floats:
    """Return the probability that the next |u| is at least x, from each u."""
    if added == 1:
        return _beyond_by_one(x, u, known)
    of_u, of_w, weights = _mixture(known, added)
    centre = u[:, None] * of_u
    above = 1 - _distribution((x - centre) / of_w, added)
    below = _distribution((-x - centre) / of_w, added)
    return np.asarray((above + below) @ weights)


def _arriving(x: Floats, u: Floats, known: int, added: int) -> Floats:
    """Return the density of the next |u| at each x, from each u, `[x, u]`."""
    of_u, of_w, weights = _mixture(known, added)
    centre, at = u[None, :, None] * of_u, x[:, None, None]
    both = _density((at - centre) / of_w, added) + _density((-at - centre) / of_w, added)
    return np.asarray((both / of_w) @ weights)


def _beyond_by_one(x: float, u: Floats, known: int) -> Floats:
    """Return what `_beyond` does for one more pair: w is 1 or -1, and with B = cos^2 a the next u is R cos(a -+ b)."""
    radius = np.sqrt((np.square(u) * known + 1) / (known + 1))
    turn, reach = np.arctan2(1, u * sqrt(known)), np.arccos(np.minimum(1, x / radius))

    def until(angle: Floats) -> Floats:
        """Return the probability that a is at most an angle."""
        return np.asarray(1 - betainc(known / 2, 0.5, np.square(np.cos(np.clip(angle, 0, pi / 2)))))

    same = until(turn + reach) - until(turn - reach)
    other = until(reach - turn) + 1 - until(pi - reach - turn)
    return np.asarray((same + other) / 2)


def _density(w: Floats, n: int) -> Floats:
    """Return the density of u of n pairs without an effect."""
    scale = exp(lgamma(n / 2) - lgamma((n - 1) / 2)) / sqrt(pi)
    inside = 1 - np.square(w)
    return np.asarray(np.where(inside > 0, scale * np.maximum(inside, 1e-300) ** ((n - 3) / 2), 0.0))


def _distribution(w: Floats, n: int) -> Floats:
    """Return the distribution function of u of n pairs without an effect."""
    clipped = np.clip(w, -1, 1)
    return np.asarray(0.5 + np.sign(clipped) * betainc(0.5, (n - 1) / 2, np.square(clipped)) / 2)
