"""How well a skill holds under loads, on other ground, with weak muscles, and when one of these comes suddenly."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from imitate.adapt.in_use import AdaptingPolicy
from imitate.env.dynamics import DynamicsConfig, columns, nominal_extrinsics
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.muscle_groups import GROUPS
from imitate.env.task import Task
from imitate.policy import Performer
from imitate.robustness import measure_push_survival
from imitate.scene.scene import CONTROL_HZ

SECONDS = 20.0
"""Length of a rollout of a cycle [s]."""
SEED = 1000
"""Of the dynamics that survival is measured in: no seed of a training."""
EVENTS = ("payload", "ice", "weak")
"""What may happen: 40 % of the weight lands on the back, friction falls to .25, the left knee weakens to .7."""
EVENT_SECONDS, EVENT_ROLLOUT_SECONDS = 5.0, 12.0
"""When it happens, and how long it is watched from the beginning [s]."""

AfterStep = Callable[[ImitationEnv, np.ndarray], None]
"""Is called after every control step with the environments and those that still run, bool (N,)."""


@dataclass(frozen=True)
class Survival:
    """Of N rollouts in varied dynamics."""

    upright: np.ndarray
    """Got to the end without a fall, bool (N,)."""
    kept: np.ndarray
    """And was never further than half a metre from the reference, bool (N,)."""
    extrinsics: np.ndarray
    """Of each, (N, E)."""


def measure_survival(
    policy: Performer,
    task: Task,
    dynamics: DynamicsConfig,
    rollouts: int = 100,
    seconds: float = SECONDS,
) -> Survival:
    """Performs the motion in dynamics drawn once for each rollout, from the first frame.

    Args:
      policy: acts by its mean; it gets observations that end with the extrinsics.
      task: on the plane; a loop is performed for `seconds`, a clip once.
      dynamics: ranges.
      rollouts: how many.
      seconds: length of a loop's performance [s].
    """
    config, drawn = EnvConfig(tracking_threshold=np.inf), replace(dynamics, redraw=0.0, seed=SEED)
    env = ImitationEnv.for_policy(policy, task, rollouts, seconds, config, dynamics=drawn)
    kept = np.ones(rollouts, dtype=bool)

    def watch(env: ImitationEnv, running: np.ndarray) -> None:
        offset = env.bodies_xpos[:, 0] - env.reference.bodies[env.frame, 0]
        kept[running & (np.linalg.norm(offset, axis=1) > EnvConfig.tracking_threshold)] = False

    upright = _run(env, policy, watch)
    assert env.dynamics is not None
    return Survival(upright, kept & upright, env.dynamics.values.copy())


def evaluate_adaptation(
    policy: Performer, task: Task, dynamics: DynamicsConfig, rollouts: int, seconds: float
) -> dict[str, float]:
    """Rows of `result.json`: survival in the ranges that were asked for, and of pushes of 240 N.

    Args:
      policy: adapts.
      task: on the plane.
      dynamics: ranges.
      rollouts: how many.
      seconds: length of a rollout of a loop [s].
    """
    survival = measure_survival(policy, task, dynamics, rollouts, seconds)
    return {
        "adapt_success": float(survival.upright.mean()),
        "adapt_kept": float(survival.kept.mean()),
        "push_survival": measure_push_survival(policy, task, seconds, rollouts),
    }


def measure_event(policy: Performer, task: Task, event: str, rollouts: int) -> float:
    """Fraction of rollouts that fall after an event, of a body that is nominal before.

    Args:
      policy: acts by its mean.
      task: a loop on the plane.
      event: one of `EVENTS`.
      rollouts: each starts in another phase, so that the event meets all of them.
    """
    config, nominal = EnvConfig(tracking_threshold=np.inf), DynamicsConfig(redraw=0.0)
    env = ImitationEnv.for_policy(policy, task, rollouts, EVENT_ROLLOUT_SECONDS, config, dynamics=nominal)
    frames = (np.arange(rollouts) * env.reference.starts) // rollouts
    moment, before = round(EVENT_SECONDS * CONTROL_HZ), np.ones(rollouts, dtype=bool)
    assert env.dynamics is not None
    env.dynamics.varied[:] = False

    def watch(env: ImitationEnv, running: np.ndarray) -> None:
        if env.age[0] == moment:
            assert env.dynamics is not None
            before[:] = running
            env.dynamics.set(np.arange(rollouts), np.tile(event_extrinsics(event), (rollouts, 1)))

    upright = _run(env, policy, watch, frames)
    return float((~upright & before).sum() / max(before.sum(), 1))


def event_extrinsics(event: str) -> np.ndarray:
    """The extrinsics after an event, (E,)."""
    values = nominal_extrinsics()
    if event == "payload":
        values[columns("payload")], values[columns("payload_place")] = 0.4, (-0.15, 0.0, 0.05)
    elif event == "ice":
        values[columns("friction")] = 0.25
    else:
        values[columns("strength")][GROUPS.index("left_knee")] = 0.7
    return values


def _run(env: ImitationEnv, policy: Performer, watch: AfterStep, frames: np.ndarray | None = None) -> np.ndarray:
    """One rollout in each environment; who did not fall, bool (N,)."""
    frames = np.zeros(env.num_envs, dtype=np.int64) if frames is None else frames
    env.start(frames, offset=env.rest(frames))
    policy.forget(np.arange(env.num_envs))
    running, upright = np.ones(env.num_envs, dtype=bool), np.ones(env.num_envs, dtype=bool)
    for _ in range(env.episode_steps):
        result = env.step(policy.act(env.observe()))
        upright &= ~(result.terminated & running)
        running &= ~result.done
        watch(env, running)
        if not running.any():
            break
    return upright


@dataclass(frozen=True)
class EventRecord:
    """One performance with an event, T frames at the control rate."""

    qpos: np.ndarray
    """(T, nq)."""
    z: np.ndarray
    """What the policy acted with, (T, Z)."""
    at: int
    """Frame of the event."""
    fell: bool
    """It ended in a fall."""


def record_event(policy: AdaptingPolicy, task: Task, event: str | None, at: float, seconds: float) -> EventRecord:
    """Performs the motion from its first frame, with an event on the way.

    Args:
      policy: adapts.
      task: on the plane.
      event: one of `EVENTS`; None for none.
      at: time of the event [s].
      seconds: length of a loop's performance [s].
    """
    config = EnvConfig(tracking_threshold=np.inf)
    env = ImitationEnv.for_policy(policy, task, 1, seconds, config, dynamics=DynamicsConfig(redraw=0.0))
    assert env.dynamics is not None
    env.dynamics.varied[:] = False
    qpos, z = list[np.ndarray](), list[np.ndarray]()
    moment = round(at * CONTROL_HZ)

    def watch(env: ImitationEnv, running: np.ndarray) -> None:
        qpos.append(env.qpos[0].copy())
        z.append(policy.z[0].copy())
        if event is not None and env.age[0] == moment:
            assert env.dynamics is not None
            env.dynamics.set(np.zeros(1, dtype=np.int64), event_extrinsics(event)[None])

    upright = _run(env, policy, watch)
    return EventRecord(np.array(qpos), np.array(z), moment, not upright[0])
