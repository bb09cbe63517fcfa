"""Bodies of capsules in the picture, and limbs turned round in depth where no landmark moves in the picture."""

import numpy as np

from reconstruct.camera import Camera
from sfv.bench.silhouette import EDGE, SEEN, Crop, draw, flip_limbs, iou

CAMERA = Camera(600.0, np.array([320.0, 240.0]), (640, 480), np.eye(3), np.zeros(3))
AT = {name: index for index, name in enumerate(SEEN)}


def stand(distance=4.0):
    """Somebody who faces the camera, right forearm towards it, both legs in the plane of the picture [m], (J, 3)."""
    at = {"ear": (0.07, -0.75, 0), "shoulder": (0.18, -0.5, 0), "elbow": (0.3, -0.3, 0), "wrist": (0.4, -0.1, 0),
          "hip": (0.1, 0, 0), "knee": (0.12, 0.4, 0), "ankle": (0.13, 0.8, 0), "heel": (0.13, 0.85, 0),
          "foot_index": (0.16, 0.87, 0)}  # fmt: skip
    xyz = np.array([at[name.split("_", 1)[1]] for name in SEEN], dtype=float)
    xyz[[name.startswith("right") for name in SEEN], 0] *= -1.0
    xyz[AT["right_wrist"], 2] -= 0.15
    return xyz + [0.0, 0.0, distance]


def project(xyz):
    return CAMERA.focal_px * xyz[:, :2] / xyz[:, 2:] + CAMERA.principal_point_px


def test_a_limb_turned_round_keeps_its_lengths_and_its_place_in_the_picture():
    xyz = stand()
    flipped = flip_limbs(xyz)
    assert [name for name, _ in flipped] == ["arm"]
    other = flipped[0][1]
    np.testing.assert_allclose(project(other), project(xyz), atol=1e-9)
    elbow, wrist = AT["right_elbow"], AT["right_wrist"]
    assert np.isclose(np.linalg.norm(other[wrist] - other[elbow]), np.linalg.norm(xyz[wrist] - xyz[elbow]))
    assert (other[wrist] - other[elbow])[2] > 0.1
    kept = np.ones(len(SEEN), bool)
    kept[[elbow, wrist]] = False
    np.testing.assert_array_equal(other[kept], xyz[kept])


def test_an_outline_is_as_large_as_the_capsules():
    xyz = stand()
    crop = Crop.about(project(xyz))
    np.testing.assert_allclose(crop.place(np.array([crop.left, crop.top])), 0.0, atol=1e-9)
    outline = draw(xyz, CAMERA, crop)
    metre = CAMERA.focal_px / 4.0 * EDGE / crop.size
    # A shin is a rectangle .1 m wide: seen across, a row of pixels in its middle crosses both.
    row = round(0.5 * (crop.place(project(xyz))[AT["left_knee"], 1] + crop.place(project(xyz))[AT["left_ankle"], 1]))
    assert abs(outline[row].sum() - 2 * 0.1 * metre) <= 4
    assert iou(outline, outline) == 1.0
    assert iou(outline, draw(xyz + [0.05, 0.0, 0.0], CAMERA, crop)) < 0.9
