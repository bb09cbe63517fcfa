"""From keypoints to a smooth, physically sound reference motion on a character (SciPy, MuJoCo kinematics).

    from reconstruct import load_character, reconstruct_motion

    found = reconstruct_motion(keypoints, load_character("humanoid"))
    found.motion.save(Path("motion.npz"))

Names are imported from their modules when they are first used.
"""

from typing import TYPE_CHECKING

from pose.lazy import make_lazy_getattr

if TYPE_CHECKING:
    from reconstruct.camera import Camera as Camera
    from reconstruct.characters.character import Character as Character
    from reconstruct.characters.character import load_character as load_character
    from reconstruct.formats.read_motion import read_motion as read_motion
    from reconstruct.motion import ReferenceMotion as ReferenceMotion
    from reconstruct.reconstruct import ReconstructConfig as ReconstructConfig
    from reconstruct.reconstruct import Reconstruction as Reconstruction
    from reconstruct.reconstruct import reconstruct_motion as reconstruct_motion
    from reconstruct.retargeting.config import RetargetConfig as RetargetConfig
    from reconstruct.retargeting.retargeting import Retargeted as Retargeted
    from reconstruct.retargeting.retargeting import retarget as retarget

_MODULES = {
    "Camera": "camera",
    "Character": "characters.character",
    "load_character": "characters.character",
    "read_motion": "formats.read_motion",
    "ReferenceMotion": "motion",
    "Reconstruction": "reconstruct",
    "ReconstructConfig": "reconstruct",
    "reconstruct_motion": "reconstruct",
    "RetargetConfig": "retargeting.config",
    "Retargeted": "retargeting.retargeting",
    "retarget": "retargeting.retargeting",
}
__all__ = list(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__ = make_lazy_getattr(__name__, _MODULES)
