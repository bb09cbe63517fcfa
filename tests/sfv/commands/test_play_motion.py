"""`sfv play --motion`: a motion file is performed at once, and what came of it is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imitate.env.config import EnvConfig
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.rollout import Rollout
from imitate.tracker.env import TrackerEnv
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import Verdict
from imitate.tracking.track import TrackConfig, Tracking, track_motion
from pose.video import probe
from reconstruct.motion import ReferenceMotion
from sfv.commands import play_motion
from sfv.commands.play_motion import FilePart, PerformedFile, perform_file
from tests.samples import CHARACTER, call_cli, standing


def squat() -> ReferenceMotion:
    """Half a second in which the humanoid bends its knees a little."""
    motion, model = standing(16), CHARACTER.model
    qpos, bend = motion.qpos.copy(), 0.1 * np.sin(np.linspace(0.0, np.pi, 16))
    for side in ("left", "right"):
        qpos[:, model.joint(f"{side}_knee").qposadr[0]] += bend
    return replace(motion, qpos=qpos)


QUICK = TrackConfig(horizon=5, stride=5, first_iterations=2, iterations=1, final_iterations=0, loop_seconds=0.1)


def keep_tracker(path: Path, bias: float) -> None:
    """A tracker that moves all servos' targets by `bias` [rad] from the file's next pose."""
    layout = TrackerEnv.of_tasks([Task(CHARACTER, standing(4))], EnvConfig(), 1).policy_layout((8,))
    policy = Policy(layout)
    last = policy.actor[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(bias / layout.action_scale)
    policy.save_actor(path)


def test_a_tracker_performs_it_and_where_it_falls_tracking_control_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    squat().save(tmp_path / "squat.npz")
    tracked = list[Task]()

    def track(task: Task, config: TrackConfig, progress: object = None) -> Tracking:
        tracked.append(task)
        return track_motion(task, QUICK)

    monkeypatch.setattr(play_motion, "track_motion", track)
    for bias, controlled in ((0.0, 0), (2.0, 1)):
        keep_tracker(tmp_path / "tracker.pt", bias)
        file = FilePart(tracker=tmp_path / "tracker.pt")
        done = perform_file(tmp_path / "squat.npz", CHARACTER, file=file)
        assert done.completed and done.error_mm < 100.0 and len(tracked) == controlled
        assert done.describe().startswith("all 0.5 s performed, bodies off by ")
    [said] = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("the tracker falls after 0.") and said.endswith("tracking control performs it")


def test_a_file_is_performed_filmed_and_left_as_a_motion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play_motion, "FAST", QUICK)
    squat().save(tmp_path / "squat.npz")
    (tmp_path / "out.npz").write_text("the user's")
    options = ("--motion", "squat.npz", "--start", "0.1", "--size", "96", "48", "-o", "out.mp4")
    done = call_cli("play", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "all 0.4 s performed" in done.stdout + done.stderr
    assert (tmp_path / "out.npz").read_text() == "the user's"
    simulated = ReferenceMotion.load(tmp_path / "out_simulated.npz")
    assert len(simulated) == 13 and np.abs(simulated.qpos - squat().qpos[3:]).max() < 0.1
    assert not np.array_equal(simulated.qpos, squat().qpos[3:])
    assert (tmp_path / "out_simulated.bvh").is_file()
    assert probe(tmp_path / "out.mp4").width == 96


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--motion", "nosuch.bvh"), "nosuch.bvh"),
        (("walk", "--motion", "squat.npz"), "alone and on the plane"),
        (("--motion", "squat.npz", "--scene", "slope"), "alone and on the plane"),
        (("--motion", "out_simulated.npz", "-o", "out.mp4"), "give another -o"),
        (("--motion", "squat.npz", "--start", "9"), "squat.npz"),
        (("--motion", "squat.npz", "--tracker", "nosuch.pt"), "nosuch.pt: no such file"),
        (("--motion", "squat.npz", "--tracker", "squat.npz"), "squat.npz: damaged or not a policy"),
        (("walk", "--tracker", "nosuch.pt"), "for motion files"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(options: tuple[str, ...], said: str, tmp_path: Path):
    squat().save(tmp_path / "squat.npz")
    done = call_cli("play", *options, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["squat.npz"]


def test_a_fall_says_when():
    motion, zero = standing(31), np.zeros(11)
    verdict = Verdict(np.ones(31, dtype=bool), ("",) * 31, np.zeros(31), np.zeros(31), np.zeros(31))
    rollout = Rollout(motion.qpos[:11], motion.qpos[:11], {"pose": zero}, True, 30.0)
    nv, nu = CHARACTER.model.nv, CHARACTER.model.nu
    draft = Draft(rollout, verdict, np.zeros((10, nu)), np.zeros((11, nv)), np.zeros((10, nu, 2 * nv)))
    metrics = {"draft_completed": 0.0, "draft_return": 0.3, "tracking_world_mpjpe_mm": 12.0}
    found = PerformedFile.of_tracking(Task(CHARACTER, motion), Tracking(draft, metrics))
    assert not found.completed and found.share == pytest.approx(1 / 3)
    assert found.describe() == "falls after 0.3 of 1.0 s (33%), bodies off by 12 mm"
