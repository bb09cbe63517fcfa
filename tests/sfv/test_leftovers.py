"""What a killed command leaves is no obstacle to the next one, and does not stay."""

import hashlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pose.errors import InputError
from pose.files import ABANDONED_SECONDS, HOST, _name_processes, replace_file, work_beside
from sfv.run_folder import lock_folder, open_run
from sfv.stage import KEY_FILE, Made, Stage, run_stage


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    return path


def test_a_run_that_was_killed_at_its_very_beginning_goes_on(tmp_path, video):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / ".config.json.123.tmp").write_text("{")
    with open_run(folder, video, {}):
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "config.json"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(InputError, match="holds no run"), open_run(tmp_path / "other", video, {}):
        pass


def test_whoever_takes_a_folder_removes_what_killed_processes_left(tmp_path):
    stage = tmp_path / "3_draft" / "humanoid.partial"
    stage.mkdir(parents=True)
    (stage / ".draft.mp4.4711.tmp").touch()
    (stage / ".meeting.x.4711.tmp").mkdir()
    for kept in (".key", "draft.npz", ".hidden.tmp"):
        (stage / kept).touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / ".mine.4711.tmp").touch()
    with lock_folder(tmp_path):
        assert (tmp_path / "photos" / ".mine.4711.tmp").exists()
        assert sorted(path.name for path in stage.iterdir()) == [".hidden.tmp", ".key", "draft.npz"]


def test_a_stage_that_was_killed_after_its_renames_is_tidied(tmp_path):
    made = list[str]()
    stage = Stage("1_pose", 1, {}, {}, lambda work: (made.append("once"), Made("made", {}))[1])
    run_stage(tmp_path, stage)
    (tmp_path / "1_pose.old").mkdir()
    (tmp_path / "1_pose" / KEY_FILE).touch()
    run_stage(tmp_path, stage)
    assert made == ["once"]
    assert [path.name for path in tmp_path.iterdir()] == ["1_pose"] and not (tmp_path / "1_pose" / KEY_FILE).exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the machine's name is all that is known")
def test_containers_and_starts_of_one_name_have_different_names(monkeypatch):
    here = _name_processes()
    assert here == HOST
    with monkeypatch.context() as other:
        other.setattr(Path, "readlink", lambda path: Path("pid:[1]"))
        assert _name_processes() != here

    def refuse(path: Path, encoding: str) -> str:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert _name_processes() == hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def test_a_file_that_is_written_again_removes_what_nobody_writes_any_more(tmp_path):
    old, young, other = (tmp_path / f".{name}.tmp" for name in ("a[1].mp4.1", "a[1].mp4.2", "b.mp4.1"))
    for path in (old, young, other):
        path.touch()
    past = time.time() - ABANDONED_SECONDS - 1
    os.utime(old, (past, past))
    os.utime(other, (past, past))
    with replace_file(tmp_path / "a[1].mp4") as temporary:
        temporary.touch()
    assert not old.exists() and young.exists() and other.exists()


@pytest.mark.skipif(os.name == "nt", reason="there, whether a process lives cannot be asked without ending it")
def test_what_a_dead_process_of_this_machine_was_writing_goes_at_once(tmp_path):
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    dead, alive, elsewhere = (
        tmp_path / f".a.mp4.{host}.{number}.tmp"
        for host, number in ((HOST, process.pid), (HOST, os.getppid()), ("0ther1", process.pid))
    )
    for path in (dead, alive, elsewhere):
        path.touch()
    folder = tmp_path / f".a.mp4.work.{HOST}.{process.pid}.tmp"
    folder.mkdir()
    with replace_file(tmp_path / "a.mp4") as temporary:
        temporary.write_text("film")
    assert not dead.exists() and not folder.exists() and alive.exists() and elsewhere.exists()


def test_a_folder_for_work_goes_with_it_and_takes_the_place_of_one_of_the_same_number(tmp_path):
    left = tmp_path / f".page.html.work.{HOST}.{os.getpid()}.tmp"  # of a container that was started again
    left.mkdir()
    (left / "old.glb").touch()
    with work_beside(tmp_path / "page.html") as work:
        assert list(work.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
    with work_beside(tmp_path / "page.html") as work:
        (work / "body.glb").touch()
    assert list(tmp_path.iterdir()) == []
