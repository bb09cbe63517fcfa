"""Tracking control: a reference motion performed in simulation without any learning, by planning ahead.

At every other control step the controls of the next 0.8 s are improved by iLQG and the first two of them are applied
(receding horizon, Tassa et al. 2012). Then the whole performance is improved a few times at once, and replayed in the
environment that policies are evaluated in. The result is a draft of the skill: the performance, a verdict on every
frame of the reference (could it be followed, and if not, why), and a controller around the performance, feed-forward
controls and feedback gains in the units of a policy's actions.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reward import RewardConfig
from imitate.env.task import Task
from imitate.rollout import RolloutMetrics
from imitate.tracking.cost import CostConfig, TrackingCost
from imitate.tracking.derivatives import StepDerivatives, target_derivatives
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import find_causes
from imitate.tracking.ilqg import ControlLaw, LinearQuadraticModel, Regulariser, backward_pass
from imitate.tracking.trajectory import Trajectory
from pose.cores import usable_cores
from pose.errors import InputError
from pose.progress import Progress, silent
from pose.ranges import POSITIVE, check_ranges

STEP_SIZES = np.array([1.0, 0.7, 0.5, 0.3, 0.15, 0.07, 0.03, 0.01])
"""Step sizes of the line search, all tried at once."""
# What is left out of [0, 1] makes no difference.
REGULARISATIONS = 6
"""Regularisations tried before an iteration gives up."""
WORTHWHILE = 0.03
"""An iteration that lowers the cost by this fraction is followed by another one."""
PATIENCE = 3
"""Iterations in a row that may lower it by less, of a plan that ends in a fall."""
# Contacts bend the line that is searched: small steps and large ones take turns.
RETRIES = 2
"""Times that a performance which falls goes back a horizon and plans anew."""
HORIZON_GROWTH = 1.4
"""Factor on the horizon at each retry."""


@dataclass(frozen=True)
class TrackConfig:
    """Settings of tracking control."""

    cost: CostConfig = field(default_factory=CostConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    # The draft is evaluated by it, and most of the cost comes from it.
    horizon: int = 24
    """Control steps that are planned ahead."""
    # 0.8 s, a leap from the crouch to the landing. With 15 a jump takes off with a spin that only the landing would
    # show, and pitches forward.
    short_horizon: int = 15
    """Control steps that are planned ahead in a second try, see `least_followed`."""
    # Shorter plans converge where those of the long one, open loop for longer than a step takes, do not.
    stride: int = 2
    """Control steps that are taken between plans."""
    # Nothing disturbs the simulation, so it costs no more than seeing the end of the horizon a step later.
    first_iterations: int = 30
    """Most iterations of the first plan, and of a plan that ends in a fall."""
    iterations: int = 6
    """Most iterations of every other plan."""
    # One is enough as long as it gains little.
    final_iterations: int = 2
    """Iterations over the whole performance at the end."""
    # Each costs about 1/15 of all before.
    gain_control_cost: float = 0.6
    """Weight of the offsets of servo targets when the final feedback gains are computed [1/rad^2]."""
    # Gains at the plan's own cost reach further than its linear model does: on a squat pushed at .2 m/s they end at a
    # reward of .79 with .06, .997 with .6, .969 without feedback. With .6 a walk goes on from all of the reference's
    # states, with 6 from 71 %; a backflip is done from 43 % with .2, 61 % with 2, 24 % without feedback.
    control_limit: float = 1.0
    """Largest offset of a servo target from the reference [rad]."""
    loop_seconds: float = 3.0
    """A looping motion is repeated for at least this long [s]; other motions are performed once."""
    tolerance: float = 0.15
    """Largest distance of root and key bodies from the reference in a frame that counts as followed [m]."""
    least_followed: float = 0.9
    """Share of frames that are to be followed; with less, or a fall, there is a second try, and the better is kept."""
    heavier_root: float = 20.0
    """Weight of the root's position in the second try at a cycle that does not fall [1/m^2]."""
    # A walk stays back to save controls, and its policy learns nothing of starts on the reference. With a heavier root
    # from the beginning it is 29 mm off instead of 72. What is performed once gets worse by it: a jump, and a run
    # and acrobatics of motion capture, 80 to 84 % of whose frames are followed without it (November 2026).
    threads: int = 0
    """Threads for derivatives and simulation; 0 for one a core."""

    def check(self) -> "TrackConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        steps = dict.fromkeys(("horizon", "short_horizon"), (2, 1000))
        iterations = dict.fromkeys(("first_iterations", "iterations"), (1, 1000)) | {"final_iterations": (0, 1000)}
        positive = dict.fromkeys(("gain_control_cost", "control_limit", "tolerance", "heavier_root"), POSITIVE)
        rest = {"stride": (1, 1000), "loop_seconds": (0.1, 600.0), "threads": (0, 1024), "least_followed": (0.0, 1.0)}
        check_ranges(self, steps | iterations | positive | rest, "track.")
        if self.stride > min(self.horizon, self.short_horizon):
            raise InputError(f"track.stride {self.stride}: give no more than are planned ahead, see track.horizon")
        self.cost.check()
        self.reward.check("track.reward.")
        return self


