"""Stages: done once, redone when they must be and only then, continued after a kill, never trusted when damaged."""

import json
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from sfv import stage as stage_module
from sfv.run_folder import open_run, run_name
from sfv.stage import CHECKPOINT, Made, Stage, Work, explain_change, plain, run_stage


class FakeMaker:
    """A maker that counts its calls and notes what an earlier attempt had left."""

    def __init__(self, text: str = "text", fail: BaseException | None = None):
        self.text, self.fail, self.calls, self.found = text, fail, 0, ""

    def __call__(self, work: Work) -> Made:
        self.calls += 1
        checkpoint = work.folder / "checkpoint"
        self.found = checkpoint.read_text() if checkpoint.exists() else ""
        checkpoint.write_text("half")
        work.progress(1, 2, "note")
        if self.fail:
            raise self.fail
        (work.folder / "sub").mkdir(exist_ok=True)
        (work.folder / "sub" / "out.txt").write_text(self.text)
        return Made("summary", {"metric": np.float64(1.5), "missing": float("nan")})


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"frames")
    return path


def make_stage(make: FakeMaker, video: Path, weight: float = 1.0, minutes: float = 1.0, version: int = 1) -> Stage:
    config = {"imitate": {"weight": weight, "minutes": minutes}}
    return Stage("1_pose/a", version, config, {"video": video}, make, budget=("imitate.minutes",))


def test_done_once_and_returned_the_same(tmp_path, video):
    make = FakeMaker()
    first, second = (run_stage(tmp_path, make_stage(make, video)) for _ in range(2))
    assert make.calls == 1
    assert first.metrics == second.metrics == {"metric": 1.5, "missing": None}
    assert first.summary == second.summary == "summary"
    assert first.cpu_seconds == second.cpu_seconds is not None
    assert second["sub/out.txt"].read_text() == "text"
    assert second.find("sub/out.txt", "nothing.npz") == {"out": second.folder / "sub/out.txt"}


@dataclass(frozen=True)
class Program:
    """A little pipeline of five fakes with the arrows of the real one: config, versions and what the user gave."""

    text: str = "frames"
    config: dict = field(default_factory=lambda: dict.fromkeys(["pose", "motion", "draft", "policy", "result"], 1))
    versions: dict = field(default_factory=lambda: dict.fromkeys(["pose", "motion", "draft", "policy", "result"], 1))

    def run(self, root: Path) -> list[str]:
        """Runs it; returns the stages that were made, not found done."""
        root.mkdir(exist_ok=True)
        (root / "video").write_text(self.text)
        made: list[str] = []

        def run(name: str, **inputs: Path) -> Path:
            def copy_inputs(work: Work) -> Made:
                made.append(name)
                text = "".join(path.read_text() for path in work.inputs.values())
                (work.folder / "out").write_text(f"{work.config} {text}")
                return Made("", {})

            return run_stage(root, Stage(name, self.versions[name], self.config[name], inputs, copy_inputs))["out"]

        pose = run("pose", video=root / "video")
        motion = run("motion", keypoints=pose)
        draft = run("draft", motion=motion)
        policy = run("policy", motion=motion, draft=draft)
        run("result", motion=motion, policy=policy, film=pose)
        return made


def change(program: Program, group: str, name: str) -> Program:
    return replace(program, **{group: {**getattr(program, group), name: 2}})


@pytest.mark.parametrize("group", ["config", "versions"])
@pytest.mark.parametrize(
    ("name", "redone"),
    [
        ("pose", "pose motion draft policy result"),
        ("motion", "motion draft policy result"),
        ("draft", "draft policy result"),
        ("policy", "policy result"),
        ("result", "result"),
    ],
)
def test_a_changed_option_redoes_what_depends_on_it(tmp_path, group, name, redone):
    program = Program()
    assert program.run(tmp_path / "run") == ["pose", "motion", "draft", "policy", "result"]
    assert program.run(tmp_path / "run") == []
    again = change(program, group, name).run(tmp_path / "run")
    # A new version whose output is the same, to the last bit, redoes nothing further.
    assert again == (redone.split() if group == "config" else [name])


