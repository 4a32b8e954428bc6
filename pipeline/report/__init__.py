"""The report: from the results of every ablation to pages that open offline, exports and `metrics.json`.

`pipeline.report.site.build` renders it. Nothing is imported here: what draws takes seconds to import, while
`pipeline.report.snapshot`, which decides whether anything must be drawn, is imported at once.
"""
