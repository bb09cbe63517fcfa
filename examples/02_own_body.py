"""Your own body learns a motion: python examples/02_own_body.py MODEL [MINUTES]; MODEL is an MJCF or a URDF."""

import sys
from pathlib import Path

import sfv

JUMP = sfv.ASSETS / "skills" / "jump" / "humanoid.npz"


def main(model: str, minutes: str = "3") -> None:
    """Makes a character of the model, gives it the humanoid's jump, and trains it."""
    body = sfv.new_character(sfv.NewCharacterConfig(Path(model), replace=True))
    motion = sfv.retarget(sfv.ReferenceMotion.load(JUMP), body.name)
    draft = sfv.track(motion)
    training = sfv.train(motion, draft, minutes=float(minutes))
    metrics = sfv.evaluate(training.policy, motion).metrics
    print(f"{body.name}: return {metrics['normalised_return']:.3f}, completed {metrics['completed']:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
