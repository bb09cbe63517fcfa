"""`python -m sfv complete PICTURE`: from a picture of a person to a physical motion."""

from pathlib import Path
from typing import Annotated

import tyro

from sfv.picture_motion import CompleteConfig, complete_picture


def complete(
    picture: tyro.conf.Positional[Path],
    config: Annotated[CompleteConfig, tyro.conf.arg(name="")] = CompleteConfig(),  # noqa: B008  frozen
) -> None:
    """From a picture of a person to a motion: the known skill that it is a moment of is performed from there on.

    Leaves a folder: for each of three candidates motion_N.npz and .bvh (complete.json says which frame is the
    picture's) and complete_N.mp4, which begins with the picture's pose, seen by the picture's camera.

    Args:
      picture: JPEG or PNG of a person, the whole body in view.
      config: options.
    """
    complete_picture(picture, config)
