"""Makes a folder to install from without a network: `python .ci/offline.py FOLDER [EXTRA ...]`.

On the other machine: `make setup OFFLINE=FOLDER`. The folder gets all packages as wheels for this machine's system and
Python, `requirements.lock` with their SHA-256, and what `sfv fetch` has downloaded.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from install import ROOT, choose_torch_index

BUILD = (ROOT / ".ci" / "build-requirements.txt").read_text(encoding="utf-8").split()
"""What installs the checkout itself."""


def main(folder: Path, extras: list[str]) -> int:
    """Downloads, writes the lock file, copies the cache; returns pip's exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.whl")):  # pip would leave them there beside newer ones, and all would be locked
        sys.exit(f"{folder}: holds packages already; remove its .whl files, or give another folder")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--dest", str(folder), "--only-binary=:all:", "-c", str(ROOT / "constraints.txt")]
    command += [*choose_torch_index(installed=False), *os.environ.get("PIP_ARGS", "").split()]
    code = subprocess.run([*command, *read_requirements(extras), *BUILD], check=False).returncode
    if code:
        return code
    wheels = sorted(folder.glob("*.whl"))
    (folder / "requirements.lock").write_text("".join(map(lock_wheel, wheels)), encoding="utf-8")
    copy_cache(folder / "cache")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {len(wheels)} packages, {size / 1e9:.1f} GB; make setup OFFLINE={folder} installs from it")
    return 0


def read_requirements(extras: list[str]) -> list[str]:
    """The project's requirements with those of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + [name for extra in extras for name in project["optional-dependencies"][extra]]


def lock_wheel(wheel: Path) -> str:
    """A line of a lock file: name, version and SHA-256."""
    name, version = wheel.name.split("-")[:2]
    with open(wheel, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version} --hash=sha256:{digest}\n"


def copy_cache(target: Path) -> None:
    """Copies the pose network's weights, the sample and the models of characters, as far as they are here."""
    sys.path.insert(0, str(ROOT))
    from pose.downloads import cache_folder

    source = cache_folder()
    if not source.is_dir():
        print("no weights and no sample here yet: run `sfv fetch` first, then this again", file=sys.stderr)
        return
    for path in sorted(source.iterdir()):
        if path.name in ("bench",) or path.name.startswith("."):
            continue
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        target.mkdir(exist_ok=True)
        if not (target / path.name).exists():
            copy(path, target / path.name)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
