"""Programs that measure what the project claims; each prints one JSON line per case with `--json`."""
