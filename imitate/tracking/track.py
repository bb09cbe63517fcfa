"""Tracking control: a reference motion performed in simulation without any learning, by planning ahead.

At every other control step the controls of the next .8 s are improved by iLQG and the first two of them are applied
(receding horizon, Tassa et al. 2012). Then the whole performance is improved a few times at once, and
replayed in the environment that policies are judged in. What comes out is a draft of the skill, a verdict on the
reference frame by frame (what no muscle of this body can follow, and why), and a controller around the draft:
feed-forward controls and feedback gains, in the units of a policy's actions.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reward import RewardConfig
from imitate.env.task import Task
from imitate.rollout import Meter
from imitate.tracking.cost import CostConfig, TrackingCost
from imitate.tracking.derivatives import StepDerivatives, target_derivatives
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import judge_frames
from imitate.tracking.ilqg import Expansion, Improvement, Regulariser, backward_pass
from pose.cores import usable_cores
from pose.progress import Progress, silent

STEP_SIZES = np.array([1.0, 0.7, 0.5, 0.3, 0.15, 0.07, 0.03, 0.01])
"""Of the line search, all tried at once; what is left out of [0, 1] makes no difference."""
ATTEMPTS = 6
"""Regularisations tried before an iteration gives up."""
WORTHWHILE = 0.03
"""An iteration that lowers the cost by this share is followed by another one."""
RETRIES = 2
"""Times that a fall is taken back."""
LONGER = 1.4
"""Factor of the horizon then."""


@dataclass(frozen=True)
class TrackConfig:
    """How the tracker works."""

    cost: CostConfig = field(default_factory=CostConfig)
    """Weights of squared errors."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """What the draft is judged by, and where most of the cost comes from."""
    horizon: int = 24
    """Control steps that are planned ahead: .8 s, a leap from the crouch to the landing. With 15 a jump takes off with
    a spin that only the landing would show, and pitches forward."""
    short_horizon: int = 15
    """Of another try, where the first one falls; .5 s."""
    stride: int = 2
    """Control steps that are taken between plans. Nothing disturbs the simulation, so it costs no more than seeing
    the end of the horizon a step later."""
    first_iterations: int = 12
    """Most iterations of the first plan, and of one that ends in a fall."""
    iterations: int = 6
    """Most iterations of every other plan; one is enough as long as it gains little."""
    polish: int = 2
    """Iterations over the whole performance afterwards; each costs about 1/15 of all before."""
    feedback_caution: float = 300.0
    """Controls cost this much more when the final feedback is found. Gains at the plan's own cost reach further than
    its linear model does: on a squat pushed at .2 m/s they end at a reward of .79 with 30, .997 with 300, .969 without
    feedback. With 300 a walk goes on from all of the reference's states, with 3000 from 71 %; a backflip is done from
    43 % with 100, 61 % with 1000, 24 % without feedback."""
    control_limit: float = 1.0
    """Largest offset of a servo target from the reference [rad]."""
    loop_seconds: float = 3.0
    """A cycle is performed as often as it takes to last this long [s]; other motions once."""
    tolerance: float = 0.15
    """A frame whose root or a key body is off by more than this [m] was not followed."""
    threads: int = 0
    """Threads for derivatives and simulation; 0: one a core."""


@dataclass(frozen=True)
class Plan:
    """A trajectory through H controls, from row `row` of the reference on."""

    row: int
    states: np.ndarray
    """MuJoCo's integration states, (H + 1, nstate)."""
    qpos: np.ndarray
    """Poses, (H + 1, nq)."""
    qvel: np.ndarray
    """Velocities, (H + 1, nv)."""
    controls: np.ndarray
    """Offsets of servo targets [rad], (H, nu)."""
    ctrl: np.ndarray
    """The servo targets themselves, (H, nu)."""
    costs: np.ndarray
    """Of the states, without the factor on the last, (H + 1,)."""
    failed: np.ndarray
    """States that would end a policy's episode: fallen or strayed, bool (H + 1,)."""

    def __len__(self) -> int:
        return len(self.controls)

    def between(self, first: int, last: int) -> "Plan":
        """Controls `first` to `last` - 1, and the states around them."""
        states, controls = slice(first, last + 1), slice(first, last)
        return Plan(
            self.row + first,
            self.states[states],
            self.qpos[states],
            self.qvel[states],
            self.controls[controls],
            self.ctrl[controls],
            self.costs[states],
            self.failed[states],
        )

    def followed_by(self, other: "Plan") -> "Plan":
        """This plan and another one that starts where it ends."""
        return Plan(
            self.row,
            np.concatenate([self.states, other.states[1:]]),
            np.concatenate([self.qpos, other.qpos[1:]]),
            np.concatenate([self.qvel, other.qvel[1:]]),
            np.concatenate([self.controls, other.controls]),
            np.concatenate([self.ctrl, other.ctrl]),
            np.concatenate([self.costs, other.costs[1:]]),
            np.concatenate([self.failed, other.failed[1:]]),
        )


