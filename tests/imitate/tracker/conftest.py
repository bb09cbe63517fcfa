import numpy as np
import pytest

from imitate.env.task import Task
from imitate.rollout import Rollout
from imitate.tracker.prepare import Prepared
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import Verdict
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec, multiply, rotate


def glide(frames: int, speed: float = 1.0, yaw: float = 0.0, raised: float = 0.0) -> ReferenceMotion:
    """The humanoid at rest moves along x [m/s] while an arm is raised further and further, all turned by yaw [rad]."""
    character = load_character("humanoid")
    model = character.model
    qpos = np.repeat(model.qpos0[None], frames, axis=0)
    qpos[:, 0] += speed * np.arange(frames) / 30.0
    start = model.joint("right_shoulder").qposadr[0]
    qpos[:, start : start + 4] = from_rotvec(np.outer(raised * np.linspace(0.0, 1.0, frames), [1.0, 0.0, 0.0]))
    turn = from_rotvec(np.array([0.0, 0.0, yaw]))
    qpos[:, :3] = rotate(turn, qpos[:, :3])
    qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
    return ReferenceMotion(
        qpos, 30.0, character.name, character.height, character.joint_names,
        np.zeros((frames, len(character.contacts)), dtype=bool), tuple(character.contacts),
    )  # fmt: skip


def make_prepared(name: str, motion: ReferenceMotion, seed: int = 0) -> Prepared:
    """A segment whose controller has gains by chance, around a performance a little beside the reference."""
    task, rng = Task(load_character("humanoid"), motion), np.random.default_rng(seed)
    reference, (nu, nv) = task.reference(0.0), (task.model.nu, task.model.nv)
    frames = len(reference)
    qpos = reference.qpos.copy()
    qpos[:, 2] += 0.01
    none = np.zeros(frames)
    return Prepared(
        name,
        "walk",
        motion,
        Draft(
            Rollout(qpos, reference.qpos, {"pose": none}, False, 30.0),
            Verdict(none == 0, ("",) * frames, none, none, none),
            0.05 * rng.standard_normal((frames - 1, nu)),
            reference.qvel + 0.1,
            0.05 * rng.standard_normal((frames - 1, nu, 2 * nv)),
        ),
    )


@pytest.fixture(scope="session")
def prepared() -> list[Prepared]:
    return [make_prepared("a", glide(12, raised=1.0)), make_prepared("b", glide(24, 0.5, 1.0), seed=1)]
