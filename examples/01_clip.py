"""A video of a person -> a simulated skill: python examples/01_clip.py [VIDEO] [MINUTES]. Without VIDEO, a sample."""

import sys

import sfv


def main(video: str | None = None, minutes: str = "3") -> None:
    """Runs the pipeline, or finds it done, and prints what came out."""
    run = sfv.clip(video, minutes=float(minutes))
    kind = "a cycle" if run.motion.loop else "one pass"
    print(f"reference   {run.motion.duration:.1f} s of '{run.character.name}', {kind}")
    print(f"draft       return {run.draft.rollout.reward[1:].mean():.3f} without any learning")
    print(f"policy      return {run.metrics['normalised_return']:.3f}, completed {run.metrics['completed']:.0%}")
    print(f"simulation  {run.rollout.qpos.shape[0]} frames of {run.rollout.qpos.shape[1]} coordinates")
    print(f"look at     {run.report}")


if __name__ == "__main__":  # training starts processes, which import this file again
    main(*sys.argv[1:])