class Tracker:
    """iLQG on an imitation environment; its simulations are the candidates of the line search. The scene has no box."""

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

    def start(self) -> Plan:
        """A plan without controls, on the first row of the reference."""
        env = self.env
        env.start(np.zeros(env.size, dtype=np.int64))
        state = env.state()["batch"][:1]
        none, sound = np.empty((0, env.action_size)), np.zeros(1, dtype=bool)
        pose, speed = env.qpos[:1].copy(), env.qvel[:1].copy()
        return Plan(0, state, pose, speed, none, none, self.cost.of_states()[:1], sound)

    def lengthened(self, plan: Plan, length: int) -> Plan:
        """The plan with control steps added that aim at the reference, until it has `length` of them."""
        missing = length - len(plan)
        if missing <= 0:
            return plan
        tail, _ = self._simulate(plan.between(len(plan), len(plan)), np.zeros((missing, self.env.action_size)), None)
        return plan.followed_by(tail)

    def improved(self, plan: Plan, regulariser: Regulariser) -> tuple[Plan, Regulariser, bool]:
        """One iteration of iLQG: expansion, backward pass, line search.

        Returns:
          The better plan, the regulariser for the next iteration, and whether the plan is a better one at all.
        """
        expansion = self._expansion(plan)
        before = self.total(plan)
        for _ in range(ATTEMPTS):
            improvement = backward_pass(expansion, regulariser.value)
            if improvement is not None:
                candidate, step_size = self._simulate(plan, plan.controls, improvement)
                if self.total(candidate) < before:
                    # A small step that helped says that the model does not reach far.
                    return candidate, regulariser.shrunk() if step_size > 0.2 else regulariser.grown(), True
            regulariser = regulariser.grown()
        return plan, Regulariser(), False

    def gains(self, plan: Plan) -> np.ndarray:
        """Feedback around a plan, (H, nu, 2 nv)."""
        expansion, regulariser = self._expansion(plan), Regulariser()
        expansion = replace(expansion, luu=self.config.feedback_caution * expansion.luu)
        improvement = backward_pass(expansion, regulariser.value)
        while improvement is None:
            regulariser = regulariser.grown()
            improvement = backward_pass(expansion, regulariser.value)
        return improvement.feedback

    def total(self, plan: Plan) -> float:
        """Cost of a whole plan."""
        controls = self.cost.of_controls(plan.controls).sum()
        return float(plan.costs.sum() + (self.cost.final - 1.0) * plan.costs[-1] + controls)

    def _rows(self, plan: Plan) -> np.ndarray:
        return np.minimum(plan.row + np.arange(len(plan) + 1), len(self.env.reference) - 1)

    def _expansion(self, plan: Plan) -> Expansion:
        rows, env = self._rows(plan), self.env
        A, B = self._derivatives(plan.states[:-1], plan.ctrl)
        aims = env.reference.qpos[np.minimum(rows[:-1] + 1, len(env.reference) - 1)]
        A[:, :, : env.model.nv] += B @ target_derivatives(env.joints, plan.qpos[:-1], aims)
        return self.cost.expand(rows, plan.qpos, plan.qvel, plan.controls, A, B)

    def _simulate(self, plan: Plan, controls: np.ndarray, improvement: Improvement | None) -> tuple[Plan, float]:
        """All step sizes from the plan's first state on; without an improvement, the controls as they are.

        Returns:
          The best plan and its step size.
        """
        env, count = self.env, self.env.size
        begin = env.state()
        begin["batch"][:], begin["row"][:] = plan.states[0], plan.row
        env.restore(begin)
        states, qpos, qvel = [env.state()["batch"]], [env.qpos.copy()], [env.qvel.copy()]
        applied, ctrl, costs, failed = [], [], [self.cost.of_states()], [np.zeros(count, dtype=bool)]
        total = costs[0].copy()
        for t, control in enumerate(controls):
            offset = np.repeat(control[None], count, axis=0)
            if improvement is not None:
                pose = env.joints.difference(np.repeat(plan.qpos[t : t + 1], count, axis=0), env.qpos)
                strayed = np.concatenate([pose, env.qvel - plan.qvel[t]], axis=1)
                offset += STEP_SIZES[:, None] * improvement.feedforward[t] + strayed @ improvement.feedback[t].T
            offset = np.clip(offset, -self.config.control_limit, self.config.control_limit)
            applied.append(offset)
            ctrl.append(env.targets(offset))
            outcome = env.step(offset)
            states.append(env.state()["batch"])
            qpos.append(env.qpos.copy())
            qvel.append(env.qvel.copy())
            # An exploded simulation is reset by MuJoCo; no reward at all tells of it.
            costs.append(np.where(outcome.reward > 0.0, self.cost.of_states(), np.inf))
            failed.append(outcome.terminated)
            total += costs[-1] + self.cost.of_controls(offset)
        total += (self.cost.final - 1.0) * costs[-1]
        best = int(np.argmin(np.nan_to_num(total, nan=np.inf)))
        batch, poses, speeds, cost, fell = (
            np.array([row[best] for row in rows]) for rows in (states, qpos, qvel, costs, failed)
        )
        offsets, targets = (
            np.array([row[best] for row in rows]).reshape(-1, env.action_size) for rows in (applied, ctrl)
        )
        return Plan(plan.row, batch, poses, speeds, offsets, targets, cost, fell), float(STEP_SIZES[best])


