"""The report: from the results of every ablation to pages that open offline, exports and `metrics.json`."""

from pipeline.report.site import build

__all__ = ["build"]
