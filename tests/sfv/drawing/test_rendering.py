"""Rendering: a given pinhole is matched to the pixel, bodies are drawn at their size, films share one time base."""

import mujoco
import numpy as np
import pytest

from pose.video import probe, read_frames
from reconstruct.camera import Camera
from reconstruct.characters.character import load_character
from sfv.drawing.backdrop import PICTURE, Light, paint_planks, paint_plaster
from sfv.drawing.character_views import SIZE, draw_landmarks
from sfv.drawing.rendering import LABEL_HEIGHT, draw_label_band, follow, render_motion, write_side_by_side

LOOKING_ALONG_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def darkness(spec: mujoco.MjSpec) -> Light:
    """Nothing but the body, evenly lit."""
    return Light(ambient=1.0, head=0.0, shadow_size=16)


@pytest.mark.parametrize(("height", "principal"), [(1.75, (160.0, 120.0)), (1.4, (190.0, 95.0))])
def test_given_camera_is_matched_to_the_pixel(height, principal):
    character = load_character("humanoid", height)
    position = np.array([0.3, -4.0, 1.1])
    camera = Camera(260.0, np.array(principal), (320, 240), LOOKING_ALONG_Y, -LOOKING_ALONG_Y @ position)
    image = next(render_motion(character, character.model.qpos0[None], 30.0, camera, backdrop=darkness))
    assert image.shape == (240, 320, 3)
    rows, columns = np.nonzero(image.max(axis=2) > 20)
    top, sole = camera.project(np.array([[0.03, 0.0, height], [0.0, 0.0, 0.0]]))
    assert rows.min() == pytest.approx(top[1], abs=2.5)
    assert rows.max() == pytest.approx(sole[1], abs=4.0)  # the near shoe is a little lower in the image
    nose = camera.project(np.array([[0.17 * height / 1.75, 0.0, 1.58 * height / 1.75]]))[0]
    assert columns.min() < nose[0] < columns.max() + 6
    assert (columns.min() + columns.max()) / 2 == pytest.approx(camera.project(np.zeros((1, 3)))[0, 0], abs=9)


def test_following_camera_keeps_the_body_in_the_middle():
    character = load_character("humanoid")
    qpos = np.tile(character.model.qpos0, (3, 1))
    qpos[:, 0] = [0.0, 5.0, 10.0]
    track = follow(qpos, 1.0, character.height)
    for image in render_motion(character, qpos, 1.0, track, size=(120, 120), backdrop=darkness, smooth_edges=False):
        rows, columns = np.nonzero(image.max(axis=2) > 20)
        assert 30 < (columns.min() + columns.max()) / 2 < 90
        assert rows.min() > 3 and rows.max() < 117


def test_side_by_side_holds_the_last_image_of_the_shorter_film(tmp_path):
    red = [np.full((60, 80, 3), (250, 0, 0), np.uint8)] * 2
    blue = [np.full((120, 120, 3), (0, 0, 250), np.uint8)] * 5
    out = tmp_path / "both.mp4"
    write_side_by_side([iter(red), blue], ["short", "long"], 10.0, out, height=60)
    info = probe(out)
    assert (info.width, info.height) == (80 + 60, 60 + LABEL_HEIGHT)
    frames = [frame for _, frame in read_frames(out)]
    assert len(frames) == 5
    last = frames[-1].astype(int)
    assert last[LABEL_HEIGHT + 30, 40, 0] > 200 and last[LABEL_HEIGHT + 30, 110, 2] > 200


def test_side_by_side_leaves_nothing_behind_when_a_film_breaks(tmp_path):
    def broken():
        yield np.zeros((60, 80, 3), np.uint8)
        raise RuntimeError("camera fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        write_side_by_side([broken()], ["x"], 10.0, tmp_path / "x.mp4", height=60)
    assert list(tmp_path.iterdir()) == []


def test_label_is_drawn_in_the_middle_of_its_band():
    band = draw_label_band("reference", 200)
    assert band.shape == (LABEL_HEIGHT, 200, 3)
    columns = np.nonzero(band.max(axis=(0, 2)) > 200)[0]
    assert (columns.min() + columns.max()) / 2 == pytest.approx(100, abs=3)


def test_textures_are_painted_alike_from_the_same_seed():
    for paint in (paint_planks, paint_plaster):
        first, again, other = (paint(np.random.default_rng(seed)) for seed in (0, 0, 1))
        assert first.shape == (PICTURE, PICTURE, 3) and first.dtype == np.uint8 and first.std() > 0
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()


def test_landmarks_are_drawn_where_they_are():
    """The nose of the body at rest is on its middle in the front view; a dot of its colour is there."""
    character = load_character("humanoid")
    views = draw_landmarks(character)
    assert views.shape == (SIZE[1], 2 * SIZE[0], 3)
    green = np.all(np.abs(views[:, : SIZE[0]].astype(int) - (20, 140, 40)) < 3, axis=2)
    rows, _ = np.nonzero(np.asarray(green)[:, SIZE[0] // 2 - 6 : SIZE[0] // 2 + 6])
    assert len(rows) > 20 and rows.max() < SIZE[1] // 2
