"""What a machine says of itself, from the standard library alone; nothing that names the machine or its owner."""

from __future__ import annotations

import os
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
FREQUENCY_POLICY = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cpu_model(cpu_info: Path = CPU_INFO) -> str:
    """Return the maker's name of the processor; ``model name`` on PCs, ``Model`` on boards such as the Raspberry Pi."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    named = fields.get("model name") or fields.get("Model") or fields.get("Hardware")
    return named or platform.processor() or platform.machine() or "unknown"


def usable_cores() -> int:
    """Return the processors this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def operating_system() -> str:
    """Return system and architecture, and the distribution where there is one."""
    system = f"{platform.system()} {platform.machine()}"
    try:
        return f"{system}, {platform.freedesktop_os_release()['PRETTY_NAME']}"
    except (OSError, KeyError):
        return system


def frequency_policy(governor: Path = FREQUENCY_POLICY) -> str | None:
    """Return how the system chooses the clock of the processor, such as ``powersave``; None where it does not tell."""
    try:
        return governor.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
