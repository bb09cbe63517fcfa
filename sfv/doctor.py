"""`python -m sfv doctor`: what is there, what is missing, and the command that mends it."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from rich.table import Table

from pose.cores import usable_cores
from pose.downloads import cache_folder
from sfv.backend import choose_gl
from sfv.console import console

PACKAGES = ("torch", "mujoco", "mediapipe", "opencv-python", "scipy", "numpy", "trimesh", "av")
DISK_NEEDED_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table."""

    what: str
    found: str
    fine: bool
    remedy: str = ""


def doctor() -> None:
    """Says what is there and what is missing, with the command that mends it; exit code 1 if something is missing."""
    findings = [_python(), _packages(), _torch(), _cores(), _gl(), _video_writer(), _weights(), _sample(), _disk()]
    table = Table(box=None, header_style="bold", padding=(0, 2))
    for column in ("", "what", "found", "mend it with"):
        table.add_column(column)
    for finding in findings:
        mark = "[green]ok[/green]" if finding.fine else "[red]missing[/red]"
        table.add_row(mark, finding.what, finding.found, "" if finding.fine else finding.remedy)
    console.print(table)
    if not all(finding.fine for finding in findings):
        sys.exit(1)


def _python() -> Finding:
    fine = sys.version_info >= (3, 11)
    return Finding("python", platform.python_version(), fine, "install Python 3.11 or newer, then make clean setup")


def _packages() -> Finding:
    versions, missing = [], []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding("packages", f"no {', '.join(missing)}", False, "make clean setup")
    return Finding("packages", ", ".join(versions), True)


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch build", str(error).splitlines()[0], False, "make clean setup")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU (all that is needed)"
    return Finding("torch build", build, True)


def _cores() -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    return Finding("machine", f"{usable_cores()} cores, {memory:.0f} GB", True)


def _gl() -> Finding:
    backend = os.environ.get("MUJOCO_GL", choose_gl())
    # In a process of its own: a broken GL driver may end the process instead of raising.
    code = "import mujoco; c = mujoco.GLContext(64, 64); c.make_current(); c.free()"
    environment = {**os.environ, "MUJOCO_GL": backend}
    probe = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    remedy = "sudo apt install libegl1 libgl1-mesa-dri (Debian, Ubuntu), or set MUJOCO_GL=osmesa"
    return Finding(
        "renderer",
        f"MUJOCO_GL={backend}" if probe.returncode == 0 else f"{backend} fails",
        not probe.returncode,
        remedy,
    )


def _video_writer() -> Finding:
    try:
        import av

        av.codec.Codec("libx264", "w")
        return Finding("H.264 writer", f"libx264 in PyAV {av.__version__}", True)
    except Exception as error:  # PyAV's own exception types depend on whether it could be imported at all
        return Finding("H.264 writer", str(error), False, f"{sys.executable} -m pip install --force-reinstall av")


def _weights() -> Finding:
    found = sorted(path.name for path in cache_folder().rglob("pose_landmarker_*.task"))
    return Finding("pose weights", ", ".join(found) or "none", bool(found), "python -m sfv fetch")


def _sample() -> Finding:
    found = (cache_folder() / "sports2d_demo.mp4").is_file()
    return Finding("sample video", "cached" if found else "none", found, "python -m sfv fetch (optional)")


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    return Finding("disk", f"{free:.0f} GB free", free > DISK_NEEDED_GB, f"free {DISK_NEEDED_GB:.0f} GB for runs/")
