"""Left and right exchanged in a file's names: known where a face is seen, and only there."""

import numpy as np

from pose.formats.keypoint_sides import find_exchanged_sides
from pose.landmarks import INDEX, LANDMARKS

FRAMES = 20
PLACES = {"shoulder": (20.0, 0.0), "hip": (12.0, 55.0), "eye": (4.0, -30.0)}


def front(turn: float = 0.0, face: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """A person before the camera, turned about the vertical [rad], whose face is so sure: 2D and confidences."""
    xy, confidence = np.zeros((FRAMES, len(LANDMARKS), 2)), np.full((FRAMES, len(LANDMARKS)), 0.9)
    for part, (x, y) in PLACES.items():
        for side, sign in (("left", 1.0), ("right", -1.0)):
            xy[:, INDEX[f"{side}_{part}"]] = [300.0 + sign * x * np.cos(turn), 200.0 + y]
    xy[:, INDEX["nose"]] = [300.0 + 8.0 * np.sin(turn), 175.0]
    confidence[:, [INDEX["nose"], INDEX["left_eye"], INDEX["right_eye"]]] = face
    return xy, confidence


def exchange(xy: np.ndarray, parts: tuple[str, ...] = tuple(PLACES)) -> np.ndarray:
    exchanged = xy.copy()
    for part in parts:
        left, right = INDEX[f"left_{part}"], INDEX[f"right_{part}"]
        exchanged[:, [left, right]] = xy[:, [right, left]]
    return exchanged


def test_exchanged_sides_are_reported_where_a_face_is_seen():
    xy, confidence = front()
    assert find_exchanged_sides(xy, confidence) == ()
    (said,) = find_exchanged_sides(exchange(xy), confidence)
    assert "20 frames" in said and "exchange" in said
    assert find_exchanged_sides(exchange(xy, ("shoulder", "hip")), confidence)  # of the body alone


def test_a_handstand_and_somebody_lying_are_as_named_and_a_file_with_y_from_below_is_not_exchanged():
    xy, confidence = front()
    lying = (xy - 300.0) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 300.0
    assert find_exchanged_sides(600.0 - xy, confidence) == () and find_exchanged_sides(lying, confidence) == ()
    assert find_exchanged_sides(exchange(lying), confidence)
    assert find_exchanged_sides(xy * [1.0, -1.0] + [0.0, 600.0], confidence) == ()


def test_nothing_is_said_of_backs_of_sides_and_of_points_without_scores():
    behind = front(np.pi, face=0.4)
    assert find_exchanged_sides(*behind) == ()
    from_the_side, confidence = front(1.4)
    assert find_exchanged_sides(exchange(from_the_side), confidence) == ()
    xy, _ = front(np.pi)
    assert find_exchanged_sides(xy, np.ones(xy.shape[:2])) == ()
