"""The Makefile hands the user's words to the program as they are, whatever they hold."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


pytestmark = pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make on this machine")


def given_to_python(folder: Path, *words: str, **environment: str) -> list[str]:
    """The arguments that `make` starts the project's Python with; that only prints them here."""
    shutil.copy(MAKEFILE, folder)
    for file in ("pyproject.toml", "constraints.txt", ".ci/find_python", ".ci/install.py", ".venv/.ready"):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    python = folder / ".venv/bin/python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\n')
    python.chmod(0o755)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "SFV_"))}
    done = subprocess.run(
        ["make", "-s", *words], cwd=folder, env=clean | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("through", ["argument", "environment"])
@pytest.mark.parametrize(
    "name",
    [
        "my flip.mp4",
        'it\'s "quoted".mp4',
        "$(shell touch pwned).mp4",
        "a;touch pwned;.mp4",
        "`touch pwned`.mp4",
        "-rf",
        "$HOME $$",
    ],
)
def test_video_name_is_harmless(tmp_path, name, through):
    if through == "argument":
        words = given_to_python(tmp_path, "clip", "MINUTES=3", f"VIDEO={name}")
    else:
        words = given_to_python(tmp_path, "clip", "MINUTES=3", VIDEO=name)
    assert words == ["-m", "sfv", "clip", f"--video={name}", "--minutes=3"]
    assert not (tmp_path / "pwned").exists()


def test_retarget(tmp_path):
    words = given_to_python(tmp_path, "retarget", "CLIP=my flip", "CHARACTER=atlas", "MINUTES=2")
    assert words == ["-m", "sfv", "retarget", "--clip=my flip", "--character=atlas", "--minutes=2"]
