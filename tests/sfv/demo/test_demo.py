"""The synthetic sample: its truth is what was filmed, by a camera that stands where all of the motion is seen."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

import sfv.demo.demo
from pose.landmarks import INDEX, LANDMARKS
from pose.video import read_frames
from reconstruct.characters.character import load_character
from sfv.demo.demo import IMAGE_SIZE, MARGIN, demo, place_camera, stage_demo, truth_path
from sfv.demo.motions import load_demo_take, place_things
from sfv.demo.plans import PLANS
from sfv.demo.scenery import lay_floor
from sfv.drawing.backdrop import add_room

CHARACTER = load_character("humanoid")


def is_inside(camera, points):
    share = camera.project(points) / IMAGE_SIZE
    return bool((np.abs(share - 0.5) < 0.5 - MARGIN).all())


def test_camera_stands_as_near_as_it_can():
    """All corners of a box are inside, and half a metre nearer they are not; it stands at eye height, upright."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-1.0, 1.0) for z in (0.0, 1.8)]) + [3.0, 1.0, 0.0]
    azimuth = np.radians(30.0)
    camera = place_camera(corners, azimuth, 50.0, 1.5)
    position = -camera.R_camera_world.T @ camera.t_camera_world
    assert position[2] == pytest.approx(1.5)
    ahead = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    to_middle = np.array([3.0, 1.0, 1.5]) - position
    np.testing.assert_allclose(to_middle / np.linalg.norm(to_middle), ahead, atol=1e-9)
    assert camera.R_camera_world[0, 2] == pytest.approx(0.0)  # the horizon is level
    np.testing.assert_allclose(camera.project(np.array([3.0, 1.0, 0.9])), np.array(IMAGE_SIZE) / 2, atol=1e-6)
    nearer = replace(camera, t_camera_world=-camera.R_camera_world @ (position + 0.5 * ahead))
    assert is_inside(camera, corners) and not is_inside(nearer, corners)


def test_what_no_camera_can_see_is_refused():
    with pytest.raises(ValueError, match="do not fit into an image"):
        place_camera(np.array([[0.0, 0.0, 0.0], [200.0, 200.0, 0.0]]), 0.0, 50.0, 1.5)


@pytest.mark.parametrize("name", PLANS)
def test_whole_motion_is_in_the_image_from_every_camera(name):
    for seed in range(4):
        staged = stage_demo(name, CHARACTER, seed)
        assert is_inside(staged.camera, staged.xyz_w)
        looks = np.degrees(np.arctan2(*staged.camera.R_camera_world[2, 1::-1]))
        assert abs((looks - PLANS[name].azimuth + 180) % 360 - 180) <= 6.0


def test_truth_of_a_moving_camera_is_one_of_each_for_every_frame(tmp_path):
    staged = stage_demo("jump", CHARACTER)
    short = replace(staged, qpos=staged.qpos[:2], contacts=staged.contacts[:2], xyz_w=staged.xyz_w[:2])
    zoomed = replace(staged.camera, focal_px=2.0 * staged.camera.focal_px)
    replace(short, path=(staged.camera, zoomed)).save(tmp_path / "moving.truth.npz", CHARACTER)
    short.save(tmp_path / "still.truth.npz", CHARACTER)
    with np.load(tmp_path / "moving.truth.npz") as moving, np.load(tmp_path / "still.truth.npz") as still:
        assert moving["K"].shape == (2, 3, 3) and still["K"].shape == (3, 3)
        np.testing.assert_allclose(moving["K"][1, 0, 0], 2.0 * still["K"][0, 0])
        middle = np.array(IMAGE_SIZE) / 2
        np.testing.assert_allclose(moving["xy_px"][1] - middle, 2.0 * (still["xy_px"][1] - middle), atol=1e-6)
        np.testing.assert_array_equal(moving["xy_px"][0], still["xy_px"][0])


def test_command_writes_the_video_where_it_is_asked_to(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        sfv.demo.demo, "make_demo", lambda name, path, **options: asked.append((name, path, options["seed"]))
    )
    monkeypatch.chdir(tmp_path)
    demo("jump")
    demo("walk", out=tmp_path / "other.mp4", seed=5)
    assert [(name, path.name, seed) for name, path, seed in asked] == [
        ("jump", "jump.mp4", 0),
        ("walk", "other.mp4", 5),
    ]
    assert truth_path(asked[1][1]) == tmp_path / "other.truth.npz"


def test_truth_is_what_the_camera_saw(tmp_path, monkeypatch):
    monkeypatch.setattr(sfv.demo.demo, "IMAGE_SIZE", (256, 144))
    qpos, contacts = load_demo_take("jump", CHARACTER)
    monkeypatch.setattr(sfv.demo.demo, "load_demo_take", lambda *_: (qpos[:40:8], contacts[:40:8]))
    video = tmp_path / "jump.mp4"
    sfv.demo.demo.make_demo("jump", video, seed=3)
    with np.load(sfv.demo.demo.truth_path(video), allow_pickle=False) as truth:
        truth = dict(truth)
    frames = [frame for _, frame in read_frames(video)]
    assert len(frames) == len(truth["qpos"]) == 5
    assert tuple(truth["names"]) == LANDMARKS
    # The usual pinhole with K, R, t gives the pixels.
    in_camera = truth["xyz_w"] @ truth["R_camera_world"].T + truth["t_camera_world"]
    pixels = in_camera @ truth["K"].T
    np.testing.assert_allclose(pixels[..., :2] / pixels[..., 2:], truth["xy_px"], atol=1e-6)
    inside = truth["xy_px"] / truth["image_size"]
    assert inside.min() > 0.05 and inside.max() < 0.95
    # Where the landmark of the chest's middle is, the red shirt is; in the room's corner it is not.
    shoulders = truth["xy_px"][:, [INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=1)
    hips = truth["xy_px"][:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    for frame, (x, y) in zip(frames, 0.6 * shoulders + 0.4 * hips, strict=True):
        r, g, b = frame[round(y), round(x)].astype(int)
        assert r > 1.3 * max(g, b)

    again = tmp_path / "again.mp4"
    sfv.demo.demo.make_demo("jump", again, seed=3)
    assert again.read_bytes() == video.read_bytes()
    sfv.demo.demo.make_demo("jump", again, seed=4)
    with np.load(sfv.demo.demo.truth_path(again)) as other:
        assert not np.allclose(other["K"], truth["K"])
        np.testing.assert_array_equal(other["qpos"], truth["qpos"])


def test_a_slope_is_filmed_as_the_floor():
    """Its normal leans back from the way up, and feet that stand on it are at its height."""
    things = place_things("walk_up", CHARACTER, load_demo_take("walk_up", CHARACTER)[0])
    spec = CHARACTER.spec()
    add_room(spec, ahead=np.array([0.0, 1.0]), distance=3.0, seed=0)
    lay_floor(spec, things)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    normal = data.geom("floor").xmat.reshape(3, 3)[:, 2]
    assert normal == pytest.approx([-np.sin(things[0].incline), 0.0, np.cos(things[0].incline)])
