"""Runs a command of the pipeline and counts the files that it opens: `python -m benchmarks.watched FILE plan --json`.

Writes to FILE, as JSON, the seconds that the command took, how many files below `.runs` it opened and how many folders there
it listed, and its peak memory. Counts do not depend on the machine; seconds do.
"""

import json
import os
import sys
import time
from pathlib import Path


def highest_memory() -> int:
    """Return the peak memory of this process in MB (`getrusage` would count its parent's too)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> int:
    """Run the command, then write the counts; return the command's exit status."""
    opened, listed = [0], [0]
    inside = f"{os.sep}.runs{os.sep}"

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and inside in str(arguments[0]):
            opened[0] += 1
        elif event in ("os.scandir", "os.listdir") and inside in f"{arguments[0]}{os.sep}":
            listed[0] += 1

    sys.addaudithook(hook)
    started = time.perf_counter()
    from pipeline.cli.commands import main as command

    status = command(sys.argv[2:])
    counts = {
        "seconds": round(time.perf_counter() - started, 3),
        "opened": opened[0],
        "listed": listed[0],
        "peak_rss_mb": highest_memory(),
    }
    Path(sys.argv[1]).write_text(json.dumps(counts), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
