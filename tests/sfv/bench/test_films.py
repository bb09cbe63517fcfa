"""Benchmark films: cameras that keep the body in view, outfits, and keypoints that are found once."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pose.estimate import PoseConfig
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.camera import tilt_from_up
from sfv.bench import films
from sfv.bench.films import (
    DARK,
    VIEWPOINTS,
    Film,
    change_clothes,
    find_cached_keypoints,
    list_tilted_films,
    pan_with_body,
    stage_film,
)
from sfv.demo.motions import load_demo_take
from tests.samples import CHARACTER

FILM = Film("synthetic", "walk", VIEWPOINTS[0], "humanoid", False)
TAKE = load_demo_take("walk", CHARACTER)


def test_a_panning_camera_turns_in_place_and_zooms_by_a_tenth():
    still = stage_film(FILM, *TAKE, CHARACTER)
    cameras = pan_with_body(still.camera, still.xyz_w)
    places = np.array([-camera.R_camera_world.T @ camera.t_camera_world for camera in cameras])
    np.testing.assert_allclose(places, np.tile(places[0], (len(places), 1)), atol=1e-9)
    assert cameras[-1].focal_px == pytest.approx(1.1 * cameras[0].focal_px)
    for camera, xyz in zip(cameras, still.xyz_w, strict=True):
        assert np.linalg.det(camera.R_camera_world) == pytest.approx(1.0)
        assert camera.R_camera_world[0, 2] == pytest.approx(0.0, abs=1e-9)  # the horizon is level
        inside = camera.project(xyz) / np.array(camera.image_size)
        assert inside.min() > 0.0 and inside.max() < 1.0


@pytest.mark.parametrize("viewpoint", VIEWPOINTS, ids=lambda view: view.name)
def test_every_viewpoint_sees_the_whole_body_from_its_height(viewpoint):
    truth = stage_film(replace(FILM, viewpoint=viewpoint), *TAKE, CHARACTER)
    inside = truth.camera.project(truth.xyz_w) / np.array(truth.camera.image_size)
    assert inside.min() > 0.02 and inside.max() < 0.98
    place = -truth.camera.R_camera_world.T @ truth.camera.t_camera_world
    assert place[2] == pytest.approx(viewpoint.eye_height)


def test_the_second_outfit_has_the_other_colours():
    spec = CHARACTER.spec()
    texture = spec.texture("skin")
    before = np.asarray(Image.open(CHARACTER.path.parent / texture.file).convert("RGB"))
    change_clothes(spec)
    model = spec.compile()
    first, count = model.tex_adr[0], model.tex_height[0] * model.tex_width[0] * model.tex_nchannel[0]
    after = np.asarray(model.tex_data[first : first + count]).reshape(before.shape)
    changed = (after != before).any(axis=-1)
    assert 0.2 < changed.mean() < 1.0  # eyes, shoes and the like keep their colours
    assert {tuple(map(int, colour)) for colour in np.unique(after[changed], axis=0)} <= set(DARK.values())
    for old, new in DARK.items():
        worn = np.abs(before.astype(int) - old).sum(axis=-1) < 30
        assert worn.any() and (after[worn] == new).all()


def test_keypoints_are_found_once_for_a_video_and_its_settings(tmp_path, monkeypatch):
    video, made = tmp_path / "a.mp4", []
    video.write_bytes(b"frames")
    monkeypatch.setattr(films, "cache_folder", lambda: tmp_path / "cache")

    def estimate(path, config, progress):
        made.append(config)
        shape = 3, len(LANDMARKS)
        xyz = np.full((*shape, 3), float(len(made)))
        return Keypoints(np.zeros((*shape, 2)), xyz, np.ones(shape), 30.0, LANDMARKS, (64, 64))

    monkeypatch.setattr(films, "estimate_keypoints", estimate)
    first, seconds = find_cached_keypoints(video, PoseConfig())
    again, same = find_cached_keypoints(video, replace(PoseConfig(), processes=7))  # how many work, does not count
    assert len(made) == 1 and seconds == same >= 0.0
    np.testing.assert_array_equal(first.xyz, again.xyz)
    find_cached_keypoints(video, replace(PoseConfig(), person="2"))
    video.write_bytes(b"other frames")
    find_cached_keypoints(video, PoseConfig())
    assert len(made) == 3


@pytest.mark.parametrize("film", list_tilted_films(), ids=lambda film: film.title)
def test_a_tilted_camera_sees_the_whole_body_and_the_plumb_line_turned_by_the_tilt(film):
    truth = stage_film(film, *load_demo_take(film.motion, CHARACTER), CHARACTER)
    level = stage_film(replace(film, tilt=(0.0, 0.0)), *load_demo_take(film.motion, CHARACTER), CHARACTER)
    inside = truth.camera.project(truth.xyz_w) / np.array(truth.camera.image_size)
    assert inside.min() > 0.0 and inside.max() < 1.0
    (pitch, roll), (was_pitch, was_roll) = (tilt_from_up(one.camera.R_camera_world[:, 2]) for one in (truth, level))
    turned = np.degrees([pitch - was_pitch, roll - was_roll])
    # Seen by a camera that is rolled to its right the world turns to the left.
    np.testing.assert_allclose(turned, [film.tilt[0], -film.tilt[1]], atol=0.2)
    places = [-one.camera.R_camera_world.T @ one.camera.t_camera_world for one in (truth, level)]
    assert np.sign(places[0][2] - places[1][2]) == np.sign(film.tilt[0])  # it looks down from higher up
