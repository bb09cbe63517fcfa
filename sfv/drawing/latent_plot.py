"""What an adaptation module believes, drawn over time: z^ with the moment of an event."""

from collections.abc import Iterator

import cv2
import numpy as np

COLOURS = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40)] + [
    (148, 103, 189), (140, 86, 75), (227, 119, 194), (127, 127, 127)
]  # fmt: skip
"""Of the components of z, RGB."""
MARGIN = 10
"""Around the plot [px]."""


def draw_latent(
    z: np.ndarray, every: int, size: tuple[int, int], total: int, event: int | None
) -> Iterator[np.ndarray]:
    """Images of z^ up to each moment, RGB (height, width, 3) each.

    Args:
      z: at each control step, (T, Z).
      every: control steps from one image to the next.
      size: width and height [px].
      total: control steps from the left end to the right one.
      event: control step that a bar marks; None for none.
    """
    width, height = size
    low, high = float(z.min()), float(z.max())
    x = np.arange(len(z)) / total * (width - 2 * MARGIN) + MARGIN
    y = height - MARGIN - (z - low) / max(high - low, 1e-6) * (height - 2 * MARGIN)
    points = np.stack([np.broadcast_to(x[:, None], y.shape), y], axis=-1).round().astype(np.int32)
    for t in range(0, len(z), every):
        image = np.full((height, width, 3), 255, np.uint8)
        if event is not None:
            bar = round(event / total * (width - 2 * MARGIN) + MARGIN)
            cv2.line(image, (bar, 0), (bar, height), (200, 200, 200), 3)
        for component in range(z.shape[1]):
            line = np.ascontiguousarray(points[: t + 1, component])
            cv2.polylines(image, [line], False, COLOURS[component % len(COLOURS)], 2, cv2.LINE_AA)
        yield image
