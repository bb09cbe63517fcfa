"""The doctor: every finding can be good and bad, and the whole of it runs without any package."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sfv import doctor, installation

ROOT = Path(__file__).parents[2]


def run_bare(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The program on a Python without any installed package: no site-packages, no user's settings."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from sfv.cli import main; main({list(arguments)!r})"
    command = [sys.executable, "-S", "-I", "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_help_and_version_need_no_package(tmp_path):
    done = run_bare("--help", cwd=tmp_path)
    assert done.returncode == 0 and "clip" in done.stdout and done.stderr == ""
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run_bare("--version", cwd=tmp_path).stdout)
    assert run_bare("doctor", "--help", cwd=tmp_path).returncode == 0


def test_doctor_without_packages_names_one_command(tmp_path):
    done = run_bare("doctor", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    assert "not installed: av, " in done.stdout
    assert done.stdout.count("mend it with") == 1
    assert installation.setup_command() in done.stdout or "-m sfv" in done.stdout


def test_command_without_packages_gives_one_line(tmp_path):
    done = run_bare("clip", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the package '") and "mend it with: " in line


def test_list_of_distributions_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(doctor.DISTRIBUTIONS) == sorted(re.split("[<>=]", line)[0] for line in project["dependencies"])
    first, last = doctor.PYTHONS
    assert project["requires-python"] == f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"


def test_findings_on_this_machine():
    findings = {finding.what: finding for finding in doctor.examine()}
    for what in ("Python", "packages", "machine", "torch build", "H.264 writer"):
        assert findings[what].fine, findings[what]
    assert "torch 2." in findings["packages"].found and "GB in all" in findings["packages"].found


@pytest.mark.parametrize(("version", "fine"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 13, 5), True)])
def test_python_versions(version, fine):
    assert doctor.check_python(version).fine == fine


def test_missing_package_is_named():
    finding = doctor.check_packages(("numpy", "no-such-distribution"))
    assert not finding.fine and "no-such-distribution" in finding.found and finding.remedy


def test_broken_renderer(monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("MUJOCO_GL chooses the renderer on Linux")
    monkeypatch.setenv("MUJOCO_GL", "none")
    finding = doctor.check_renderer()
    assert not finding.fine and "none fails" in finding.found and "apt install" in finding.remedy


def test_weights_are_looked_for_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SFV_CACHE", str(tmp_path))
    assert not doctor.check_weights().fine and "fetch" in doctor.check_weights().remedy
    (tmp_path / "pose_landmarker_full.task").touch()
    assert doctor.check_weights().fine


def test_missing_things_end_with_exit_code_1(monkeypatch, capsys):
    bad = doctor.Diagnosis("renderer", "egl fails", False, "sudo apt install libegl1")
    monkeypatch.setattr(doctor, "examine", lambda: [bad])
    with pytest.raises(SystemExit) as exit_:
        doctor.doctor()
    assert exit_.value.code == 1
    assert "sudo apt install libegl1" in capsys.readouterr().out
