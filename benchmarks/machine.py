"""One line that says what the numbers below it were measured on."""

import importlib.metadata
import os
import platform


def machine_line() -> str:
    """Processor, cores, Python, and the versions of the libraries that compete."""
    versions = ", ".join(
        f"{name} {version}"
        for name in ("spikesieve", "adelie", "nemos", "numpy", "numba", "jax")
        if (version := _version(name))
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{_processor()}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}; {versions}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
