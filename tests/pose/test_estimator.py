"""Crops: what is cut out and mapped back is where it was."""

import numpy as np

from pose.estimator import Crop, Poses, concatenate, no_poses


def test_crop_maps_bodies_there_and_back() -> None:
    rng = np.random.default_rng(0)
    body = Poses(rng.uniform(0, 500, (2, 33, 2)), rng.normal(size=(2, 33, 3)), np.ones((2, 33)))
    crop = Crop(centre=(310.0, 220.0), side=400.0, angle=0.7, pixels=256)
    matrix = crop.image_to_crop()
    np.testing.assert_allclose(matrix @ [310.0, 220.0, 1.0], [128.0, 128.0])  # the centre stays the centre
    c, s = np.cos(0.7), np.sin(0.7)
    turned = body.xyz @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T  # clockwise to the eye: y points down
    back = crop.poses_to_image(Poses(body.xy @ matrix[:, :2].T + matrix[:, 2], turned, body.score))
    np.testing.assert_allclose(back.xy, body.xy, atol=1e-9)
    np.testing.assert_allclose(back.xyz, body.xyz, atol=1e-12)


def test_crop_turns_the_picture_as_it_turns_the_points() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[40:46, 150:156] = 255
    crop = Crop(centre=(110.0, 90.0), side=180.0, angle=-1.1, pixels=180)
    row, column = np.unravel_index(crop.cut(image)[:, :, 0].argmax(), (180, 180))
    expected = crop.image_to_crop() @ [153.0, 43.0, 1.0]
    assert np.hypot(column - expected[0], row - expected[1]) < 6


def test_bodies_are_put_together_and_selected() -> None:
    rng = np.random.default_rng(0)
    body = Poses(rng.random((2, 5, 2)), rng.random((2, 5, 3)), rng.random((2, 5)))
    both = concatenate([no_poses(5), body, body])
    assert len(both) == 4
    second = both.select([3, 0])
    for name in ("xy", "xyz", "score"):
        np.testing.assert_array_equal(getattr(second, name), getattr(body, name)[[1, 0]])
    assert len(both.select([])) == 0
