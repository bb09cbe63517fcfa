"""The program on a system without what only POSIX has: hidden from our own code, in worker processes too.

Libraries are left alone: they know their systems.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("pose", "reconstruct", "imitate", "sfv")

HIDE = """
import builtins, os, sys

OURS = {"pose", "reconstruct", "imitate", "sfv"}
import_any = builtins.__import__


def is_ours(space):
    return (space or {}).get("__name__", "").split(".")[0] in OURS


def import_without_posix(name, globals=None, *more, **words):
    if name in ("resource", "fcntl", "termios", "pwd", "grp") and is_ours(globals):
        raise ModuleNotFoundError(f"No module named '{name}' (hidden by the test)", name=name)
    return import_any(name, globals, *more, **words)


def hide(name, original):
    def call(*arguments, **words):
        if is_ours(sys._getframe(1).f_globals):
            raise AttributeError(f"module 'os' has no attribute '{name}' (hidden by the test)")
        return original(*arguments, **words)

    setattr(os, name, call)


builtins.__import__ = import_without_posix
for name in ("uname", "fork", "getuid", "killpg", "setsid", "nice"):
    if hasattr(os, name):
        hide(name, getattr(os, name))
"""


def run_hidden(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in an environment whose every process, spawned workers included, hides what is POSIX-only."""
    (folder / "sitecustomize.py").write_text(HIDE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def list_modules() -> list[str]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.endswith("__main__") and name != "sfv.lecture.stable_baselines"]


def test_every_module_can_be_imported(tmp_path):
    modules = list_modules()
    assert len(modules) > 100
    code = f"""
import importlib
from sfv.backend import prepare_process
prepare_process()
failed = []
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{{name}}: {{error}}")
print(*failed, sep="\\n")
"""
    done = run_hidden(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_workers_train_by_spawn(tmp_path):
    test = ["tests/imitate/training/test_distill.py", "-k", "two_workers", "-q", "-p", "no:cacheprovider"]
    done = run_hidden(tmp_path, "-m", "pytest", *test)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_hiding_hides(tmp_path):
    code = "exec('import resource', {'__name__': 'pose.x', '__builtins__': __builtins__})"
    assert "hidden by the test" in run_hidden(tmp_path, "-c", code).stderr
    assert run_hidden(tmp_path, "-c", "import resource, os; os.uname()").returncode == 0
