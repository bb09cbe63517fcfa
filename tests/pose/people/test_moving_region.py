"""Truth: films of a bright patch that moves over a textured wall, before a camera that moves too."""

from dataclasses import replace

import numpy as np
import pytest

from pose.people.moving_region import MovingRegion, find_moving_region
from tests.people import poses, stick

FPS, T, SIZE = 15.0, 30, (320, 180)


def wall(rng: np.random.Generator) -> np.ndarray:
    """A wall of blocks, larger than a picture, uint8 (H, W, 3)."""
    blocks = rng.integers(40, 220, (30, 50, 3)).astype(np.uint8)
    return np.kron(blocks, np.ones((9, 9, 1), np.uint8))


def place(t: int) -> tuple[float, float]:
    return 60.0 + 6.0 * t, 90.0 + 20.0 * np.sin(0.4 * t)


def film(pan_px: float) -> list[np.ndarray]:
    """A patch of noise that flickers and goes along `place`, before a wall that the camera pans over."""
    rng = np.random.default_rng(0)
    background, images = wall(rng), []
    for t in range(T):
        left = round(pan_px * t)
        image = background[20 : 20 + SIZE[1], left : left + SIZE[0]].copy()
        x, y = (round(value) for value in place(t))
        image[y - 25 : y + 25, x - 15 : x + 15] = np.kron(rng.integers(0, 255, (10, 6, 3)), np.ones((5, 5, 1)))
        images.append(image)
    return images


@pytest.mark.parametrize("pan_px", [0.0, 3.0])
def test_what_moves_by_itself_is_found_whether_the_camera_stands_or_pans(pan_px: float) -> None:
    region = find_moving_region(film(pan_px), FPS)
    away = np.linalg.norm(region.centre - [place(t) for t in range(T)], axis=1)
    assert np.median(away) < 15 and away.max() < 40
    assert 30 < np.median(region.size) < 90


def test_body_that_moves_is_covered_and_a_still_one_is_not() -> None:
    region = find_moving_region(film(0.0), FPS)
    frames = [poses((stick(*place(t), 110.0), 0.9), (stick(280.0, 90.0, 110.0), 0.9)) for t in range(T)]
    moving, still = (np.full(T, row) for row in (0, 1))
    assert region.share_covered(frames, moving) > 0.9 > 0.2 > region.share_covered(frames, still)
    motion = np.array([region.motion_of(t, frames[t].xy) for t in range(T)])
    assert np.median(motion[:, 0]) > 4 * np.median(motion[:, 1])


def test_motion_counts_only_while_the_film_moves() -> None:
    region = find_moving_region(film(0.0), FPS)
    frames = [poses((stick(*place(t), 110.0), 0.9)) for t in range(T)]
    late = np.where(np.arange(T) < 10, -1, 0)
    quiet = replace(region, energy=region.energy * (np.arange(T) >= 10)[:, None, None])
    assert quiet.share_covered(frames, late) > 0.9 > 0.7 > region.share_covered(frames, late)


def test_still_film_has_a_region_without_motion() -> None:
    region = find_moving_region([film(0.0)[0]] * 5, FPS)
    assert isinstance(region, MovingRegion) and region.energy.max() == 0 and np.isfinite(region.centre).all()
