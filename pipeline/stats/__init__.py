"""Statistics of an ablation: intervals, comparisons and verdicts, flags, importance of factors, a written conclusion."""