def track_motion(task: Task, config: TrackConfig, progress: Progress = silent) -> Draft:
    """Performs a motion by tracking control.

    Args:
      task: what to perform: once, or a few cycles of a loop. Its scene has no box and no wind, see `Task.drafted`.
      config: see `TrackConfig`.
      progress: told of control steps.

    Returns:
      The draft; one that falls has fewer frames than the motion, `draft_completed` 0 and a verdict that says why.
    """
    began = time.process_time()
    tracker = Tracker(task, config)
    plan = planned(tracker, progress)
    regulariser = Regulariser()
    for i in range(0 if plan.failed.any() else config.polish):
        progress(tracker.steps, tracker.steps, f"polishing, {i + 1} of {config.polish}")
        plan, regulariser, better = tracker.improved(plan, regulariser)
        if not better:
            break
    gains = tracker.gains(plan)
    draft = replayed(tracker, plan, gains)
    seconds = time.process_time() - began
    return replace(draft, figures={**draft.figures, "draft_seconds": seconds})


def planned(tracker: Tracker, progress: Progress) -> Plan:
    """The performance by receding horizon, from the first row of the reference to the end.

    A fall in spite of all is tried again with the short horizon: its plans converge where those of the long one, open
    loop for longer than a step takes, do not. What gets further counts.
    """
    furthest = performed(tracker, tracker.config.horizon, progress)
    if not furthest.failed.any():
        return furthest
    other = performed(tracker, tracker.config.short_horizon, progress)
    return max(furthest, other, key=lambda plan: (not plan.failed.any(), len(plan)))


