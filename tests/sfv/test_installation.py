"""Where the program lies, which command mends it, and whether another distribution shadows its packages."""

import os
import subprocess
import sys
from pathlib import Path

from sfv import installation

ROOT = Path(__file__).parents[2]


def make_checkout(folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    return folder


def test_setup_command_of_a_checkout(tmp_path, monkeypatch):
    root = make_checkout(tmp_path / "my code")
    monkeypatch.setattr(installation.shutil, "which", lambda name: "/usr/bin/make")
    assert installation.setup_command(root, prefix="/usr") == f'make -C "{root}" setup'
    assert installation.setup_command(root, prefix=str(root / ".venv")) == f'make -C "{root}" clean setup'
    (root / ".venv").mkdir()
    (root / ".venv/.ready").touch()
    wrong_python = installation.setup_command(root, prefix="/usr")
    assert wrong_python == f'"{installation.venv_python(root)}" -m sfv'


def test_setup_command_without_make(tmp_path, monkeypatch):
    root = make_checkout(tmp_path / "code")
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    assert installation.setup_command(root, prefix="/usr") == f'"{sys.executable}" -m pip install "{root}"'
    elsewhere = installation.setup_command(tmp_path / "site-packages")
    assert elsewhere.endswith("-m pip install --force-reinstall FOLDER, with the folder of the checkout")


def test_no_clash_here():
    assert installation.find_clash() is None


def test_clash_with_a_file_of_the_same_name(tmp_path):
    (tmp_path / "pose.py").write_text("raise SystemExit('the wrong file was imported')\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", "sfv", "character", "list"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: 'pose' comes from") and str(tmp_path) in line
