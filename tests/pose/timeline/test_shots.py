"""Truth: films of painted walls, cut, panned and lit by a flash."""

import numpy as np

from pose.timeline.shots import find_shots, make_thumbnail

FPS = 30.0


def wall(seed: int, tint: tuple[int, int, int]) -> np.ndarray:
    """A wall of blocks of one tint, uint8 (180, 1200, 3)."""
    blocks = np.random.default_rng(seed).integers(-50, 50, (12, 60, 1)) + np.array(tint)
    return np.kron(np.clip(blocks, 0, 255).astype(np.uint8), np.ones((15, 20, 1), np.uint8))


def pan(scene: np.ndarray, frames: int, speed_px: int) -> list[np.ndarray]:
    """A camera that pans over a wall, with something that moves before it."""
    images = []
    for t in range(frames):
        left = min(speed_px * t, scene.shape[1] - 320)
        image = scene[:, left : left + 320].copy()
        image[60:150, 20 + 4 * t : 60 + 4 * t] = (200, 30, 30)
        images.append(make_thumbnail(image))
    return images


def test_cuts_are_found_where_they_are() -> None:
    film = [
        *pan(wall(0, (90, 120, 90)), 30, 2),
        *pan(wall(1, (170, 150, 120)), 40, 0),
        *pan(wall(2, (60, 70, 140)), 25, 1),
    ]
    assert find_shots(film, FPS) == [(0, 30), (30, 70), (70, 95)]


def test_fast_pan_is_no_cut() -> None:
    assert find_shots(pan(wall(0, (120, 120, 120)), 50, 16), FPS) == [(0, 50)]


def test_flash_and_a_last_frame_of_another_picture_are_no_shots() -> None:
    film = pan(wall(0, (90, 120, 90)), 40, 1)
    film[20] = np.full_like(film[20], 255)
    film[-1] = np.zeros_like(film[-1])
    assert find_shots(film, FPS) == [(0, 40)]


def test_single_frame_is_one_shot() -> None:
    assert find_shots(pan(wall(0, (90, 120, 90)), 1, 1), FPS) == [(0, 1)]
