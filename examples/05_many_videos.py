"""Many videos, one skill each: python examples/05_many_videos.py MINUTES VIDEO [VIDEO ...]."""

import sys

import sfv


def main(minutes: str, *videos: str) -> None:
    """Runs each; a video that cannot be used is reported and does not stop the others."""
    for video in videos:
        try:
            run = sfv.clip(video, minutes=float(minutes))
        except sfv.InputError as error:
            print(f"{video}: {error}")
            continue
        print(f"{video}: return {run.metrics['normalised_return']:.3f}, {run.report}")


if __name__ == "__main__":
    main(*sys.argv[1:])