def performed(tracker: Tracker, horizon: int, progress: Progress) -> Plan:
    """One try with a horizon, to the end or a fall.

    Where it falls, the cause lies further back than the horizon saw: it is taken back by a horizon and planned anew
    with a longer one, `RETRIES` times at most.
    """
    config, steps = tracker.config, tracker.steps
    # A loop goes on behind the last cycle, a clip does not.
    end = len(tracker.env.reference) - 1 if tracker.env.reference.loop else steps
    done, ahead, regulariser = tracker.start(), tracker.start(), Regulariser()
    retries, step = 0, 0
    while step < steps:
        ahead = tracker.lengthened(ahead, min(horizon, end - step))
        tried = 0
        while True:
            before = tracker.total(ahead)
            ahead, regulariser, better = tracker.improved(ahead, regulariser)
            tried += 1
            small = tracker.total(ahead) > (1.0 - WORTHWHILE) * before
            enough = config.first_iterations if step == 0 or ahead.failed.any() else config.iterations
            if not better or small or tried >= enough:
                break
        taken = min(config.stride, steps - step)
        done = done.followed_by(ahead.between(0, taken))
        ahead, step = ahead.between(taken, len(ahead)), step + taken
        if done.failed[-1] and retries < RETRIES:
            retries, step = retries + 1, max(0, step - horizon)
            horizon = round(LONGER * horizon)
            done, ahead, regulariser = done.between(0, step), done.between(step, len(done)), Regulariser()
        elif done.failed[-1]:
            break
        progress(step, steps, f"cost {ahead.costs[0]:.3f}")
    return done


def replayed(tracker: Tracker, plan: Plan, gains: np.ndarray) -> Draft:
    """Performs a plan in the environment once more and judges it as policies are judged.

    Simulation repeats itself bit for bit, so the controls alone are enough.
    """
    env = tracker.env
    env.start(np.zeros(env.size, dtype=np.int64))
    meter = Meter(env)
    qvel, saturated, off = [env.qvel[0].copy()], [np.zeros(env.action_size, dtype=bool)], [0.0]
    limit = env.model.actuator_forcerange[:, 1]
    keys = np.array([0] + [env.model.body(name).id - 1 for name in env.task.character.key_bodies])
    watched = np.zeros(env.size, dtype=bool)
    watched[0] = True
    earned, fell = 0.0, False
    for t in range(len(plan)):
        outcome = env.step(np.repeat(plan.controls[t : t + 1], env.size, axis=0))
        fell = bool(outcome.terminated[0])
        if fell:
            break
        meter.read(env, outcome.terms, watched)
        earned += float(outcome.reward[0])
        qvel.append(env.qvel[0].copy())
        saturated.append(np.abs(env.actuator_force[0]) > 0.99 * limit)
        away = env.bodies_xpos[0, keys] - env.reference.key_bodies[env.row[0]]
        off.append(float(np.linalg.norm(away, axis=-1).max()))
    fell |= len(plan) < tracker.steps
    rollout = meter.rollout(terminated=fell)
    verdict = judge_frames(env.body, env.reference, np.array(off), np.array(saturated), fell, tracker.config.tolerance)
    figures = {
        "draft_return": earned / tracker.steps,
        "draft_completed": float(not fell),
        "feasible": float(verdict.feasible.mean()),
        "torque_saturation": float(np.mean(saturated)),
        **meter.figures(),
    }
    done = len(qvel) - 1
    return Draft(rollout, verdict, plan.controls[:done], np.array(qvel), gains[:done], figures)
