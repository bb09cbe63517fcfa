"""Full disks, signals, clocks, names, locales, no home: one line says what is wrong, and nothing is lost."""

import builtins
import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pose.archive import load_arrays, save_arrays
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.files import remove_leftovers, replace_file, sha256_of, shorten
from pose.weights import find_or_fetch
from sfv import cli
from sfv.bench import cluster_work
from sfv.bench.cluster_trial import read_result
from sfv.page_template import render_page
from sfv.run_folder import lock_folder, run_name
from sfv.stage import Made, Stage, run_stage, write_json

ROOT = Path(__file__).parents[2]
ODD = "-a b'\"$(touch x);\t#%?&*ä😀"
LONG = (ODD * 12).encode()[:255].decode("utf-8", errors="ignore")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="names and signals of POSIX")


class Disk:
    """Refuses every write in a folder from the n-th on, as a full disk does."""

    def __init__(self, monkeypatch, folder: Path, room: int, fault: int = errno.ENOSPC):
        self.folder, self.room, self.fault, self.writes = str(folder), room, fault, 0
        opened, low, made, synchronised = builtins.open, os.open, os.mkdir, os.fsync

        def open_text(file, mode="r", *more, **words):
            if set(mode) & set("wax+"):
                self.write(file)
            return opened(file, mode, *more, **words)

        def open_low(path, flags, *more, **words):
            if flags & (os.O_WRONLY | os.O_RDWR):
                self.write(path)
            return low(path, flags, *more, **words)

        def make(path, *more, **words):
            self.write(path)
            return made(path, *more, **words)

        def synchronise(file):
            self.write(self.folder)
            return synchronised(file)

        monkeypatch.setattr(builtins, "open", open_text)
        monkeypatch.setattr(io, "open", open_text)
        monkeypatch.setattr(os, "open", open_low)
        monkeypatch.setattr(os, "mkdir", make)
        monkeypatch.setattr(os, "fsync", synchronise)

    def write(self, path) -> None:
        if not isinstance(path, int) and os.fspath(path).startswith(self.folder):
            self.writes += 1
            if self.writes > self.room:
                raise OSError(self.fault, os.strerror(self.fault), os.fspath(path))


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_is_full_at_any_write_loses_nothing(tmp_path, monkeypatch, capfd, fault):
    file = tmp_path / "file.txt"
    file.write_text("file")

    def work(name):
        cluster_work.main(file, tmp_path / name, 4, 0.0)
        return read_result(tmp_path / name, cluster_work.RESULT)

    expected, room = work("unbroken"), 0
    while True:
        folder = tmp_path / f"run_{room}"
        with monkeypatch.context() as patch:
            disk = Disk(patch, folder, room, fault)
            try:
                work(folder.name)
            except (OSError, InputError) as error:
                assert os.strerror(fault) in str(error)
        assert read_result(folder, cluster_work.RESULT) in (None, expected)
        assert work(folder.name) == expected  # the same command, when there is room again
        assert not list(folder.rglob("*.tmp")) and not list(folder.rglob("*.partial"))
        if disk.writes <= room:
            break
        room += 1
    assert room > 20 and "step 4" in capfd.readouterr().out


def test_a_folder_that_nobody_may_write_is_one_line(tmp_path, monkeypatch):
    Disk(monkeypatch, tmp_path, 0, errno.EACCES)
    said = pytest.raises(InputError, match=r"cannot be written \(Permission denied\); give another OUT")
    with said, lock_folder(tmp_path):
        pass


PROGRAM = """
import sys, time, types
from sfv import cli
def nap():
    print("on", flush=True)
    time.sleep(60)
sys.modules["nap"] = module = types.ModuleType("nap")
module.nap = nap
cli.COMMANDS["nap"] = ("nap:nap", "")
cli.main(["nap"])
"""


@needs_posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_system_that_shuts_down_ends_a_command_as_ctrl_c_does(name):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", PROGRAM]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None and process.stdout.readline() == "on\n"
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said == "stopped; the same command goes on from here\n"