FAST = TrackConfig(horizon=18, stride=5, first_iterations=12, iterations=2, loop_seconds=0.1, least_followed=0.0)
"""Tracking control, three times as fast as that of a single skill: for many motions, and a quick first try."""
# November 2026, a walk of 2.5 s: with the defaults (24 steps ahead, 2 taken, 6 iterations) 11.9 s of a core for a
# second of motion and a return of .995; with 15, 5 and 2, 3.3 s and .994. A dance of 3 s: 8.9 s and .976, with 15
# and 2 taken .937. The horizon counts for more than the rest.


@dataclass(frozen=True)
class Tracking:
    """Result of tracking control."""

    draft: Draft
    """The performance; one that falls has fewer frames than the motion and a verdict that says why."""
    metrics: dict[str, float]
    """Rows of the stage's metrics: draft_return, draft_completed, feasible, torque_saturation, draft_seconds ..."""


class Tracker:
    """iLQG on an imitation environment, whose N environments are the candidates of the line search."""

    def __init__(self, task: Task, config: TrackConfig):
        self.config = config
        threads = config.threads or usable_cores()
        cycles = int(np.ceil(config.loop_seconds / task.motion.duration - 1e-9))
        # Beyond the last cycle there must be something to plan for.
        seconds = max(1, cycles) * task.motion.duration
        env_config = EnvConfig(reward=config.reward, action_scale=1.0, episode_seconds=seconds)
        self.env = ImitationEnv(task, env_config, len(STEP_SIZES), threads)
        self.cost = TrackingCost(self.env, config.cost)
        self._derivatives = StepDerivatives(self.env.model, threads)
        self.steps = self.env.episode_steps

    def start(self) -> Trajectory:
        """A trajectory without controls, at the first frame of the reference."""
        env = self.env
        env.start(np.zeros(env.num_envs, dtype=np.int64))
        state = env.state()["batch"][:1]
        none, sound = np.empty((0, env.action_size)), np.zeros(1, dtype=bool)
        pose, speed = env.all_qpos[:1].copy(), env.all_qvel[:1].copy()
        return Trajectory(0, state, pose, speed, none, none, self.cost.of_states()[:1], sound)

    def extend(self, plan: Trajectory, length: int) -> Trajectory:
        """The plan with control steps added that aim at the reference, until it has `length` of them."""
        missing = length - len(plan)
        if missing <= 0:
            return plan
        tail, _ = self._simulate(plan.take(len(plan), len(plan)), np.zeros((missing, self.env.action_size)), None)
        return plan.join(tail)

    def improve(self, plan: Trajectory, regulariser: Regulariser) -> tuple[Trajectory, Regulariser, bool]:
        """One iteration of iLQG: linear-quadratic model, backward pass, line search.

        Returns:
          The better plan, the regulariser for the next iteration, and whether the plan is a better one at all.
        """
        model = self._linearise(plan)
        before = self.total_cost(plan)
        for _ in range(REGULARISATIONS):
            law = backward_pass(model, regulariser.value)
            if law is not None:
                candidate, step_size = self._simulate(plan, plan.controls, law)
                if self.total_cost(candidate) < before:
                    return candidate, regulariser.decrease() if step_size > 0.2 else regulariser.keep(), True
            regulariser = regulariser.increase()
        return plan, Regulariser(), False

    def compute_gains(self, plan: Trajectory) -> np.ndarray:
        """Feedback gains around a plan, (H, nu, 2 nv)."""
        model, regulariser = self._linearise(plan), Regulariser()
        model = replace(model, luu=np.full_like(model.luu, self.config.gain_control_cost))
        law = backward_pass(model, regulariser.value)
        while law is None:
            regulariser = regulariser.increase()
            law = backward_pass(model, regulariser.value)
        return law.feedback

    def total_cost(self, plan: Trajectory) -> float:
        """Cost of a whole plan: its states, more of the last one, and its controls."""
        controls = self.cost.of_controls(plan.controls).sum()
        return float(plan.costs.sum() + (self.cost.final - 1.0) * plan.costs[-1] + controls)

    def _linearise(self, plan: Trajectory) -> LinearQuadraticModel:
        env = self.env
        frames = np.minimum(plan.frame + np.arange(len(plan) + 1), len(env.reference) - 1)
        A, B = self._derivatives(plan.states[:-1], plan.ctrl, plan.frame)
        targets = env.reference.qpos[np.minimum(frames[:-1] + 1, len(env.reference) - 1)]
        poses, nv = plan.qpos[:-1, : env.body.nq], env.body.nv
        A[:, :, :nv] += B @ target_derivatives(env.joints, poses, targets)
        return self.cost.expand(frames, plan.qpos, plan.qvel, plan.controls, A, B)

    def _simulate(self, plan: Trajectory, controls: np.ndarray, law: ControlLaw | None) -> tuple[Trajectory, float]:
        """Simulates all step sizes of a control law, or the controls as they are, from the plan's first state on.

        Returns:
          The best plan and its step size.
        """
        env, count = self.env, self.env.num_envs
        begin = env.state()
        begin["batch"][:], begin["frame"][:] = plan.states[0], plan.frame
        env.restore(begin)
        states, qpos, qvel = [env.state()["batch"]], [env.all_qpos.copy()], [env.all_qvel.copy()]
        applied, ctrl, costs, failed = [], [], [self.cost.of_states()], [np.zeros(count, dtype=bool)]
        total = costs[0].copy()
        for t, control in enumerate(controls):
            offset = np.repeat(control[None], count, axis=0)
            if law is not None:
                pose = env.joints.difference_all(np.repeat(plan.qpos[t : t + 1], count, axis=0), env.all_qpos)
                deviation = np.concatenate([pose, env.all_qvel - plan.qvel[t]], axis=1)
                offset += STEP_SIZES[:, None] * law.feedforward[t] + deviation @ law.feedback[t].T
            offset = np.clip(offset, -self.config.control_limit, self.config.control_limit)
            applied.append(offset)
            ctrl.append(env.targets(offset))
            result = env.step(offset)
            states.append(env.state()["batch"])
            qpos.append(env.all_qpos.copy())
            qvel.append(env.all_qvel.copy())
            # MuJoCo resets a simulation that exploded: where it is then is no result of the plan.
            costs.append(np.where(result.exploded, np.inf, self.cost.of_states()))
            failed.append(result.terminated)
            total += costs[-1] + self.cost.of_controls(offset)
        total += (self.cost.final - 1.0) * costs[-1]
        best = int(np.argmin(np.nan_to_num(total, nan=np.inf)))
        batch, poses, velocities, cost, fell = (
            np.array([values[best] for values in steps]) for steps in (states, qpos, qvel, costs, failed)
        )
        offsets, targets = (
            np.array([values[best] for values in steps]).reshape(-1, env.action_size) for steps in (applied, ctrl)
        )
        return Trajectory(plan.frame, batch, poses, velocities, offsets, targets, cost, fell), float(STEP_SIZES[best])


