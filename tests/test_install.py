"""Set-up chooses the right build of torch, and a wheel holds all that the program needs."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def load_script(name: str):
    """A file of `.ci` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install, offline = load_script("install"), load_script("offline")


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


def read_lock(path: Path) -> dict[str, str]:
    """Package -> version of a lock file, each of which has a hash."""
    found = dict[str, str]()
    for block in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8")):
        name, version = re.match(r"([\w.-]+)==(\S+)", block).groups()  # pyright: ignore[reportOptionalMemberAccess]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name
        found[name.lower()] = version
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_what_is_locked_has_hashes_and_the_versions_of_the_constraints(name):
    locked = read_lock(ROOT / name)
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pins = {re.sub(r"[-_.]+", "-", pin).lower(): version for pin, version in pins.items()}
    both = pins.keys() & locked.keys()
    assert len(both) > 30 and {pin: pins[pin] for pin in both} == {pin: locked[pin] for pin in both}


def run_install(monkeypatch, extras=(), **environment):
    """The words that pip is called with, and its environment."""
    calls = []
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(install.subprocess, "run", lambda words, **more: calls.append((words, more.get("env"))) or done)
    assert install.main(list(extras)) == 0
    return calls


def test_an_offline_install_fetches_nothing(monkeypatch, tmp_path):
    (tmp_path / "requirements.lock").touch()
    (packages, environment), (checkout, _) = run_install(
        monkeypatch, OFFLINE=tmp_path, PIP_INDEX_URL="https://a.example"
    )
    assert {"--no-index", "--require-hashes", str(tmp_path)} <= set(packages)
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(checkout)
    assert "PIP_INDEX_URL" not in environment and environment["PIP_CONFIG_FILE"] == os.devnull
    with pytest.raises(SystemExit, match="no such file"):
        run_install(monkeypatch, OFFLINE=tmp_path / "absent")


def test_an_offline_folder_without_an_extra_says_so(monkeypatch, tmp_path):
    (tmp_path / "requirements.lock").write_text("starlette==1.0 --hash=sha256:0\n")
    with pytest.raises(SystemExit, match=r"has no uvicorn, which 'app' needs"):
        run_install(monkeypatch, ["app"], OFFLINE=tmp_path)
    (tmp_path / "requirements.lock").write_text("starlette==1.0 --hash=sha256:0\nuvicorn==1.0 --hash=sha256:0\n")
    assert len(run_install(monkeypatch, ["app"], OFFLINE=tmp_path)) == 2


def test_an_offline_folder_is_not_made_over_another(tmp_path):
    (tmp_path / "a-1.0-py3-none-any.whl").touch()
    with pytest.raises(SystemExit, match="holds packages already"):
        offline.main(tmp_path, [])


def test_a_locked_install_checks_every_package(monkeypatch):
    (packages, _), (checkout, _) = run_install(monkeypatch, ["dev"], LOCKED="1")
    assert "--require-hashes" in packages and packages[-1] == str(ROOT / "requirements-dev.lock")
    assert checkout[-1] == str(ROOT) and "--no-index" not in packages
    with pytest.raises(SystemExit, match="not locked"):
        run_install(monkeypatch, ["bake"], LOCKED="1")


def test_a_wheel_is_locked_by_its_content(tmp_path):
    wheel = tmp_path / "Some_Package-1.2-py3-none-any.whl"
    wheel.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example 1
    assert offline.lock_wheel(wheel) == f"some-package==1.2 --hash=sha256:{digest}\n"


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
    for folder in ("characters", "demo", "library", "lifter", "robots", "skills"):
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