@needs_posix
def test_what_nohup_ignores_stays_ignored():
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        cli._end_by_interrupt()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1.0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_clock_that_jumps_changes_no_duration_and_removes_nothing_in_use(tmp_path, monkeypatch):
    clock = iter(range(0, 10**9, 10**7))
    times = list[str]()
    stage = Stage("1_pose", 1, {}, {}, lambda work: (times.append("made"), Made("made", {}))[1])
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: float(next(clock)))
        made = run_stage(tmp_path, stage)
        run_stage(tmp_path, stage)
        assert 0.0 <= made.seconds < 60.0 and len(times) == 1
    later = tmp_path / ".a.txt.1.tmp"  # of somebody who writes now; the clock has gone back since
    later.touch()
    os.utime(later, (time.time() + 1e6, time.time() + 1e6))
    remove_leftovers(tmp_path, "a.txt", older_than=3600.0)
    assert later.exists()


def test_a_cache_without_a_home_is_no_folder_called_tilde(monkeypatch):
    import platformdirs

    monkeypatch.delenv("SFV_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: Path("~/.cache") / name)
    found = cache_folder()
    assert found.is_absolute() and "~" not in found.parts and found.name == "skills-from-videos"


def test_a_cache_that_belongs_to_somebody_else_is_used_and_one_that_lacks_something_is_one_line(tmp_path, monkeypatch):
    whole = tmp_path / "pose_landmarker_full.task"
    whole.write_bytes(b"weights")
    whole.with_suffix(".sha256").write_text(sha256_of(whole) + "\n")
    Disk(monkeypatch, tmp_path, 0, errno.EACCES)
    monkeypatch.delenv("SFV_POSE_MODEL", raising=False)
    assert find_or_fetch(tmp_path, "full") == whole
    with pytest.raises(InputError, match=r"cannot keep the pose weights there .*; set SFV_CACHE"):
        find_or_fetch(tmp_path, "heavy")


@needs_posix
@pytest.mark.parametrize("name", ["n" * 255, LONG, os.fsdecode(b"\xff\xfe.npz"), "a\nb.npz"])
def test_files_and_folders_may_be_called_anything(tmp_path, name):
    save_arrays(tmp_path / name, "thing", 1, {"x": np.arange(3)})
    assert load_arrays(tmp_path / name, "thing", 1)["x"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    folder = tmp_path / "runs" / name
    folder.mkdir(parents=True)
    with lock_folder(folder):
        write_json(folder / "config.json", {"video": Path(name)})
        assert run_stage(folder, Stage("1_pose", 1, {}, {}, lambda work: Made("made", {}))).folder.is_dir()


def test_long_names_stay_different_when_they_are_shortened(tmp_path):
    one, two = (Path(f"{'n' * 240}{end}.mp4") for end in "ab")
    assert run_name(one) != run_name(two) and len(run_name(one)) == 120
    assert shorten("ä" * 150, 200) != shorten("ä" * 151, 200) and len(os.fsencode(shorten("ä" * 150, 200))) <= 200
    assert run_name(Path("my flip.mp4")) == "my_flip"
    with replace_file(tmp_path / ("x" * 255)) as temporary:
        temporary.touch()
        assert len(temporary.name) < 255


@needs_posix
def test_a_page_can_name_a_file_whose_name_is_no_text(tmp_path):
    (tmp_path / "page.html").write_text("<p>{{ name }}</p>")
    assert render_page(tmp_path / "page.html", name=os.fsdecode(b"\xff.mp4")) == "<p>?.mp4</p>"


def test_a_terminal_without_umlauts_ends_no_command():
    program = PROGRAM.replace('print("on", flush=True)', "print(chr(252))").replace("time.sleep(60)", "pass")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii:strict"}
    environment |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=False)
    assert done.returncode == 0 and done.stdout.strip() == b"\\xfc", done.stderr


@pytest.mark.parametrize(("chosen", "said"), [("disable", "cannot draw"), ("fbo", "no such way to draw")])
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="MUJOCO_GL chooses on Linux")
def test_a_machine_that_cannot_draw_is_one_line_before_any_work(tmp_path, chosen, said):
    done = subprocess.run(
        [sys.executable, "-m", "sfv", "clip", "--video=film.mp4"],
        env=os.environ | {"MUJOCO_GL": chosen, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and said in line and not list(tmp_path.iterdir())
