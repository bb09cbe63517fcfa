"""Set-up chooses the right build of torch, and a wheel holds all that the program needs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
assert spec and spec.loader
install = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)


@pytest.mark.parametrize(
    ("wanted", "system", "gpu", "online", "cpu_index"),
    [
        ("", "linux", False, True, True),
        ("auto", "linux", True, True, False),  # a GPU: its build comes from the registry
        ("cpu", "linux", True, True, True),
        ("gpu", "linux", False, True, False),
        ("auto", "linux", False, False, False),  # the index cannot be reached
        ("auto", "darwin", False, True, False),  # the registry has CPU builds alone
        ("auto", "win32", False, True, False),
    ],
)
def test_build_of_torch(monkeypatch, wanted, system, gpu, online, cpu_index):
    monkeypatch.setenv("TORCH", wanted)
    monkeypatch.setenv("TORCH_INDEX", "https://mirror.example/cpu")
    monkeypatch.setattr(install.sys, "platform", system)
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(install, "has_gpu", lambda: gpu)
    monkeypatch.setattr(install, "answers", lambda index: online)
    assert install.choose_torch_index() == (["--extra-index-url", "https://mirror.example/cpu"] if cpu_index else [])


def test_unknown_build_of_torch(monkeypatch):
    monkeypatch.setenv("TORCH", "tpu")
    with pytest.raises(SystemExit, match="choose auto, cpu or gpu"):
        install.choose_torch_index()


def test_index_that_does_not_answer():
    assert not install.answers("http://127.0.0.1:9/whl/cpu")
    assert not install.answers("no address")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What a wheel would put into site-packages."""
    folder = tmp_path_factory.mktemp("site-packages")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", folder, "build_py", "--build-lib", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_wheel_holds_every_module_asset_and_template(installed):
    def list_files(root: Path, folder: str) -> set[str]:
        files = (path for path in (root / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(root).as_posix() for path in files}

    for package in ("pose", "reconstruct", "imitate", "sfv"):
        extra = {path for path in list_files(installed, package) if path.startswith("sfv/assets/")}
        assert list_files(installed, package) - extra == list_files(ROOT, package)
        assert (installed / package / "py.typed").is_file()
    for folder in ("characters", "demo", "skills"):
        in_wheel = {path.removeprefix("sfv/") for path in list_files(installed, f"sfv/assets/{folder}")}
        assert in_wheel == list_files(ROOT, f"assets/{folder}")


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--version"], "."), (["character", "list"], "humanoid"), (["play"], "backflip")]
)
def test_installed_program_runs_in_any_directory(installed, tmp_path, arguments, word):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "sfv", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert word in done.stdout + done.stderr
