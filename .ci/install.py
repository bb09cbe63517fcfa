"""Installs this checkout into the environment of the Python that runs it: `python .ci/install.py [EXTRA ...]`.

PyPI's torch for Linux is a CUDA build of several gigabytes; all that is needed is the CPU build, which PyTorch's own
index has. It is taken unless a GPU is found or asked for, and unless that index cannot be reached. Environment:

    TORCH        auto (default), cpu, or gpu
    TORCH_INDEX  the index with the CPU build, a mirror for example; empty: none is tried
    PIP_ARGS     further words for pip, separated by spaces
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
TIMEOUT = 5.0
"""Seconds in which the index must answer."""


def main(extras: list[str]) -> int:
    """Runs pip; returns its exit code."""
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = [*choose_torch_index(), *os.environ.get("PIP_ARGS", "").split()]
    return subprocess.run(
        [*command, *options, "-c", str(ROOT / "constraints.txt"), "-e", target], check=False
    ).returncode


def choose_torch_index() -> list[str]:
    """The options for pip that let it find torch's CPU build; none if torch is there already."""
    wanted = os.environ.get("TORCH") or "auto"
    if wanted not in ("auto", "cpu", "gpu"):
        sys.exit(f"TORCH={wanted}: choose auto, cpu or gpu")
    if not sys.platform.startswith("linux") or wanted == "gpu" or (wanted == "auto" and has_gpu()):
        return []
    if importlib.util.find_spec("torch"):
        return []
    index = os.environ.get("TORCH_INDEX", TORCH_INDEX)
    if index and answers(index):
        return ["--extra-index-url", index]
    print("PyTorch's CPU index cannot be reached (TORCH_INDEX): taking the build that pip finds", file=sys.stderr)
    return []


def has_gpu() -> bool:
    """Whether NVIDIA's driver lists a GPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    done = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "GPU" in done.stdout


def answers(index: str) -> bool:
    """Whether the index has a page of torch and sends it in time."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=TIMEOUT) as page:
            return page.status == 200
    except (OSError, ValueError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
