"""Stages: done once, redone when they must be, continued after a kill, and never trusted when damaged."""

import json
from pathlib import Path

import pytest

from pose.errors import InputError
from pose.progress import Progress
from sfv.run_folder import open_run, run_name
from sfv.stage import run_stage


class Counted:
    """A stage that notes how often it was made and what an earlier attempt had left."""

    def __init__(self, text: str = "text", fail: BaseException | None = None):
        self.text, self.fail, self.calls, self.found = text, fail, 0, ""

    def __call__(self, folder: Path, progress: Progress) -> tuple[str, dict]:
        self.calls += 1
        checkpoint = folder / "checkpoint"
        self.found = checkpoint.read_text() if checkpoint.exists() else ""
        checkpoint.write_text("half")
        progress(1, 2, "note")
        if self.fail:
            raise self.fail
        (folder / "out.txt").write_text(self.text)
        return "summary", {"metric": 1.5}


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"frames")
    return path


def run(root: Path, make: Counted, video: Path, config: dict | None = None, budget: dict | None = None):
    return run_stage(root, "1_pose/a", make, config or {"weight": 1}, {"video": video}, budget)


def test_done_once(tmp_path, video):
    make = Counted()
    first, second = run(tmp_path, make, video), run(tmp_path, make, video)
    assert make.calls == 1 and not first.skipped and second.skipped
    assert second.metrics == {"metric": 1.5} and second.summary == "summary"
    assert (second.folder / "out.txt").read_text() == "text"


def test_changed_config_or_input_redoes(tmp_path, video):
    make = Counted()
    run(tmp_path, make, video)
    run(tmp_path, make, video, {"weight": 2})
    assert make.calls == 2 and make.found == ""
    video.write_bytes(b"other frames")
    run(tmp_path, make, video, {"weight": 2})
    assert make.calls == 3


def test_larger_budget_continues(tmp_path, video):
    make = Counted()
    run(tmp_path, make, video, budget={"minutes": 1})
    run(tmp_path, make, video, budget={"minutes": 2})
    assert make.calls == 2 and make.found == "half"


@pytest.mark.parametrize("content", [b"", b"tex"])
def test_damaged_artefact_is_redone(tmp_path, video, content):
    make = Counted()
    folder = run(tmp_path, make, video).folder
    (folder / "out.txt").write_bytes(content)
    assert not run(tmp_path, make, video).skipped
    assert (folder / "out.txt").read_text() == "text"


def test_truncated_stage_json_is_not_trusted(tmp_path, video):
    make = Counted()
    path = run(tmp_path, make, video).folder / "stage.json"
    path.write_text(path.read_text()[:40])
    assert not run(tmp_path, make, video).skipped
    assert json.loads(path.read_text())["summary"] == "summary"


def test_interrupted_work_is_continued(tmp_path, video):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Counted(fail=KeyboardInterrupt()), video)
    assert not (tmp_path / "1_pose/a").exists()
    make = Counted()
    run(tmp_path, make, video)
    assert make.found == "half"


def test_interrupted_work_of_another_config_is_dropped(tmp_path, video):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Counted(fail=KeyboardInterrupt()), video)
    make = Counted()
    run(tmp_path, make, video, {"weight": 2})
    assert make.found == ""


def test_killed_between_the_two_renames(tmp_path, video):
    make = Counted()
    folder = run(tmp_path, make, video).folder
    folder.rename(folder.with_name("a.partial"))
    assert run(tmp_path, make, video).skipped and make.calls == 1


def test_input_error_leaves_nothing(tmp_path, video):
    root = tmp_path / "run"
    with pytest.raises(InputError), open_run(root, video, {}):
        run(root, Counted(fail=InputError("no person")), video)
    assert not root.exists()


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
    ],
)
def test_run_name(name, expected):
    assert run_name(Path(name)) == expected
