"""`sfv doctor`: what is there, what is missing, and the command that mends it. Standard library only."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from pose.cores import usable_cores
from sfv import __version__
from sfv.backend import choose_gl, remedy_of_gl
from sfv.installation import ROOT, setup_command

PYTHONS = ((3, 11), (3, 13))
"""First and last minor version of Python that the program is tested with."""

DISTRIBUTIONS = (
    "av",
    "filelock",
    "gymnasium",
    "jinja2",
    "matplotlib",
    "mediapipe",
    "mujoco",
    "numpy",
    "onnx",
    "opencv-python",
    "pillow",
    "platformdirs",
    "pycollada",
    "rich",
    "scipy",
    "tensorboard",
    "torch",
    "trimesh",
    "tyro",
)
"""What the program needs at run time: the dependencies of pyproject.toml."""

PACKAGES_DOWNLOAD_GB, PACKAGES_DISK_GB = 0.6, 2.0
"""Size of all packages with the CPU build of torch, as wheels and installed."""  # 2026-11-28; Linux, Python 3.11

DISK_NEEDED_GB = 2.0
"""Free space that some runs need."""


@dataclass(frozen=True)
class Diagnosis:
    """One line of the doctor's table."""

    what: str
    found: str
    fine: bool
    remedy: str = ""


def doctor() -> None:
    """Prints what is there and what is missing, with the command that mends it; exit code 1 if something is missing."""
    findings = examine()
    print_findings(findings)
    if not all(finding.fine for finding in findings):
        sys.exit(1)


def examine() -> list[Diagnosis]:
    """Examines the machine; where packages are missing, what depends on them is not examined."""
    packages = check_packages()
    findings = [check_python(), packages, check_machine(), check_disk()]
    if packages.fine:
        findings += [check_torch(), check_renderer(), check_video_writer(), check_weights(), check_sample()]
    return findings


def print_findings(findings: list[Diagnosis]) -> None:
    """Prints the table, then the one command that mends the first thing that is missing."""
    print(f"sfv {__version__} in {ROOT}")
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.name != "nt"
    for finding in findings:
        mark = "ok     " if finding.fine else "missing"
        if colour:
            mark = f"\033[{32 if finding.fine else 31}m{mark}\033[0m"
        print(f"  {mark}  {finding.what:13}  {finding.found}")
    missing = [finding for finding in findings if not finding.fine]
    for finding in missing:
        print(f"\n{finding.what}: mend it with\n  {finding.remedy}")


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Diagnosis:
    """Whether this Python is one of those that the program is tested with."""
    first, last = (".".join(map(str, bound)) for bound in PYTHONS)
    found = f"{platform.python_version()} ({sys.executable})"
    return Diagnosis("Python", found, PYTHONS[0] <= version[:2] <= PYTHONS[1], f"install Python {first} to {last}")


def check_packages(names: tuple[str, ...] = DISTRIBUTIONS) -> Diagnosis:
    """Whether all dependencies are installed in this environment, and how much disk it takes."""
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        size = f"all of them: {PACKAGES_DOWNLOAD_GB} GB to download, {PACKAGES_DISK_GB} GB on disk"
        return Diagnosis("packages", f"not installed: {', '.join(missing)} ({size})", False, setup_command())
    main = ("torch", "mujoco", "mediapipe", "scipy", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in main)
    return Diagnosis("packages", f"{versions}; {environment_size() / 1e9:.1f} GB in all", True)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def environment_size() -> int:
    """Size of all installed distributions [bytes], as their own lists of files state it."""
    distributions = importlib.metadata.distributions()
    return sum(file.size or 0 for distribution in distributions for file in distribution.files or ())


def check_machine() -> Diagnosis:
    """Processor cores and memory; nothing is asked of them."""
    memory = ""
    if hasattr(os, "sysconf"):  # not on Windows
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB of memory"
    return Diagnosis("machine", f"{platform.system()} {platform.machine()}, {usable_cores()} cores{memory}", True)


def check_disk() -> Diagnosis:
    """Whether there is room for runs in the current folder."""
    free = shutil.disk_usage(".").free / 1e9
    return Diagnosis(
        "disk", f"{free:.0f} GB free here", free > DISK_NEEDED_GB, f"free {DISK_NEEDED_GB:.0f} GB for runs/"
    )


def check_torch() -> Diagnosis:
    """Whether torch can be loaded, and for which processor it was built."""
    code = "import torch; print(torch.version.cuda or torch.version.hip or '')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return Diagnosis("torch build", (done.stderr.strip().splitlines() or ["crashes"])[-1], False, setup_command())
    build = done.stdout.strip()
    found = f"GPU build ({build}); the CPU build is enough and some GB smaller" if build else "CPU (all that is needed)"
    return Diagnosis("torch build", found, True)


def check_renderer() -> Diagnosis:
    """Whether MuJoCo can draw with the GL backend that is chosen on this machine."""
    # In a process of its own: a broken GL driver may end the process instead of raising.
    code = "import mujoco; c = mujoco.GLContext(64, 64); c.make_current(); c.free()"
    environment, name = dict(os.environ), "the system's OpenGL"
    if sys.platform.startswith("linux"):
        name = f"MUJOCO_GL={environment.setdefault('MUJOCO_GL', choose_gl())}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    if done.returncode == 0:
        return Diagnosis("renderer", name, True)
    return Diagnosis("renderer", f"{name} fails", False, remedy_of_gl())


def check_video_writer() -> Diagnosis:
    """Whether PyAV brings an H.264 encoder."""
    try:
        import av

        av.codec.Codec("libx264", "w")
        return Diagnosis("H.264 writer", f"libx264 in PyAV {av.__version__}", True)
    except Exception as error:  # PyAV's own exception types depend on whether it could be imported at all
        return Diagnosis("H.264 writer", str(error), False, f'"{sys.executable}" -m pip install --force-reinstall av')


def check_weights() -> Diagnosis:
    """Whether the pose network's weights are in the user's cache."""
    from pose.downloads import cache_folder

    found = sorted(path.name for path in cache_folder().rglob("pose_landmarker_*.task"))
    return Diagnosis("pose weights", ", ".join(found) or "none", bool(found), f'"{sys.executable}" -m sfv fetch')


def check_sample() -> Diagnosis:
    """Whether the sample video is in the user's cache; the program works without it."""
    from pose.downloads import cache_folder

    found = (cache_folder() / "sports2d_demo.mp4").is_file()
    return Diagnosis("sample video", "cached" if found else "none (fetched when needed)", True)
