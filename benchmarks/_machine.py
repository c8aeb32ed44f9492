"""On what was measured: hardware, versions, and how busy the machine was."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import joblib

import skfakereal
from skfakereal.engines import has_vnni

__all__ = ["describe_machine"]

_PACKAGES = (
    *("ncnn", "numpy", "scikit-learn", "scipy", "pillow", "joblib"),
    *("tensorflow", "keras", "scikeras", "onnxruntime", "openvino", "pandas"),
)


def describe_machine() -> dict[str, str]:
    """Return what a reader of the figures must know about the machine, by name."""
    versions = [f"skfakereal {skfakereal.__version__}"]
    versions += [f"{package} {_version(package)}" for package in _PACKAGES]
    found = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {joblib.cpu_count()} cores used",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": ", ".join(versions),
    }
    if hasattr(os, "getloadavg"):
        found["load at the start"] = (
            f"{os.getloadavg()[0]:.1f} processes (of others: none are best)"
        )
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    known = flags.group(1).split() if flags else []
    # What decides which convolutions are fast.
    wide = next((flag for flag in ("avx512f", "avx2", "avx") if flag in known), "")
    vnni = "with VNNI" if has_vnni() else ""
    parts = [name.group(1) if name else platform.machine(), wide, vnni]
    return " ".join(filter(None, parts))
