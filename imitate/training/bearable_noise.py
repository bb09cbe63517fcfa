"""How much noise on the actions a motion bears, by the controller of its draft."""

from dataclasses import replace

import numpy as np

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from imitate.tracking.draft import Draft
from imitate.training.config import ResolvedTrainConfig
from imitate.training.distill import Expert

ROLLOUTS = 128
SECONDS = 1.0
"""Length of a rollout [s]."""
SURVIVING = 0.6
"""Share of the rollouts that last without noise which must last with it."""
# Of SFV's twelve videos (November 2026) eleven bear the usual noise: .75 to 1 of the rollouts survive. Of the push,
# whose hands must stay on a box's edge, .42, with half the noise .83; its rollouts ended before PPO could learn.
HALVINGS = 2


def find_bearable_std(task: Task, draft: Draft, config: ResolvedTrainConfig) -> float:
    """The initial standard deviation of actions, halved until the draft's controller survives it, at most twice.

    Noise is how PPO explores, so no motion gets less than it must.

    Args:
      task: what is learnt.
      draft: its performance, which a policy is to imitate first.
      config: has the deviation to begin with.
    """
    std = config.initial_std
    enough = SURVIVING * measure_survival(task, draft, config, 0.0)  # wind, say, may end them as well
    for _ in range(HALVINGS):
        if measure_survival(task, draft, config, std) >= enough:
            break
        std /= 2.0
    return std


def measure_survival(task: Task, draft: Draft, config: ResolvedTrainConfig, std: float) -> float:
    """Share of the draft's rollouts that last a second, or to their end, with noise on the controller's actions.

    Args:
      task: what is performed.
      draft: whose controller acts, from frames spread over it.
      config: of the environments.
      std: standard deviation of the noise, in units of the action scale.
    """
    if len(draft.controls) == 0:
        return 1.0  # it shows nothing
    env, rng = ImitationEnv(task, replace(config.env, push_speed=0.0), ROLLOUTS), np.random.default_rng(0)
    expert, ids = Expert(draft, env), np.arange(ROLLOUTS)
    covered = np.flatnonzero(expert.covered[: env.reference.starts])
    frames = covered[ids * len(covered) // ROLLOUTS]
    env.start(frames, ids, None, expert.pose_offset[frames], expert.velocity_offset[frames])
    failed = over = np.zeros(ROLLOUTS, dtype=bool)
    for _ in range(round(SECONDS * CONTROL_HZ)):
        action, _ = expert.label(env)
        result = env.step(action + std * rng.standard_normal(action.shape))
        failed, over = failed | (result.terminated & ~over), over | result.done
    return 1.0 - float(failed.mean())
