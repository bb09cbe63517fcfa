"""`python -m sfv bench draft`: motions performed by tracking control."""

from pathlib import Path

from imitate.scene import Scene
from imitate.track import TrackConfig, track_motion
from reconstruct.character import load_character
from reconstruct.formats import read_motion
from sfv.console import bar
from sfv.figures import Row, show


def bench_draft(motion: Path, character: str = "humanoid", json: bool = False) -> None:
    """Performs a motion file by tracking control (iLQG), before any learning.

    Args:
      motion: reference motion (.bvh, AMASS .npz, DeepMimic .txt, or .npz of a run).
      character: body that is to perform it.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    reference = read_motion(motion, body)
    with bar(motion.stem) as progress:
        draft = track_motion(reference, body, Scene(), TrackConfig(), progress)
    units = {"seconds": "s", "mm": "mm", "frame": "mm"}
    rows = [Row(name, value, units.get(name.rsplit("_", 1)[-1], "")) for name, value in draft.figures.items()]
    show("draft", rows, json)
