"""Skills from videos: a video of a person goes in, a physically simulated skill comes out.

    import sfv

    run = sfv.clip("flip.mp4", minutes=3)
    print(run.metrics["normalised_return"], run.report)

Importing this is cheap: what a name needs is imported when the name is first used. It also makes the settings of the
process that must stand before numerical libraries start (`sfv.backend`), so import it before them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sfv.backend import prepare_process

if TYPE_CHECKING:
    from imitate.env.task import Simulated, Task
    from imitate.policy import Policy
    from imitate.rollout import EvaluateConfig, Evaluation, Rollout
    from imitate.scene.scene import Scene, make_found_scene
    from imitate.tracking.draft import Draft
    from imitate.tracking.track import TrackConfig
    from imitate.training.config import TrainConfig
    from imitate.training.train import Training
    from pose.errors import InputError, WorkError
    from pose.estimate import PoseConfig
    from pose.keypoints import Keypoints
    from reconstruct.characters.assets_folder import ASSETS
    from reconstruct.characters.character import Character, load_character
    from reconstruct.motion import ReferenceMotion
    from reconstruct.reconstruct import ReconstructConfig, Reconstruction
    from reconstruct.retargeting.config import RetargetConfig
    from sfv.api import clip, complete, estimate, evaluate, new_character, reconstruct, retarget, track, train
    from sfv.commands.character_new import NewCharacterConfig
    from sfv.config import ClipConfig, RetargetRunConfig
    from sfv.picture_motion import CompleteConfig
    from sfv.run import Run

__version__ = "0.2.0"

__all__ = [
    "ASSETS",
    "Character",
    "ClipConfig",
    "CompleteConfig",
    "Draft",
    "EvaluateConfig",
    "Evaluation",
    "InputError",
    "Keypoints",
    "NewCharacterConfig",
    "Policy",
    "PoseConfig",
    "ReconstructConfig",
    "Reconstruction",
    "ReferenceMotion",
    "RetargetConfig",
    "RetargetRunConfig",
    "Rollout",
    "Run",
    "Scene",
    "Simulated",
    "Task",
    "TrackConfig",
    "TrainConfig",
    "Training",
    "WorkError",
    "clip",
    "complete",
    "estimate",
    "evaluate",
    "load_character",
    "make_found_scene",
    "new_character",
    "reconstruct",
    "retarget",
    "track",
    "train",
]

_MODULES = {
    "imitate.env.task": "Simulated Task",
    "imitate.policy": "Policy",
    "imitate.rollout": "EvaluateConfig Evaluation Rollout",
    "imitate.scene.scene": "Scene make_found_scene",
    "imitate.tracking.draft": "Draft",
    "imitate.tracking.track": "TrackConfig",
    "imitate.training.config": "TrainConfig",
    "imitate.training.train": "Training",
    "pose.errors": "InputError WorkError",
    "pose.estimate": "PoseConfig",
    "pose.keypoints": "Keypoints",
    "reconstruct.characters.assets_folder": "ASSETS",
    "reconstruct.characters.character": "Character load_character",
    "reconstruct.motion": "ReferenceMotion",
    "reconstruct.reconstruct": "ReconstructConfig Reconstruction",
    "reconstruct.retargeting.retargeting": "RetargetConfig",
    "sfv.api": "clip complete estimate evaluate new_character reconstruct retarget track train",
    "sfv.commands.character_new": "NewCharacterConfig",
    "sfv.config": "ClipConfig RetargetRunConfig",
    "sfv.picture_motion": "CompleteConfig",
    "sfv.run": "Run",
}
"""Module -> the names that come from it."""

_ORIGINS = {name: module for module, names in _MODULES.items() for name in names.split()}

prepare_process()


def __getattr__(name: str) -> Any:
    if name not in _ORIGINS:
        raise AttributeError(f"module 'sfv' has no attribute {name!r}")
    value = getattr(import_module(_ORIGINS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