def track_motion(task: Task, config: TrackConfig, progress: Progress = silent) -> Tracking:
    """Performs a motion by tracking control.

    Args:
      task: what to perform: once, or a few cycles of a loop; in a scene without wind, see `Task.drafted`.
      config: see `TrackConfig`.
      progress: is called with the control steps done.

    Raises:
      InputError: an option is out of its range.
    """
    began = time.process_time()
    best = perform(task, config.check(), progress)
    if (second := choose_second_try(task, config, best.metrics)) is not None:

        def progress_again(done: float, total: float, note: str = "") -> None:
            progress(done, total, f"second try, {note}")

        tries = best, perform(task, second, progress_again)
        best = max(tries, key=lambda each: (each.metrics["draft_completed"], each.metrics["draft_return"]))
    return replace(best, metrics=best.metrics | {"draft_seconds": time.process_time() - began})


def choose_second_try(task: Task, config: TrackConfig, metrics: Mapping[str, float]) -> TrackConfig | None:
    """How a motion is performed again; None where the first performance, with these metrics, is good enough."""
    completed = bool(metrics["draft_completed"])
    if completed and metrics["feasible"] >= config.least_followed:
        return None
    if completed and task.motion.loop:
        heavy = replace(config.cost, root=config.heavier_root)
        return replace(config, cost=heavy) if config.heavier_root > config.cost.root else None
    return replace(config, horizon=config.short_horizon) if config.short_horizon < config.horizon else None


