"""A paired test that may be looked at after every seed, without a plan: an e-process for the t statistic.

With r = 1 / (n + 1), E_n = r^(1/2) ((1 + t^2 / (n - 1)) / (1 + r t^2 / (n - 1)))^(n/2) exceeds 1 / alpha with a
probability of at most alpha, however often it is looked at (H. Wang and A. Ramdas, arXiv 2310.03722, theorem 4.9 with
c^2 = 1). The price is power: a plan of looks finds more.
"""

from math import inf, log, sqrt

TURNS = 200


def evidence(t: float, n: int) -> float:
    """Return the logarithm of E_n for a t statistic of n pairs."""
    r, share = 1 / (n + 1), t * t / (n - 1)
    return 0.5 * log(r) + n / 2 * (log(1 + share) - log(1 + r * share))


def anytime_critical(alpha: float, n: int) -> float:
    """Return the |t| from which E_n is at least 1 / alpha; infinite where no t suffices."""
    wanted, r = -log(alpha), 1 / (n + 1)
    if 0.5 * log(r) - n / 2 * log(r) <= wanted:
        return inf
    low, high = 0.0, 1.0
    while evidence(high, n) < wanted:
        high *= 2
    for _ in range(TURNS):
        middle = (low + high) / 2
        low, high = (low, middle) if evidence(middle, n) >= wanted else (middle, high)
        if high - low < 1e-12 * high:
            break
    return high


def anytime_level(alpha: float, n: int) -> float:
    """Return the level at which a t test of n pairs rejects where E_n is at least 1 / alpha; 0 where it cannot."""
    from scipy.special import stdtr

    t = anytime_critical(alpha, n)
    return 0.0 if t == inf else float(2 * stdtr(n - 1, -t))


def half_width(alpha: float, n: int, deviation: float) -> float:
    """Return half of the width of the interval of a mean that is valid at all times."""
    return anytime_critical(alpha, n) * deviation / sqrt(n)
