"""Several skills performed at the same time in one simulation: who comes when, who falls, who touches whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Performer
from imitate.scene.scene import CONTROL_HZ, SUBSTEPS
from imitate.together.stage import build_stage
from pose.archive import load_as, save_arrays
from pose.progress import Progress, silent
from reconstruct import rotations
from reconstruct.characters.several import Part, find_parts
from reconstruct.together.shared_world import Place

FORMAT_VERSION = 1
WAITING, ACTING, FALLEN, GONE = range(4)
"""What somebody does: is not there yet, performs, has fallen and lies limp, has finished and left."""


@dataclass(frozen=True, eq=False)
class Player:
    """Somebody who takes part: a skill, and where and when it is performed."""

    task: Task
    policy: Performer
    place: Place


@dataclass(frozen=True)
class Performance:
    """What several did together, in T frames at the control rate, in the shared world."""

    qpos: tuple[np.ndarray, ...]
    """Poses of each, (T, nq); of somebody who waits the first one, of somebody who has left the last one."""
    reference_qpos: tuple[np.ndarray, ...]
    """The references at the same times, (T, nq)."""
    state: np.ndarray
    """What each does (`WAITING` ... `GONE`), (N, T)."""
    reward: np.ndarray
    """Reward of each, (N, T); 0 where it does not act."""
    depth: np.ndarray
    """Greatest depth to which any two are in each other [m], 0 where they touch or are apart, (T,)."""
    touching: np.ndarray
    """Whether any two touch each other, bool (T,)."""
    steps: np.ndarray
    """Control steps in each reference, (N,)."""
    fps: float = float(CONTROL_HZ)

    @property
    def times(self) -> np.ndarray:
        """Of the frames [s], (T,)."""
        return np.arange(self.state.shape[1]) / self.fps

    def relative_error(self) -> float:
        """Mean error of where each person is as seen from each other one, while both perform [m]; NaN if none do."""
        errors, acting = list[float](), self.state == ACTING
        for a in range(len(self.qpos)):
            for b in range(a + 1, len(self.qpos)):
                both = acting[a] & acting[b]
                way, wanted = (rows[b][both, :3] - rows[a][both, :3] for rows in (self.qpos, self.reference_qpos))
                errors += np.linalg.norm(way - wanted, axis=1).tolist()
        return float(np.mean(errors)) if errors else float("nan")

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        own = {f"qpos_{n}": qpos for n, qpos in enumerate(self.qpos)}
        own |= {f"reference_qpos_{n}": qpos for n, qpos in enumerate(self.reference_qpos)}
        more = {name: getattr(self, name) for name in ("state", "reward", "depth", "touching", "steps", "fps")}
        save_arrays(path, "group performance", FORMAT_VERSION, own | more)

    @classmethod
    def load(cls, path: Path) -> "Performance":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "group performance", FORMAT_VERSION, cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Performance":
        people = range(len(arrays["state"]))
        return cls(
            qpos=tuple(arrays[f"qpos_{n}"] for n in people),
            reference_qpos=tuple(arrays[f"reference_qpos_{n}"] for n in people),
            state=arrays["state"],
            reward=arrays["reward"],
            depth=arrays["depth"],
            touching=arrays["touching"].astype(bool),
            steps=arrays["steps"],
            fps=float(arrays["fps"]),
        )


def perform_together(players: Sequence[Player], progress: Progress = silent) -> Performance:
    """Performs all skills in one simulation, each by its own policy's mean actions, from the first to the last frame.

    A policy sees its own body as in training; of the others it only feels what they push. Who has fallen lies limp and
    stays in the others' way; who is not there yet, or has left, touches nothing.

    Raises:
      InputError: a policy is for another body or version.
    """
    stage = _Stage(players)
    steps = max(one.begin + one.last for one in stage.actors)
    for k in range(steps + 1):
        if k:
            stage.step()
        stage.enter(k)
        stage.record()
        progress(k + 1, steps + 1, "performing together")
    return stage.performance()


class _Actor:
    """One of those on the stage, with an environment of its own that observes and evaluates."""

    def __init__(self, player: Player, part: Part) -> None:
        self.policy, self.part, self.place = player.policy, part, player.place
        self.env = ImitationEnv.for_policy(player.policy, player.task, 1, player.task.motion.duration)
        self.begin, self.last = round(player.place.begin * CONTROL_HZ), len(self.env.reference) - 1
        self.turn = rotations.from_rotvec(np.array([0.0, 0.0, player.place.yaw]))
        self.shift = np.array([player.place.x, player.place.y, 0.0])
        self.state, self.reward = WAITING, 0.0
        first = np.zeros(1, dtype=np.int64)
        self.env.start(first, offset=self.env.rest(first))
        player.policy.forget(np.zeros(1, dtype=np.int64))

    def to_world(self, qpos: np.ndarray, qvel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A state (nq,), (nv,) of the skill's own world in the shared one; rotations' rates have the body's axes."""
        qvel = qvel.copy()
        qvel[:3] = rotations.rotate(self.turn, qvel[:3])
        return self.place.put(qpos[None])[0], qvel

    def to_own(self, qpos: np.ndarray, qvel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The opposite of `to_world`."""
        back, qpos, qvel = rotations.conjugate(self.turn), qpos.copy(), qvel.copy()
        qpos[:3] = rotations.rotate(back, qpos[:3] - self.shift)
        qpos[3:7] = rotations.multiply(back, qpos[3:7])
        qvel[:3] = rotations.rotate(back, qvel[:3])
        return qpos, qvel

    def choose_targets(self) -> np.ndarray:
        """Targets of the servos, (nu,): the policy's, or none where the body has fallen."""
        if self.state == ACTING:
            return self.env.targets(self.policy.act(self.env.observe()))[0]
        return self.env.joints.rotation_vectors(self.env.qpos)[0, self.env.joints.actuator_dof]

    def follow(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Takes over what the common simulation led to."""
        own_qpos, own_qvel = self.to_own(qpos, qvel)
        result = self.env.follow(own_qpos[None], own_qvel[None])
        self.reward = 0.0
        if self.state == ACTING:
            self.state = FALLEN if result.terminated[0] else GONE if self.env.frame[0] >= self.last else ACTING
            self.reward = 0.0 if self.state == FALLEN else float(result.reward[0])


class _Stage:
    """The simulation, and what has been recorded of it."""

    def __init__(self, players: Sequence[Player]) -> None:
        bodies = [player.task.character for player in players]
        self.model = build_stage(bodies)
        self.data = mujoco.MjData(self.model)
        parts = find_parts(self.model, bodies)
        self.actors = [_Actor(player, part) for player, part in zip(players, parts, strict=True)]
        self.owner = np.full(self.model.ngeom, -1)
        for number, part in enumerate(parts):
            self.owner[part.geoms] = number
        self._bits = self.model.geom_contype.copy(), self.model.geom_conaffinity.copy()
        self.frames = list[dict[str, Any]]()
        for actor in self.actors:
            self._hold(actor)

    def enter(self, k: int) -> None:
        """Lets those begin whose time has come, and takes those away who have finished."""
        for actor in self.actors:
            if actor.state == WAITING and k == actor.begin:
                actor.state = ACTING
                self._hold(actor)
            self._set_solid(actor.part, actor.state in (ACTING, FALLEN))
        mujoco.mj_forward(self.model, self.data)

    def step(self) -> None:
        """One control step of everybody."""
        for actor in self.actors:
            self.data.ctrl[actor.part.ctrl] = actor.choose_targets()
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        for actor in self.actors:
            if actor.state in (ACTING, FALLEN):
                actor.follow(self.data.qpos[actor.part.qpos], self.data.qvel[actor.part.qvel])
            else:
                actor.reward = 0.0
                self._hold(actor)

    def _hold(self, actor: _Actor) -> None:
        """Puts somebody to where the own environment is."""
        qpos, qvel = actor.to_world(actor.env.qpos[0], actor.env.qvel[0])
        self.data.qpos[actor.part.qpos] = qpos
        self.data.qvel[actor.part.qvel] = qvel if actor.state == ACTING else 0.0

    def _set_solid(self, part: Part, solid: bool) -> None:
        for now, bits in zip((self.model.geom_contype, self.model.geom_conaffinity), self._bits, strict=True):
            now[part.geoms] = bits[part.geoms] if solid else 0

    def record(self) -> None:
        """Notes where everybody is, and who touches whom."""
        contacts = self.data.contact
        owners = self.owner[contacts.geom] if self.data.ncon else np.zeros((0, 2), dtype=int)
        mutual = (owners >= 0).all(axis=1) & (owners[:, 0] != owners[:, 1])
        distance = contacts.dist[mutual] if self.data.ncon else np.zeros(0)
        self.frames.append(
            {
                "qpos": [self.data.qpos[actor.part.qpos].copy() for actor in self.actors],
                "reference": [actor.place.put(actor.env.reference.qpos[actor.env.frame])[0] for actor in self.actors],
                "state": [actor.state for actor in self.actors],
                "reward": [actor.reward for actor in self.actors],
                "depth": max(0.0, -float(distance.min(initial=0.0))),
                "touching": bool((distance < 0).any()),
            }
        )

    def performance(self) -> Performance:
        """All of it."""
        people, frames = range(len(self.actors)), self.frames
        return Performance(
            qpos=tuple(np.array([frame["qpos"][n] for frame in frames]) for n in people),
            reference_qpos=tuple(np.array([frame["reference"][n] for frame in frames]) for n in people),
            state=np.array([frame["state"] for frame in frames]).T,
            reward=np.array([frame["reward"] for frame in frames]).T,
            depth=np.array([frame["depth"] for frame in frames]),
            touching=np.array([frame["touching"] for frame in frames]),
            steps=np.array([actor.last for actor in self.actors]),
        )
