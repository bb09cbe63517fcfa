"""`python -m sfv retarget`: the skill of a finished run, learnt by another body."""

from typing import Annotated

import tyro

from sfv.config import RetargetRunConfig
from sfv.pipeline import run_retarget
from sfv.run_folder import read_command_line


def retarget(config: Annotated[RetargetRunConfig, tyro.conf.arg(name="")]) -> None:
    """The skill of a finished run, learnt by another body.

    Retargets the reference motion, trains by the same method as `clip` and leaves the result next to the first one. The
    same command again skips what is done; Ctrl-C loses nothing.
    """
    run_retarget(config, read_command_line())
