"""From a video to 2D and 3D keypoints of one person (OpenCV, FFmpeg, MediaPipe BlazePose).

    import pose

    keypoints = pose.estimate_keypoints(Path("flip.mp4"), pose.PoseConfig(start=1.0, end=3.5))
    print(pose.assess_keypoints(keypoints).verdict)
    keypoints.save(Path("keypoints.npz"))

Nouns:
  Keypoints       landmarks of one person in every frame, 2D and 3D, with confidence
  CameraMotion    rotation and zoom of the camera in every frame
  PoseConfig      range of the video, person and effort
  Poses           the bodies that a detector finds in one image
  PoseEstimator   the interface of a detector: one method, `detect`
  BlazePose       the detector that is used by default
  Quality         assessment of a clip's keypoints
  InputError      an input that cannot be used, with one line for the user

Verbs:
  estimate_keypoints           from a video
  estimate_keypoints_with      from a video, with another detector
  estimate_picture_keypoints   from a single picture
  read_keypoint_files          from what another detector wrote: OpenPose, RTMPose, AlphaPose and others
  assess_keypoints             says whether keypoints are good enough to train on
  write_overlay                draws keypoints over their video

Names are imported on first use: `import pose` alone loads neither OpenCV nor MediaPipe.
"""

from typing import TYPE_CHECKING

from pose.lazy import make_lazy_getattr

if TYPE_CHECKING:
    from pose.blazepose import BlazePose
    from pose.camera.camera_motion import CameraMotion
    from pose.errors import InputError
    from pose.estimate import PoseConfig, estimate_keypoints, estimate_keypoints_with
    from pose.estimator import PoseEstimator, Poses
    from pose.formats.keypoint_files import read_keypoint_files
    from pose.keypoints import Keypoints
    from pose.overlay import write_overlay
    from pose.picture import estimate_picture_keypoints
    from pose.quality import Quality, assess_keypoints

__all__ = [
    "BlazePose",
    "CameraMotion",
    "InputError",
    "Keypoints",
    "PoseConfig",
    "PoseEstimator",
    "Poses",
    "Quality",
    "assess_keypoints",
    "estimate_keypoints",
    "estimate_keypoints_with",
    "estimate_picture_keypoints",
    "read_keypoint_files",
    "write_overlay",
]

_MODULES = {
    "BlazePose": "blazepose",
    "CameraMotion": "camera.camera_motion",
    "InputError": "errors",
    "Keypoints": "keypoints",
    "PoseConfig": "estimate",
    "PoseEstimator": "estimator",
    "Poses": "estimator",
    "Quality": "quality",
    "assess_keypoints": "quality",
    "estimate_keypoints": "estimate",
    "estimate_keypoints_with": "estimate",
    "estimate_picture_keypoints": "picture",
    "read_keypoint_files": "formats.keypoint_files",
    "write_overlay": "overlay",
}
"""Module of each name."""

__getattr__ = make_lazy_getattr(__name__, _MODULES)


def __dir__() -> list[str]:
    """Lists the public names for completion."""
    return sorted(__all__)
