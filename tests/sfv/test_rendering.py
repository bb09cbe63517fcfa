"""Rendering: a given pinhole is matched to the pixel, bodies are drawn at their size, films share one time base."""

import mujoco
import numpy as np
import pytest

from pose.video import probe, read_frames
from reconstruct.camera import Camera
from reconstruct.characters.character import load_character
from sfv.backdrop import Light
from sfv.rendering import LABEL_HEIGHT, at_rate, contact_sheet, follow, label_band, render_motion, side_by_side

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


def test_at_rate_keeps_times():
    frames = [np.full((1, 1, 3), value, np.uint8) for value in range(6)]
    assert [int(f[0, 0, 0]) for f in at_rate(frames, 30.0, 60.0)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [int(f[0, 0, 0]) for f in at_rate(frames, 60.0, 30.0)] == [0, 2, 4]
    assert [int(f[0, 0, 0]) for f in at_rate(frames, 30.0, 30.0)] == [0, 1, 2, 3, 4, 5]


def test_side_by_side_holds_the_last_image_of_the_shorter_film(tmp_path):
    red = [np.full((60, 80, 3), (250, 0, 0), np.uint8)] * 2
    blue = [np.full((120, 120, 3), (0, 0, 250), np.uint8)] * 5
    out = tmp_path / "both.mp4"
    side_by_side([iter(red), blue], ["short", "long"], 10.0, out, height=60)
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
        side_by_side([broken()], ["x"], 10.0, tmp_path / "x.mp4", height=60)
    assert list(tmp_path.iterdir()) == []


def test_labels_and_contact_sheet(tmp_path):
    band = label_band("reference", 200)
    assert band.shape == (LABEL_HEIGHT, 200, 3) and band.max() > 200
    contact_sheet([np.zeros((40, 60, 3), np.uint8)] * 5, tmp_path / "sheet.png", columns=3, width=60)
    assert (tmp_path / "sheet.png").stat().st_size > 0
