"""Programs that measure what the project claims; each prints one JSON line a case with `--json`."""
