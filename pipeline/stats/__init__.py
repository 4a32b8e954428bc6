"""Numbers in, verdicts out: intervals, comparisons, flags, importance of factors, a conclusion in words."""