@pytest.mark.parametrize("name", ["pose", "motion", "draft", "policy", "result"])
def test_a_damaged_artefact_is_made_again_alone(tmp_path, name):
    Program().run(tmp_path / "run")
    (tmp_path / "run" / name / "out").write_text("x")
    assert Program().run(tmp_path / "run") == [name]
    assert Program().run(tmp_path / "run") == []


def test_a_changed_input_redoes_all_that_follows(tmp_path):
    Program().run(tmp_path / "run")
    assert Program("other frames").run(tmp_path / "run") == ["pose", "motion", "draft", "policy", "result"]


@pytest.mark.parametrize("version", [0, -1, None, "2", True, 1.0])
def test_a_stage_without_a_version_does_not_construct(video, version):
    with pytest.raises(ValueError, match="version"):
        make_stage(FakeMaker(), video, version=version)
    with pytest.raises(TypeError):
        Stage(name="1_pose", config={}, inputs={}, make=FakeMaker())  # type: ignore[call-arg]  # pyright: ignore


@pytest.mark.parametrize("name", ["a b", "a:b", "c:/x", "a?", "", "a//b", "../a", "a.", 'a"b', "a\\b"])
def test_names_that_some_system_forbids(name):
    with pytest.raises(ValueError, match="legal on every system"):
        Stage(name, 1, {}, {}, FakeMaker())


def test_the_format_counts(tmp_path, video, monkeypatch):
    make = FakeMaker()
    run_stage(tmp_path, make_stage(make, video))
    monkeypatch.setattr(stage_module, "FORMAT_VERSION", stage_module.FORMAT_VERSION + 1)
    run_stage(tmp_path, make_stage(make, video))
    assert make.calls == 2


def test_a_larger_budget_continues_and_is_recorded(tmp_path, video):
    make = FakeMaker()
    run_stage(tmp_path, make_stage(make, video, minutes=1.0))
    result = run_stage(tmp_path, make_stage(make, video, minutes=2.0))
    assert make.calls == 2 and make.found == "half"
    record = json.loads(result["stage.json"].read_text())
    assert record["budget"] == {"minutes": 2.0} and record["config"] == {"imitate": {"weight": 1.0}}
    run_stage(tmp_path, make_stage(make, video, weight=2.0, minutes=2.0))
    assert make.found == ""


def test_the_record_is_legal_everywhere_and_names_the_command(tmp_path, video):
    result = run_stage(tmp_path, make_stage(FakeMaker(), video), "python -m sfv clip")
    record = json.loads(result["stage.json"].read_text())
    assert record["command"] == "python -m sfv clip" and record["version"] == 1
    assert set(record["outputs"]) == {"checkpoint", "sub/out.txt"}  # slashes on Windows, too


def test_what_changed_is_named():
    before = {"version": 1, "config": {"a": {"b": 1}, "gone": 1}, "inputs": {"video": "x"}, "summary": "no matter"}
    now = {"version": 2, "config": {"a": {"b": 2}}, "inputs": {"video": "x", "camera": "y"}}
    assert explain_change(before, now) == "version, config.a.b, inputs.camera and more changed"
    assert explain_change(before, {**before, "inputs": {"video": "z"}}) == "inputs.video changed"


def test_truncated_record_is_not_trusted(tmp_path, video):
    make = FakeMaker()
    path = run_stage(tmp_path, make_stage(make, video))["stage.json"]
    path.write_text(path.read_text()[:40])
    run_stage(tmp_path, make_stage(make, video))
    assert make.calls == 2
    assert json.loads(path.read_text())["summary"] == "summary"


@pytest.mark.parametrize(("weight", "found"), [(1.0, "half"), (2.0, "")])
def test_interrupted_work_is_continued_unless_the_config_changed(tmp_path, video, weight, found):
    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, make_stage(FakeMaker(fail=KeyboardInterrupt()), video))
    assert not (tmp_path / "1_pose/a").exists()
    make = FakeMaker()
    run_stage(tmp_path, make_stage(make, video, weight))
    assert make.found == found


