"""What a process may use of its machine, and what it does use; no TensorFlow."""

import os
from pathlib import Path


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool_threads() -> int:
    """Return how many threads TensorFlow takes into its pool by itself in this process."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or cores()


def share_of_cores(index: int, processes: int) -> set[int]:
    """Return the cores for process `index` of several; none in particular where there are more processes than cores."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return set(allowed[index % processes :: processes]) if processes <= len(allowed) else set()


def memory() -> int:
    """Return the bytes of memory this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def resident(pid: int | str = "self") -> int:
    """Return the bytes of memory a process holds; 0 where the system does not tell, or it has ended."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
