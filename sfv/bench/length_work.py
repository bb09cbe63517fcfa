"""`python -m sfv.bench.length_work VIDEO FOLDER SIZE`: keypoints and motion of a video, as `sfv clip` makes them.

What a long video's time is forecast to be is left in the folder first. Begun again, it goes on.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sfv.backend import prepare_process
from sfv.parent import end_with_parent

FORECAST = "forecast.json"
"""File with `sfv.forecast.Forecast`, in the folder."""


def main(video: Path, folder: Path, size: Any) -> None:
    """Makes the first two stages of a run."""
    from pose.estimate import PoseConfig
    from sfv import stages
    from sfv.config import ClipConfig
    from sfv.console import bar
    from sfv.forecast import LONG, find_length, forecast
    from sfv.pipeline import choose_bodies
    from sfv.run_folder import lock_folder, make_folder
    from sfv.stage import run_stage, write_json

    config = ClipConfig(video=video, out=folder, pose=PoseConfig(model_size=size))
    character, person = choose_bodies(config)
    make_folder(folder)
    with lock_folder(folder):
        if find_length(config) >= LONG and not (folder / FORECAST).is_file():
            with bar("forecast") as progress:
                write_json(folder / FORECAST, asdict(forecast(config, character, person, progress)))
        pose = run_stage(folder, stages.estimate(video, config.pose))
        motion = stages.reconstruct(
            pose, character, person, config.reconstruct, None, config.upper_body, config.finds_height(person.name)
        )
        run_stage(folder, motion)


if __name__ == "__main__":
    prepare_process()
    end_with_parent()
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
