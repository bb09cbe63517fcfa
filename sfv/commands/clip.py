"""`python -m sfv clip`: from a video of a person to a simulated skill."""

from typing import Annotated

import tyro

from sfv.config import ClipConfig
from sfv.pipeline import run_clip
from sfv.run_folder import read_command_line
from sfv.split import run_split
from sfv.together.pipeline import run_together


def clip(config: Annotated[ClipConfig, tyro.conf.arg(name="")]) -> None:
    """From a video of a person to a physically simulated character that performs the same motion.

    Leaves a run folder: keypoints, reference motion, draft, policy, rollout, result video and report.html. The same
    command again skips what is done; a changed option redoes exactly what depends on it; Ctrl-C loses nothing.
    """
    if config.people == "all":
        run_together(config, read_command_line())
    elif config.split:
        run_split(config, read_command_line())
    else:
        run_clip(config, read_command_line())
