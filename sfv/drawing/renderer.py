"""MuJoCo's renderer; on a machine that cannot draw, one line that says what makes it.

The GL backend is chosen by `sfv.backend.prepare_process` before this module is imported.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mujoco

from pose.errors import WorkError
from sfv.backend import remedy_of_gl


@contextmanager
def open_renderer(model: mujoco.MjModel, width: int, height: int) -> Iterator[mujoco.Renderer]:
    """Opens a renderer for images of this size [px].

    Raises:
      WorkError: there is no OpenGL, or its driver fails.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GLFW warns several times of what the error below says
            renderer = mujoco.Renderer(model, height=height, width=width)
    except Exception as error:  # each backend has exceptions of its own, and wrappers that fail in other ways
        chosen = f" with MUJOCO_GL={os.environ.get('MUJOCO_GL', '')}" if sys.platform.startswith("linux") else ""
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise WorkError(f"this machine cannot draw{chosen} ({reason}); {remedy_of_gl()}") from error
    with renderer:
        yield renderer


def check_drawing() -> None:
    """Draws nothing, so that long work ends at its beginning where its films could not be made.

    Raises:
      WorkError: there is no OpenGL, or its driver fails.
    """
    with open_renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 64, 64):
        pass
