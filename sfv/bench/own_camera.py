"""The pose network's 3D before the camera that the reconstruction found: what is lost by that camera, and what is lost
in the limbs."""

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.camera import Camera
from reconstruct.lifting.person_ray import turn_from_ray


def turn_to_world(keypoints: Keypoints, first: int, columns: list[int], camera: Camera, count: int) -> np.ndarray:
    """Detected 3D landmarks in the axes of the world that a camera stands in, wherever they are there [m], (T, J, 3).

    Args:
      keypoints: of the whole clip; its 3D is in axes of the ray through the person.
      first: frame at which the motion begins.
      columns: the landmarks.
      camera: of the motion's frames.
      count: number of frames.
    """
    part = slice(first, first + count)
    plane = keypoints.xy[part] - camera.principal_point_px
    focal = camera.focal_px * (np.ones(count) if camera.zoom is None else camera.zoom[:count])
    turn = turn_from_ray(plane, keypoints.confidence[part], focal)
    xyz_c = np.einsum("tij,tkj->tki", turn, keypoints.xyz[part][:, columns])
    if camera.turn is not None:
        xyz_c = xyz_c @ camera.turn[:count]
    return xyz_c @ camera.R_camera_world


def tilt_error(R_camera_world: np.ndarray, true_R_camera_world: np.ndarray) -> float:
    """Angle between the vertical that a camera is thought to see and the true one [degrees]."""
    along = float(R_camera_world[:, 2] @ true_R_camera_world[:, 2])
    return float(np.degrees(np.arccos(np.clip(along, -1.0, 1.0))))