def perform(task: Task, config: TrackConfig, progress: Progress) -> Tracking:
    """Performs a motion with one set of weights: plans, improves the whole, and evaluates it."""
    tracker = Tracker(task, config)
    plan = plan_motion(tracker, progress)
    regulariser = Regulariser()
    for i in range(0 if plan.failed.any() else config.final_iterations):
        progress(tracker.steps, tracker.steps, f"improving the whole, {i + 1} of {config.final_iterations}")
        plan, regulariser, better = tracker.improve(plan, regulariser)
        if not better:
            break
    return replay(tracker, plan, tracker.compute_gains(plan))


def plan_motion(tracker: Tracker, progress: Progress) -> Trajectory:
    """Plans from the first frame of the reference, by receding horizon, to the end or a fall.

    The cause of a fall lies further back than the horizon saw: the plan goes back by a horizon and continues with a
    longer one, `RETRIES` times at most.
    """
    config, steps, horizon = tracker.config, tracker.steps, tracker.config.horizon
    # A loop goes on behind the last cycle, a clip does not.
    end = len(tracker.env.reference) - 1 if tracker.env.reference.loop else steps
    done, ahead, regulariser = tracker.start(), tracker.start(), Regulariser()
    retries, step = 0, 0
    while step < steps:
        ahead = tracker.extend(ahead, min(horizon, end - step))
        ahead, regulariser = _converge(tracker, ahead, regulariser, first=step == 0)
        taken = min(config.stride, steps - step)
        done = done.join(ahead.take(0, taken))
        ahead, step = ahead.take(taken, len(ahead)), step + taken
        if done.failed[-1] and retries < RETRIES:
            retries, step = retries + 1, max(0, step - horizon)
            horizon = round(HORIZON_GROWTH * horizon)
            done, ahead, regulariser = done.take(0, step), done.take(step, len(done)), Regulariser()
        elif done.failed[-1]:
            break
        progress(step, steps, f"cost {ahead.costs[0]:.3f}")
    return done


def _converge(
    tracker: Tracker, plan: Trajectory, regulariser: Regulariser, first: bool
) -> tuple[Trajectory, Regulariser]:
    """Improves a plan until an iteration gains little, or the iterations are used up."""
    config, iteration, small = tracker.config, 0, 0
    while True:
        before = tracker.total_cost(plan)
        plan, regulariser, better = tracker.improve(plan, regulariser)
        iteration += 1
        small = small + 1 if tracker.total_cost(plan) > (1.0 - WORTHWHILE) * before else 0
        falls = bool(plan.failed.any())
        most = config.first_iterations if first or falls else config.iterations
        if not better or small > (PATIENCE if falls else 0) or iteration >= most:
            return plan, regulariser


def replay(tracker: Tracker, plan: Trajectory, gains: np.ndarray) -> Tracking:
    """Performs a plan in the environment once more and evaluates it as policies are evaluated.

    Simulation repeats itself bit for bit, so the controls alone are enough.
    """
    env = tracker.env
    env.start(np.zeros(env.num_envs, dtype=np.int64))
    recorder = RolloutMetrics()
    recorder.begin(env)
    qvel, saturated, deviation = [env.all_qvel[0].copy()], [np.zeros(env.action_size, dtype=bool)], [0.0]
    limit = env.model.actuator_forcerange[:, 1]
    keys = np.array([0] + [env.model.body(name).id - 1 for name in env.task.character.key_bodies])
    recorded = np.arange(env.num_envs) == 0
    episode_return, fell = 0.0, False
    for control in plan.controls:
        result = env.step(np.repeat(control[None], env.num_envs, axis=0))
        fell = bool(result.terminated[0])
        if fell:
            break
        recorder.record(env, result.terms, recorded)
        episode_return += float(result.reward[0])
        qvel.append(env.all_qvel[0].copy())
        saturated.append(np.abs(env.actuator_force[0]) > 0.99 * limit)
        offset = env.bodies_xpos[0, keys] - env.reference.key_bodies[env.frame[0]]
        deviation.append(float(np.linalg.norm(offset, axis=-1).max()))
    fell |= len(plan) < tracker.steps
    rollout = recorder.rollout(terminated=fell)
    verdict = find_causes(
        env.body, env.reference, np.array(deviation), np.array(saturated), fell, tracker.config.tolerance
    )
    metrics = {
        "draft_return": episode_return / tracker.steps,
        "draft_completed": float(not fell),
        "feasible": float(verdict.feasible.mean()),
        "torque_saturation": float(np.mean(saturated)),
        **recorder.means(),
    }
    done = len(qvel) - 1
    return Tracking(Draft(rollout, verdict, plan.controls[:done], np.array(qvel), gains[:done]), metrics)
