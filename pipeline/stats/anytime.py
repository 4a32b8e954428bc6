"""A paired test that may be looked at after every seed, without a plan: an e-process for the t statistic.

With r = 1 / (n + 1), E_n = r^(1/2) ((1 + t^2 / (n - 1)) / (1 + r t^2 / (n - 1)))^(n/2) exceeds 1 / alpha with a
probability of at most alpha, however often it is looked at (H. Wang and A. Ramdas, arXiv 2310.03722, theorem 4.9 with
c^2 = 1). The price is power: a plan of looks finds more.
"""

from math import exp, inf, log, sqrt


def evidence(t: float, n: int) -> float:
    """Return the logarithm of E_n for a t statistic of n pairs."""
    r, share = 1 / (n + 1), t * t / (n - 1)
    return 0.5 * log(r) + n / 2 * (log(1 + share) - log(1 + r * share))


def anytime_critical(alpha: float, n: int) -> float:
    """Return the |t| from which E_n is at least 1 / alpha, E_n solved for t; infinite where no t suffices."""
    r = 1 / (n + 1)
    ratio = exp((-2 * log(alpha) - log(r)) / n)
    return inf if ratio * r >= 1 else sqrt((n - 1) * (ratio - 1) / (1 - ratio * r))


def anytime_level(alpha: float, n: int) -> float:
    """Return the level at which a t test of n pairs rejects where E_n is at least 1 / alpha; 0 where it cannot."""
    from scipy.special import stdtr

    t = anytime_critical(alpha, n)
    return 0.0 if t == inf else float(2 * stdtr(n - 1, -t))
