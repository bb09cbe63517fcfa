"""A body seen from its side, with points of interest drawn in."""

from collections.abc import Callable, Iterator

import mujoco
import numpy as np

from sfv.drawing.balls import Ball
from sfv.drawing.renderer import open_renderer


def draw_from_side(
    model: mujoco.MjModel,
    qpos: np.ndarray,
    every: int,
    size: tuple[int, int],
    balls_at: Callable[[int, mujoco.MjData], list[Ball]],
) -> Iterator[np.ndarray]:
    """Images by a camera that goes along, RGB (height, width, 3) each.

    Args:
      model: robot and ground.
      qpos: its poses, (T, nq).
      every: steps from one image to the next.
      size: width and height [px].
      balls_at: what else is drawn, of the step and of the robot's state at it.
    """
    state, camera = mujoco.MjData(model), mujoco.MjvCamera()
    model.vis.global_.offwidth, model.vis.global_.offheight = size
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.45, 0.5
    camera.distance, camera.azimuth, camera.elevation = 1.6, 115.0, -18.0
    with open_renderer(model, *size) as renderer:
        for step in range(0, len(qpos), every):
            state.qpos[:] = qpos[step]
            mujoco.mj_forward(model, state)
            camera.lookat[:] = qpos[step, :3]
            renderer.update_scene(state, camera)
            for ball in balls_at(step, state):
                ball.add_to(renderer.scene)
            yield renderer.render()
