"""How much memory is left to this process."""

from __future__ import annotations

from pathlib import Path


def available_bytes() -> int | None:
    """Bytes this process may still take, by the machine and by its control group; None where neither can be read."""
    found = [n for n in (_machine(), _group()) if n is not None]
    return min(found) if found else None


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _group() -> int | None:
    """What the control group (a container's limit) leaves, page cache that can be dropped not counted as used."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))
