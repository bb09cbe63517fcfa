"""What a bench measures: the user's files; without any, demonstrations that ship with the project; recordings."""

import hashlib
from pathlib import Path

from pose.errors import InputError
from reconstruct.characters.character import Character
from reconstruct.formats.open_motion import FORMATS
from reconstruct.formats.read_motion import read_motion
from reconstruct.motion import ReferenceMotion
from sfv.console import console
from sfv.demo.motions import load_demo_motion
from sfv.installation import ROOT

MOTIONS = {suffix for kind in FORMATS if kind.reads for suffix in kind.suffixes} - {".json"}
"""Suffixes of motion files that are looked for in a folder; a `.json` there is rather keypoints or metrics."""
RECORDINGS = ROOT.parent / "shared" / "data"
"""Folder of real videos and motion capture beside the checkout; the project does not ship it."""
NOT_SHIPPED = f"left out: not in {RECORDINGS}, a folder that the project does not ship"
"""Note of a row that needs a recording."""


def find_recordings(pattern: str) -> list[Path]:
    """Files in `RECORDINGS` that match a glob pattern, sorted; an empty list, and a line that says so, without any."""
    found = sorted(RECORDINGS.glob(pattern))
    if not found:
        console.print(f"[dim]{pattern}: {NOT_SHIPPED}[/dim]")
    return found


def list_motion_files(given: tuple[Path, ...]) -> list[Path]:
    """The motion files that files and folders stand for.

    Raises:
      InputError: no such file, a folder without motions, or two files of one name.
    """
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in MOTIONS)
            if not inside:
                raise InputError(f"{path}: no motions in it; give files or a folder of {', '.join(sorted(MOTIONS))}")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file or folder; give a motion")
    names = [path.stem for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two motions are called {name}; rename one of them")
    return files


def read_motions(
    given: tuple[Path, ...], character: Character, demonstrations: tuple[str, ...]
) -> dict[str, ReferenceMotion]:
    """Reference motions on a character, by the stem of their file or the name of the demonstration.

    Args:
      given: motion files, or folders of them.
      character: body that is to perform them.
      demonstrations: names of shipped motions, taken if no file is given.

    Raises:
      InputError: a file cannot be used.
    """
    if given:
        return {path.stem: read_motion(path, character) for path in list_motion_files(given)}
    return {name: load_demo_motion(name, character) for name in demonstrations}


def hash_motion(motion: ReferenceMotion) -> str:
    """Sixteen hexadecimal digits that identify a motion's poses."""
    return hashlib.sha256(motion.qpos.tobytes()).hexdigest()[:16]
