"""Your own reward term, added to the imitation reward: python examples/03_own_reward.py [MINUTES]."""

import sys

import numpy as np

import sfv

JUMP = sfv.ASSETS / "skills" / "jump" / "humanoid.npz"
WEIGHT = 0.2


class HighJump(sfv.Task):
    """Imitates the jump, and earns more the higher the centre of mass is."""

    def compute_own_rewards(self, state: sfv.Simulated) -> dict[str, np.ndarray]:
        """At most `WEIGHT`, half of it at 1 m, (N,)."""
        return {"height": WEIGHT / (1.0 + np.exp(-5.0 * (state.com[:, 2] - 1.0)))}


def main(minutes: str = "3") -> None:
    """Trains it, and prints how much each term of the reward was worth."""
    motion = sfv.ReferenceMotion.load(JUMP)
    task = HighJump(sfv.load_character(motion.character), motion)
    training = sfv.train(task, minutes=float(minutes))
    rollout = sfv.evaluate(training.policy, task).rollout
    for name, values in rollout.reward_terms.items():
        print(f"{name:<14} {values[1:].mean():.3f}")


if __name__ == "__main__":  # the class is at the top level, where worker processes find it
    main(*sys.argv[1:])
