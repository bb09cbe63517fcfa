"""A single picture: read upright, and the detection that most others agree with is taken."""

import cv2
import numpy as np
import pytest

from pose.errors import InputError
from pose.estimator import Poses, no_poses
from pose.landmarks import LANDMARKS
from pose.picture import estimate_image_keypoints, find_medoid, read_picture


def body(centre: tuple[float, float], size: float = 100.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.array(centre) + size * (rng.random((len(LANDMARKS), 2)) - 0.5)


class Known:
    """Sees one body in the whole image and in every crop."""

    names = LANDMARKS

    def detect(self, images):
        for image in images:
            xy = body((320.0, 240.0)) if image.shape[:2] == (480, 640) else body((100.0, 100.0), 60.0)
            yield Poses(xy[None], np.zeros((1, len(LANDMARKS), 3)), np.full((1, len(LANDMARKS)), 0.9))


def test_picture_is_read_and_others_are_one_line_errors(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 2] = 255  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "red.png"), image)
    found = read_picture(tmp_path / "red.png")
    assert found.shape == (20, 30, 3) and found[0, 0].tolist() == [255, 0, 0]
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(InputError, match="not a picture"):
        read_picture(tmp_path / "text.jpg")
    with pytest.raises(InputError, match="no such file"):
        read_picture(tmp_path / "none.jpg")


def test_the_detection_that_most_agree_with_is_taken():
    xy = np.stack([body((320, 240)) + shift for shift in (0.0, 3.0, -3.0, 150.0)])
    poses = Poses(xy, np.zeros((4, len(LANDMARKS), 3)), np.full((4, len(LANDMARKS)), 0.8))
    poses.score[3] = 0.99  # the surest one is alone
    assert find_medoid(poses) == 0


def test_one_person_in_one_frame():
    found = estimate_image_keypoints(np.zeros((480, 640, 3), np.uint8), Known())
    assert len(found) == 1 and found.image_size == (640, 480)
    assert found.seen.all()


def test_nobody_is_a_one_line_error():
    class Nobody(Known):
        def detect(self, images):
            for _ in images:
                yield no_poses(len(LANDMARKS))

    with pytest.raises(InputError, match="no person was found"):
        estimate_image_keypoints(np.zeros((480, 640, 3), np.uint8), Nobody())
