"""The Makefile hands the user's words to the program as they are, whatever they hold."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
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
    shutil.copy(MAKEFILE, tmp_path)
    for file in ("pyproject.toml", "constraints.txt", ".ci/find_python", ".venv/.ready"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\n')
    python.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "SFV_"))}
    command = ["make", "-s", "clip", "MINUTES=3"]
    if through == "argument":
        command.append(f"VIDEO={name}")
    else:
        environment["VIDEO"] = name
    printed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["-m", "sfv", "clip", f"--video={name}", "--minutes=3"]
    assert not (tmp_path / "pwned").exists()
