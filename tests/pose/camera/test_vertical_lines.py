"""Vertical lines of a drawn room: found in the background, and not where people are or the picture ends."""

import cv2
import numpy as np
import pytest

from pose.camera.vertical_lines import FRAMES, WITHIN, find_vertical_lines

SIZE = (640, 360)


def draw_room(posts: tuple[int, ...], person: int | None = None, scale: int = 1) -> np.ndarray:
    """Posts 12 wide from 60 to 300, which lean by a tenth, a floor's edge, and somebody like a box."""
    image = np.full((scale * SIZE[1], scale * SIZE[0], 3), 90, np.uint8)
    for x in posts:
        corners = scale * np.array([[x, 60], [x + 12, 60], [x + 36, 300], [x + 24, 300]])
        cv2.fillConvexPoly(image, corners, (200, 190, 180), cv2.LINE_AA)
    cv2.line(image, (0, scale * 310), (scale * 640, scale * 310), (20, 20, 20), 3)
    if person is not None:
        cv2.rectangle(image, (person, 80), (person + 40, 280), (30, 40, 160), -1)
    return image


def boxes(person: int | None) -> np.ndarray:
    return np.zeros((0, 4)) if person is None else np.array([[person - 8.0, 70.0, person + 48.0, 290.0]])


def test_edges_of_posts_are_found_with_their_lean() -> None:
    images = [draw_room((100, 400))] * 5
    lines = find_vertical_lines(images, [boxes(None)] * 5)
    assert len(lines) == 4
    assert (lines[:, 1] < lines[:, 3]).all()
    lean = (lines[:, 2] - lines[:, 0]) / (lines[:, 3] - lines[:, 1])
    assert lean == pytest.approx(0.1, abs=0.005)
    assert np.sort(lines[:, 1]) == pytest.approx(60.0, abs=4.0)


@pytest.mark.parametrize("moves", [True, False])
def test_a_person_gives_no_lines(moves: bool) -> None:
    places = [200 + (60 * t if moves else 0) for t in range(5)]
    lines = find_vertical_lines([draw_room((), place) for place in places], [boxes(place) for place in places])
    assert len(lines) == 0


def test_the_frame_of_a_picture_is_no_post() -> None:
    image = draw_room(())
    image[:, :140] = image[:, 500:] = 0  # an upright film between bars
    assert len(find_vertical_lines([image] * 3, [boxes(None)] * 3)) == 0


def test_large_pictures_are_shrunk_and_lines_are_in_their_pixels() -> None:
    lines = find_vertical_lines([draw_room((100, 400), scale=4)], [boxes(None)])
    assert len(lines) == 4
    assert lines[:, 3].max() == pytest.approx(1200.0, abs=16.0)


def test_only_the_beginning_of_a_long_film_is_read() -> None:
    read = list[int]()

    def film():
        for t in range(10 * WITHIN):
            read.append(t)
            yield draw_room(())

    find_vertical_lines(film(), [boxes(None)] * (10 * WITHIN))
    assert len(read) == WITHIN > FRAMES
