"""Colours of clothes are changed by hand-made pixels."""

import numpy as np

from sfv.drawing.clothes import SHIRT, TROUSERS, dye


def test_pixels_near_a_colour_take_the_new_one_flat_or_with_their_light_and_others_stay() -> None:
    image = np.array([[SHIRT, (186, 42, 48)], [TROUSERS, (10, 250, 10)]], np.uint8)
    colours = {SHIRT: (10, 96, 250), TROUSERS: (0, 0, 0)}
    assert dye(image, colours).tolist() == [[[10, 96, 250], [10, 96, 250]], [[0, 0, 0], [10, 250, 10]]]
    assert dye(image, {SHIRT: (10, 96, 250)}, shaded=True).tolist() == [
        [[10, 96, 250], [20, 86, 250]],
        [list(TROUSERS), [10, 250, 10]],
    ]
    assert dye(image, {SHIRT: (250, 5, 250)}, shaded=True)[0, 1].tolist() == [255, 0, 250]
