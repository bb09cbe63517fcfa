"""Installs this checkout into the environment of the Python that runs it: `python .ci/install.py [EXTRA ...]`.

PyPI's torch for Linux is a CUDA build of several gigabytes; all that is needed is the CPU build, which PyTorch's own
index has. It is taken unless a GPU is found or asked for, and unless that index cannot be reached. Environment:

    TORCH        auto (default), cpu, or gpu
    TORCH_INDEX  the index with the CPU build, a mirror for example; empty: none is tried
    PIP_ARGS     further words for pip, separated by spaces
    LOCKED       1: every package has the version and SHA-256 of requirements.lock; torch is then PyPI's own build
    OFFLINE      a folder that .ci/offline.py made; nothing is fetched, and every file's SHA-256 is checked
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
LOCKS = {"": "requirements.lock", "dev": "requirements-dev.lock"}
"""Extras that are locked -> their file; `make lock` writes them."""
TIMEOUT = 5.0
"""Seconds in which the index must answer."""


def main(extras: list[str]) -> int:
    """Runs pip; returns its exit code."""
    offline = os.environ.get("OFFLINE")
    if offline:
        check_offline(Path(offline) / "requirements.lock", extras)
        return install_locked(Path(offline) / "requirements.lock", ["--no-index", "--find-links", offline])
    if os.environ.get("LOCKED"):
        return install_locked(find_lock(extras), os.environ.get("PIP_ARGS", "").split())
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = [*choose_torch_index(), *os.environ.get("PIP_ARGS", "").split()]
    return subprocess.run(
        [*command, *options, "-c", str(ROOT / "constraints.txt"), "-e", target], check=False
    ).returncode


def check_offline(lock: Path, extras: list[str]) -> None:
    """Exits with a line if an offline folder lacks packages of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    held = {line.split("==")[0] for line in lock.read_text(encoding="utf-8").splitlines()} if lock.is_file() else set()
    for extra in extras:
        needed = [re.split(r"[^\w.-]", name)[0] for name in project["optional-dependencies"].get(extra, [])]
        missing = [name for name in needed if re.sub(r"[-_.]+", "-", name).lower() not in held]
        if missing:
            sys.exit(
                f"{lock.parent}: has no {', '.join(missing)}, which '{extra}' needs; make the folder anew, online: "
                f"python .ci/offline.py FOLDER {extra}"
            )


def find_lock(extras: list[str]) -> Path:
    """The lock file of the extras."""
    unknown = [extra for extra in extras if extra not in LOCKS]
    if unknown:
        sys.exit(
            f"LOCKED: '{unknown[0]}' is not locked, only {', '.join(filter(None, LOCKS))}; leave LOCKED out for it"
        )
    return ROOT / LOCKS["dev" if "dev" in extras else ""]


def install_locked(lock: Path, options: list[str]) -> int:
    """Installs what a lock file names, each package checked by its SHA-256, and then this checkout; pip's exit code."""
    if not lock.is_file():
        sys.exit(f"{lock}: no such file; `python .ci/offline.py FOLDER` makes one with all packages beside it")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
    # Nothing but these options says where packages come from: no configuration of this machine.
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"} if "--no-index" in options else {}
    known = {name: value for name, value in os.environ.items() if not (offline and name.startswith("PIP_"))}
    for words in (["--require-hashes", "-r", str(lock)], ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]):
        code = subprocess.run([*command, *words], env=known | offline, check=False).returncode
        if code:
            return code
    return 0


def choose_torch_index(installed: bool = True) -> list[str]:
    """The options for pip that let it find torch's CPU build; none if torch is there already and that counts."""
    wanted = os.environ.get("TORCH") or "auto"
    if wanted not in ("auto", "cpu", "gpu"):
        sys.exit(f"TORCH={wanted}: choose auto, cpu or gpu")
    if not sys.platform.startswith("linux") or wanted == "gpu" or (wanted == "auto" and has_gpu()):
        return []
    if installed and importlib.util.find_spec("torch"):
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
