"""The real command line: bad input gets one clear line, exit code 2, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pytest

from pose.video import VideoWriter
from sfv import cli
from tests.samples import call_cli

ROOT = Path(__file__).parents[2]


def sfv(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sfv", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error:")
    for word in words:
        assert word in last


@pytest.fixture(scope="module")
def grey_video(tmp_path_factory) -> Path:
    """A second of grey noise: a video, and nobody in it."""
    path = tmp_path_factory.mktemp("video") / "grey.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, 30.0, (320, 240)) as writer:
        for _ in range(30):
            writer.write(rng.integers(100, 120, (240, 320, 3), dtype=np.uint8))
    return path


def test_help_is_quick_and_names_the_commands(tmp_path):
    done = sfv("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("clip", "demo", "doctor", "bench"):
        assert command in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_reader_who_has_seen_enough_ends_the_help_in_silence(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)  # nobody reads
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "sfv", "--help"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=pipe, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.stderr == b"" and done.returncode == 1


def test_clip_help_lists_every_variable_of_the_makefile(tmp_path):
    done = call_cli("clip", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for flag in ["video", "motion", "start", "end", "person", "height", "character", "scene", "minutes", "seed", "out"]:
        assert f"--{flag} " in done.stdout, flag


def test_unknown_command(tmp_path):
    assert_one_line(sfv("clipp", cwd=tmp_path), "unknown command 'clipp'", "did you mean clip?")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bench", "trian"), "known ones: bench live, "),
        (("retraget",), "did you mean retarget"),
        (("xyz",), "'xyz'; sfv --help lists all"),
    ],
)
def test_an_unknown_command_is_followed_by_what_may_have_been_meant(capsys, words, said):
    with pytest.raises(SystemExit, match="2"):
        cli.main(list(words))
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("number", sorted(cli.SURROUNDINGS))
def test_faults_of_the_machine_are_one_line(monkeypatch, capsys, number):
    def fail(name, arguments):
        raise OSError(number, os.strerror(number), "file:runs/a.mp4")

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main(["play"])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "(runs/a.mp4); " in said


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def fail(name, arguments):
        raise MemoryError

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["play"])
    assert "not enough memory; give a shorter part" in capsys.readouterr().err


def test_unknown_option(tmp_path):
    done = call_cli("clip", "--vidoe=x", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"not a video at all" * 100], ids=["missing", "empty", "text"])
def test_file_that_is_no_video(tmp_path, content):
    video = tmp_path / "my -$(x); 'flip'.mp4"
    if content is not None:
        video.write_bytes(content)
    assert_one_line(call_cli("clip", f"--video={video}", cwd=tmp_path), "flip")
    assert not (tmp_path / "runs").exists()


def test_motion_file_that_cannot_be_used(tmp_path):
    (tmp_path / "walk.txt").write_text("no motion")
    for arguments, word in (
        (["--motion=walk.txt"], "walk.txt"),
        (["--motion=gone.npz"], "no such file"),
        (["--motion=walk.txt", "--video=walk.mp4"], "exclude each other"),
    ):
        assert_one_line(call_cli("clip", *arguments, cwd=tmp_path), word)
    assert not (tmp_path / "runs").exists()


def test_truncated_video(tmp_path, grey_video):
    video = tmp_path / "cut.mp4"
    video.write_bytes(grey_video.read_bytes()[:200])
    assert_one_line(call_cli("clip", f"--video={video}", cwd=tmp_path), "cut.mp4")
    assert not (tmp_path / "runs").exists()


def test_start_past_the_end(tmp_path, grey_video):
    assert_one_line(call_cli("clip", f"--video={grey_video}", "--start=5", cwd=tmp_path), "grey.mp4")
    assert not list(tmp_path.rglob("*.npz"))


def test_nobody_in_the_video(tmp_path, grey_video):
    done = sfv("clip", f"--video={grey_video}", cwd=tmp_path)
    if "weights" in done.stderr:
        pytest.skip("the pose network's weights cannot be had on this machine")
    assert_one_line(done, "person")
    assert not list(tmp_path.rglob("*.npz")) and not (tmp_path / "runs/grey").exists()


def test_unknown_character(tmp_path, grey_video):
    assert_one_line(call_cli("clip", f"--video={grey_video}", "--character=r2d2", cwd=tmp_path), "r2d2", "humanoid")


def test_unknown_scene(tmp_path, grey_video):
    assert_one_line(call_cli("clip", f"--video={grey_video}", "--scene=moon", cwd=tmp_path), "moon", "flat")


def test_two_runs_on_one_folder(tmp_path, grey_video):
    out = tmp_path / "run"
    out.mkdir()
    (out / "config.json").write_text("{}")
    with filelock.FileLock(out / ".lock"):
        assert_one_line(call_cli("clip", f"--video={grey_video}", f"--out={out}", cwd=tmp_path), "another run")


def test_films_without_a_name_take_no_place_of_the_users_own(tmp_path):
    """A run is called as its video: `sfv play my_flip`, `sfv demo walk` beside my_flip.mp4 and walk.mp4 keep these."""
    (tmp_path / "walk.mp4").write_bytes(b"mine")
    assert_one_line(call_cli("demo", "walk", cwd=tmp_path), "walk.mp4", "-o NAME.mp4")
    assert (tmp_path / "walk.mp4").read_bytes() == b"mine"


def test_runs_that_an_option_does_not_fit_are_said_in_one_line(tmp_path):
    for place in (tmp_path, tmp_path / "person1"):
        (place / "4_result" / "humanoid").mkdir(parents=True)
        (place / "config.json").write_text("{}")
    for words, said in (
        (f"retarget --clip {tmp_path} --character atlas", "person1"),
        (f"export --clip {tmp_path}", "person1"),
        (f"render --clip {tmp_path}", "person1"),
    ):
        assert_one_line(call_cli(*words.split(), cwd=tmp_path), said)
    (tmp_path / "4_result" / "humanoid" / "rollout.npz").write_bytes(b"")
    shipping = ("export", "--clip", str(tmp_path), "--skill", "../mine", "--licence", "CC0")
    assert_one_line(call_cli(*shipping, cwd=tmp_path), "letters, digits")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("learn bandit --seed=-1", "--seed -1"),
        ("learn pong --seed=-1", "--seed -1"),
        ("demo walk --seed=-1", "--seed -1"),
        ("demo walk -o film.gif", "written as .mp4"),
        ("play walk -o .", "a folder"),
        ("play walk --size 0 0", "16 to 4096"),
        ("table walk.mp4 --seeds 0", "1 or more seeds"),
        ("clip --keypoints=points.json", "--video"),
        ("clip --motion=walk.npz --speed 2", "--fps"),
        ("clip --motion=walk.npz --minutes -1", "positive"),
        ("clip --motion=walk.npz --track.stride 0", "track.stride 0"),
    ],
)
def test_options_that_make_no_sense_are_said_before_any_work(words, said, tmp_path):
    assert_one_line(call_cli(*words.split(), cwd=tmp_path), said)
    assert not list(tmp_path.iterdir())
