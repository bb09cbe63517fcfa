"""A motion file (docs/formats.md) in place of a video: python examples/04_own_motion.py [MOTION] [MINUTES]."""

import sys

import sfv

JUMP = sfv.ASSETS / "skills" / "jump" / "humanoid.npz"


def main(motion: str = str(JUMP), minutes: str = "3") -> None:
    """The humanoid learns it; then Atlas does, from the same run."""
    run = sfv.clip(motion=motion, minutes=float(minutes))
    other = sfv.retarget(run, "atlas", minutes=float(minutes))
    for learnt in (run, other):
        print(f"{learnt.body:<10} return {learnt.metrics['normalised_return']:.3f}  {learnt.video}")


if __name__ == "__main__":
    main(*sys.argv[1:])
