"""Colours of the clothes in the humanoid's picture of its skin, and how others are put in their place."""

from collections.abc import Mapping

import numpy as np

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
SHIRT, TROUSERS, SKIN, HAIR = (176, 52, 48), (44, 58, 92), (224, 172, 136), (62, 42, 32)
"""As the picture has them."""
ALIKE = 60
"""Sum of the differences in the three colours below which a pixel is of a colour."""


def dye(image: np.ndarray, colours: Mapping[Colour, Colour], shaded: bool = False) -> np.ndarray:
    """Gives what has one of some colours another one.

    Args:
      image: RGB, uint8 (..., 3).
      colours: old ones -> new ones; a pixel near several goes with the nearest.
      shaded: whether a pixel keeps its difference from the old colour: light and folds.

    Returns:
      The image, uint8 of the same shape.
    """
    before, after = np.array(list(colours)), np.array(list(colours.values()))
    values = image.astype(int)
    distance = np.stack([np.abs(values - colour).sum(axis=-1) for colour in before])
    nearest, near = distance.argmin(axis=0), distance.min(axis=0) < ALIKE
    painted = values + (after - before)[nearest] if shaded else after[nearest]
    return np.where(near[..., None], np.clip(painted, 0, 255), values).astype(np.uint8)
