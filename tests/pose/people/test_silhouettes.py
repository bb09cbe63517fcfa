"""Truth: films of a stick figure in clothes that moves over a wall, before others that stand, with its own pixels."""

import cv2
import numpy as np
import pytest

from pose.estimator import Poses
from pose.people.moving_region import find_moving_region
from pose.people.silhouettes import Silhouettes, draw_limbs, find_silhouettes
from tests.people import stick

FPS, T, SIZE, SHAPE = 15.0, 16, (320, 180), (180, 320)
RED, YELLOW = (190, 40, 40), (200, 180, 50)


def place(t: int) -> np.ndarray:
    """A body that walks to the right and is on its head in the second half, (33, 2) [px]."""
    body = stick(80.0 + 7.0 * t, 95.0, 110.0, 0.5 * t)
    return body * (1, -1) + (0, 190) if t >= T // 2 else body


def film(pan_px: float = 0.0) -> list[np.ndarray]:
    """Red before a wall of blocks, over which the camera pans, and before people in yellow who stand."""
    rng = np.random.default_rng(0)
    wall = np.kron(rng.integers(90, 160, (30, 60, 3)).astype(np.uint8), np.ones((9, 9, 1), np.uint8))
    for x in (90, 200, 260):
        wall[20 : 20 + SIZE[1], : SIZE[0]][draw_limbs(stick(x, 85.0, 90.0), SHAPE, 1.0)] = YELLOW
    images = []
    for t in range(T):
        left = round(pan_px * t)
        image = wall[20 : 20 + SIZE[1], left : left + SIZE[0]].copy()
        image[draw_limbs(place(t), SHAPE, 1.0)] = RED
        images.append(cv2.GaussianBlur(image, (0, 0), 0.7))
    return images


def overlap(found: Silhouettes) -> np.ndarray:
    """Intersection over union with the truth, (T,)."""
    truth = [draw_limbs(place(t), SHAPE, 1.0) for t in range(T)]
    return np.array([(found.mask(t) & true).sum() / (found.mask(t) | true).sum() for t, true in enumerate(truth)])


@pytest.fixture(scope="module")
def found() -> Silhouettes:
    images = film()
    return find_silhouettes(images, find_moving_region(images, FPS), FPS)


def test_silhouette_is_the_body_that_moves_whether_the_camera_stands_or_pans(found: Silhouettes) -> None:
    assert found.found.all() and found.scale == 1.0
    assert np.median(overlap(found)) > 0.8
    images = film(2.0)
    panned = find_silhouettes(images, find_moving_region(images, FPS), FPS)
    assert np.median(overlap(panned)) > 0.7


def test_known_clothes_cut_out_the_same_body() -> None:
    images = film()
    known = {t: place(t) for t in range(0, T // 2, 2)}  # upright: it is to be found on its head
    again = find_silhouettes(images, find_moving_region(images, FPS), FPS, known)
    assert np.median(overlap(again)[T // 2 :]) > 0.8


def test_body_that_fills_the_silhouette_fits_and_others_do_not(found: Silhouettes) -> None:
    t = T - 4
    fit = found.fit(t, np.stack([place(t), place(t) + (18, 0), stick(60.0, 85.0, 90.0)]))
    assert fit[0] > 0.8 > 0.4 > fit[1] and fit[2] == 0.0
    empty = Silhouettes((np.zeros((SIZE[1], SIZE[0] // 8), np.uint8),), SHAPE, 1.0)
    assert not empty.found.any() and (empty.fit(0, place(0)[None]) == 0.0).all()


def test_detector_is_shown_the_silhouette_alone_in_crops_around_it(found: Silhouettes) -> None:
    shown = found.show_only(5, film()[5])
    assert (shown[:, 250:] == 150).all() and (shown == 150).mean() > 0.8
    body = place(5)
    x, y = body[[11, 12, 23, 24]].mean(axis=0).astype(int)
    np.testing.assert_allclose(shown[y, x], RED, atol=3)
    crops = found.plan_crops(5)
    assert {round(float(np.degrees(crop.crop.angle))) for crop in crops} == {0, 90, 180, 270}
    middle = Poses(np.full((1, 1, 2), crops[0].crop.pixels / 2), np.zeros((1, 1, 3)), np.ones((1, 1)))
    row, column = np.nonzero(found.mask(5))
    centre = [(column.min() + column.max() + 1) / 2, (row.min() + row.max() + 1) / 2]
    np.testing.assert_allclose(crops[0].poses_to_image(middle).xy[0, 0], centre, atol=1e-6)
