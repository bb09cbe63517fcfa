"""Which tracker is used: a file of the user's, or the shipped one."""

from pathlib import Path

from imitate.policy import Policy
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.tune import check_name
from imitate.training.config import TrainConfig
from pose.errors import InputError
from reconstruct.characters.assets_folder import ASSETS

SHIPPED_TRACKER = ASSETS / "skills" / "tracker" / "tracker.pt"
"""Where a tracker would be that comes with the program."""


def find_tracker(given: Path | None, character: str) -> Policy | None:
    """The tracker of a file, else the shipped one if it is this body's; None where there is none.

    Raises:
      InputError: the file is no tracker, or another body's.
    """
    if given is None and not SHIPPED_TRACKER.is_file():
        return None
    policy = load_tracker(given or SHIPPED_TRACKER)
    if given is None and policy.layout.character != character:
        return None
    check_name(policy, character)
    return policy


def choose_tracker(given: Path | None, training: TrainConfig, character: str) -> Path | None:
    """The file of the tracker that a training begins from; None where it begins otherwise.

    Raises:
      InputError: none is there, it is no tracker or another body's, or it would be passed over.
    """
    if training.warm_start != "tracker":
        if given is not None:
            raise InputError("--tracker is for --warm-start tracker; add that, or leave it out")
        return None
    if find_tracker(given, character) is None:
        raise InputError(
            f"--warm-start tracker: none ships for '{character}'; give one: --tracker FILE (sfv tracker train makes it)"
        )
    return given or SHIPPED_TRACKER
