"""`python -m sfv.app.first_look FOLDER`: pictures of an uploaded video, in a process that may die of it."""

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np

from pose.errors import InputError
from pose.files import replace_file
from pose.picture import read_picture
from pose.video import probe, read_frames
from sfv.app.sources import INFO, Frame, Source, Sources
from sfv.exit_codes import EXIT_INPUT
from sfv.parent import end_with_parent

FRAMES = 48
"""Most pictures of a video."""
LONGER_SIDE = 960
"""Of such a picture [px]."""
MOST_PIXELS = 8192 * 8192
LONGEST_S = 3600.0
"""Longest video that is taken [s]."""
PREVIEW = ".preview.jpg"
"""A picture's smaller copy. Names of uploads never begin with a dot, so none is overwritten."""


def main(folder: Path) -> None:
    """Looks at the upload in a folder and completes its description; `EXIT_INPUT` and one line if it cannot be used."""
    sources = Sources(folder.parent)
    source = sources.find(folder.name)
    try:
        found = look_at_video(source, folder) if source.kind == "video" else look_at_picture(source, folder)
    except InputError as error:
        print(str(error).replace(f"{folder}{os.sep}", ""), file=sys.stderr)
        sys.exit(EXIT_INPUT)
    with replace_file(folder / INFO) as temporary:
        temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")


def look_at_video(source: Source, folder: Path) -> Source:
    """Its size and length, and pictures spread evenly over it.

    Raises:
      InputError: it is no video, or too large or too long.
    """
    path = folder / source.file
    info = probe(path)
    if info.width * info.height > MOST_PIXELS:
        raise InputError(f"{source.name}: {info.width} x {info.height} pixels are too many; make it smaller")
    if info.duration > LONGEST_S:
        raise InputError(f"{source.name}: {info.duration / 60:.0f} minutes long; cut out what the skill is")
    rate = min(info.fps, FRAMES / max(info.duration, 1e-3))
    frames = []
    for number, (t, image) in enumerate(read_frames(path, fps=rate)):
        if number == FRAMES:
            break
        frames.append(Frame(round(t, 3), f".frame_{number:03d}.jpg"))
        write_small(image, folder / frames[-1].file)
    return replace(source, duration=round(info.duration, 3), width=info.width, height=info.height, frames=tuple(frames))


def look_at_picture(source: Source, folder: Path) -> Source:
    """Its size, and a smaller copy.

    Raises:
      InputError: it is no picture.
    """
    image = read_picture(folder / source.file)
    write_small(image, folder / PREVIEW)
    height, width = image.shape[:2]
    return replace(source, width=width, height=height, frames=(Frame(0.0, PREVIEW),))


def write_small(image: np.ndarray, path: Path) -> None:
    """Writes an RGB image, uint8 (H, W, 3), as a JPEG of at most `LONGER_SIDE` pixels."""
    scale = min(1.0, LONGER_SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise InputError(f"{path}: cannot be written as JPEG")
    path.write_bytes(encoded.tobytes())


if __name__ == "__main__":
    end_with_parent()
    main(Path(sys.argv[1]))