def test_a_budget_that_is_cut_short_keeps_the_finished_stage(tmp_path, video):
    run_stage(tmp_path, make_stage(FakeMaker(), video))
    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, make_stage(FakeMaker(fail=KeyboardInterrupt()), video, minutes=2.0))
    other = FakeMaker()
    run_stage(tmp_path, make_stage(other, video))
    assert other.calls == 0


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
def test_killed_at_the_renames(tmp_path, video, monkeypatch, renames, first):
    """Killed before, between or after the renames: complete work is kept, and the next run finds it done."""
    if not first:
        run_stage(tmp_path, make_stage(FakeMaker("old"), video, weight=0.0))
    left = [renames]

    def die(*paths: Path) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        move(*paths)

    move, make = os.replace, FakeMaker()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stage_module, "write_json", lambda path, content: path.write_text(json.dumps(plain(content))))
        patch.setattr(stage_module.os, "replace", die)
        patch.setattr(stage_module.shutil, "rmtree", lambda path: die(path, path))
        run_stage(tmp_path, make_stage(make, video))
        raise KeyboardInterrupt  # where fewer renames are needed than the kill waits for
    result = run_stage(tmp_path, make_stage(make, video))
    assert make.calls == 1 and result["sub/out.txt"].read_text() == "text"
    assert not result["stage.json"].with_name(".key").exists()
    run_stage(tmp_path, make_stage(make, video))
    assert make.calls == 1
    shutil.rmtree(tmp_path / "1_pose")


def test_input_error_leaves_nothing(tmp_path, video):
    root = tmp_path / "run"
    with pytest.raises(InputError), open_run(root, video, {}):
        run_stage(root, make_stage(FakeMaker(fail=InputError("no person")), video))
    assert not root.exists()


def test_input_error_after_hours_of_training_loses_nothing(tmp_path, video):
    """A file that the training needs was moved away meanwhile."""
    root = tmp_path / "run"

    class Trainer(FakeMaker):
        def __call__(self, work: Work) -> Made:
            (work.folder / CHECKPOINT).touch()
            return super().__call__(work)

    with open_run(root, video, {}):
        with pytest.raises(InputError):
            run_stage(root, make_stage(Trainer(fail=InputError("no body")), video))
        again = Trainer()
        run_stage(root, make_stage(again, video))
    assert again.found == "half"


def test_run_is_locked_and_belongs_to_one_video(tmp_path, video):
    root = tmp_path / "run"
    with open_run(root, video, {}), pytest.raises(InputError, match="another run"), open_run(root, video, {}):
        pass
    with open_run(root, video, {}):
        (root / "hour_of_training").touch()
    other = tmp_path / "other.mp4"
    other.write_bytes(b"other")
    with pytest.raises(InputError, match="another video"), open_run(root, other, {}):
        pass
    assert (root / "hour_of_training").exists()


def test_who_comes_second_to_a_new_folder_does_not_remove_it(tmp_path, video, monkeypatch):
    """Both find no folder; before the second one takes the lock, the first one has made it and taken it."""
    root, first = tmp_path / "new" / "run", ExitStack()

    def be_overtaken(folder: Path) -> None:
        monkeypatch.undo()
        first.enter_context(open_run(folder, video, {}))

    monkeypatch.setattr("sfv.run_folder.make_folder", be_overtaken)
    with pytest.raises(InputError, match="another run"), open_run(root, video, {}):
        pass
    assert (root / "config.json").is_file()
    first.close()
    assert not root.parent.exists()  # by the one that held the lock: it has made nothing


def test_foreign_folder_is_left_alone(tmp_path, video):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds no run"), open_run(tmp_path / "home", video, {}):
        pass
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my flip.mp4", "my_flip"),
        ("-rf.mp4", "rf"),
        ("$(reboot);'\".mp4", "reboot"),
        ("....mp4", "clip"),
        ("a.b.mov", "a.b"),
        ("con.mp4", "clip_con"),  # devices on Windows, with any ending
        ("LPT1.take.mp4", "clip_LPT1.take"),
        ("console.mp4", "console"),
    ],
)
def test_run_name(name, expected):
    assert run_name(Path(name)) == expected
