"""Truth: painted bodies whose clothes are known."""

import numpy as np

from pose.landmarks import INDEX
from pose.people.appearance import appearance_distance, describe_bodies, describe_in_image
from tests.people import poses, stick

RED, BLUE, GREY = (190, 40, 40), (40, 60, 170), (120, 120, 120)


def paint(image: np.ndarray, xy: np.ndarray, shirt: tuple[int, ...], trousers: tuple[int, ...]) -> None:
    """Boxes over trunk and thighs."""
    for top, bottom, colour in (("shoulder", "hip", shirt), ("hip", "knee", trousers)):
        rows = (xy[INDEX[f"left_{top}"], 1], xy[INDEX[f"left_{bottom}"], 1])
        x, half = xy[:, 0].mean(), 40
        image[int(min(rows)) : int(max(rows)), int(x) - half : int(x) + half] = colour


def picture(rng: np.random.Generator, light: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two people, one in red and one in blue, in some light, with the noise of a camera."""
    image = np.full((400, 600, 3), 200, dtype=float)
    one, other = stick(150, 200, 300), stick(420, 210, 280)
    paint(image, one, RED, GREY)
    paint(image, other, BLUE, GREY)
    image = light * image + 6 * rng.standard_normal(image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), one, other


def test_the_same_clothes_are_alike_in_other_light_and_turned_bodies_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    image, one, other = picture(rng, 1.0)
    darker, *_ = picture(rng, 0.85)
    turned = 2 * one.mean(axis=0) - one  # upside down, painted so
    upside_down = np.full((400, 600, 3), 200, np.uint8)
    paint(upside_down, turned, RED, GREY)
    red, blue = describe_in_image(image, poses((one, 0.9), (other, 0.9)))
    again = describe_in_image(darker, poses((one, 0.9)))[0]
    on_hands = describe_in_image(upside_down, poses((turned, 0.9)))[0]
    np.testing.assert_allclose(red.sum(axis=-1), 1.0)
    assert appearance_distance(red, red) < 1e-6
    assert max(appearance_distance(red, again), appearance_distance(red, on_hands)) < 0.3
    assert appearance_distance(red, blue) > 0.4


def test_body_outside_the_picture_is_described_as_unknown() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    (frame,) = describe_bodies([image], [poses((stick(900, 900, 50), 0.9))])
    assert frame.shape[0] == 1 and np.isfinite(frame).all() and np.ptp(frame) == 0
