"""A picture of the people in a video, with the number that PERSON takes on each."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pose.estimator import Poses
from pose.files import replace_file
from pose.people.prominence import Choice

CHOSEN, OTHER = (90, 220, 90), (255, 200, 60)
"""RGB of the frame around the person that was chosen, and around the others."""
WIDTH = 1280
"""Largest width of the sheet [px]."""
MARGIN = 0.06
"""Margin of a frame around the joints [body sizes]."""


def write_people_sheet(images: Iterable[np.ndarray], frames: list[Poses], choice: Choice, out: Path) -> None:
    """Draws the candidates into the frame in which most of them are seen.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB.
      frames: the bodies in each frame.
      choice: whom there was to choose from.
      out: PNG or JPEG file to write.
    """
    seen = np.sum([person.rows >= 0 for person in choice.people], axis=0)
    t = int(seen.argmax())
    image = next(image for number, image in enumerate(images) if number == t)
    scale = min(1.0, WIDTH / image.shape[1])
    sheet = np.ascontiguousarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    for number, person in enumerate(choice.people, start=1):
        if person.rows[t] < 0:
            continue
        xy = frames[t].xy[person.rows[t]] * scale
        margin = MARGIN * float(np.ptp(xy, axis=0).max())
        (left, top), (right, bottom) = np.rint(xy.min(axis=0) - margin).astype(int), np.rint(xy.max(axis=0) + margin)
        colour = CHOSEN if person.rows is choice.rows else OTHER
        cv2.rectangle(sheet, (left, top), (int(right), int(bottom)), colour, 3, cv2.LINE_AA)
        place = (max(left, 0) + 4, max(top, 0) + 34)
        for ink, width in (((0, 0, 0), 6), (colour, 2)):
            cv2.putText(sheet, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 1.1, ink, width, cv2.LINE_AA)
    with replace_file(out) as temporary:
        coded, data = cv2.imencode(out.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        assert coded
        temporary.write_bytes(data.tobytes())
