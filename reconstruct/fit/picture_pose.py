"""The pose of a body in a single picture: the reconstruction's first pass, without ground, time or physics."""

from dataclasses import dataclass, replace

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.camera import Camera, View, focal_from_fov
from reconstruct.characters.character import Character
from reconstruct.fit.initial_motion import guess_initial_motion
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.observations import FEWEST_FRAMES, observe
from reconstruct.solver.solve import minimise
from reconstruct.solver.tangent import TangentSpace

ITERATIONS = 12


@dataclass(frozen=True)
class PicturePose:
    """A body as a level camera at the origin sees it, which looks along x; where the ground is, is not known."""

    qpos: np.ndarray
    """Pose, (nq,)."""
    view: View
    """That camera."""
    keypoints: Keypoints
    """What was seen, one frame."""

    def camera(self, height: float) -> Camera:
        """The pinhole in a world in which it stands `height` [m] above the ground."""
        return replace(self.view, height=height).camera(self.keypoints.image_size)


def fit_pose_to_picture(keypoints: Keypoints, character: Character, fov: float = 50.0) -> PicturePose:
    """Poses the character as the person in a picture.

    Args:
      keypoints: of a single frame.
      character: scaled to the person's height.
      fov: of the lens along the image's longer side [degrees].

    Raises:
      InputError: too little of the body is seen.
    """
    # The solver wants a motion: the picture, held for a moment.
    held = replace(
        keypoints,
        xy=np.repeat(keypoints.xy[:1], FEWEST_FRAMES, axis=0),
        xyz=np.repeat(keypoints.xyz[:1], FEWEST_FRAMES, axis=0),
        confidence=np.repeat(keypoints.confidence[:1], FEWEST_FRAMES, axis=0),
    )
    focal_px = focal_from_fov(fov, keypoints.image_size)
    observations = observe(held, character, focal_px)
    qpos, _ = guess_initial_motion(observations, character, focal_px, held.fps)
    problem = Problem(character, held.fps, FitSigmas(), observations=observations, focal_px=focal_px).with_scale(qpos)
    view = problem.first_view()
    solution = minimise(
        problem.residuals,
        TangentSpace.of(character.model),
        qpos,
        view.vector(),
        problem.free_globals(view),
        ITERATIONS,
    )
    return PicturePose(solution.qpos[FEWEST_FRAMES // 2], view, keypoints)
