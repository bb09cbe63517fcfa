import mujoco
import numpy as np
import pytest

from imitate.locomotion.terrain import Terrain, make_course, make_fractal
from imitate.scene.ground import Ground
from imitate.vision.depth_camera import CameraConfig, DepthCamera
from imitate.vision.profile_caster import ProfileCaster
from imitate.vision.ray_caster import RayCaster, _window_maximum
from reconstruct import rotations
from tests.samples import flat_terrain


def compile_model(terrain: Terrain) -> tuple[mujoco.MjModel, mujoco.MjData]:
    spec = mujoco.MjSpec()
    terrain.add_to(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@pytest.mark.parametrize("kind", ["slopes", "stones", "stairs", "obstacles", "fractal"])
def test_rays_end_where_mujocos_do(kind):
    terrain = make_fractal(3, 8.0) if kind == "fractal" else make_course(kind, 0.8, 3, 8.0, 4.0)
    model, data = compile_model(terrain)
    rng = np.random.default_rng(0)
    origin = np.column_stack([rng.uniform(-2.0, 2.0, (200, 2)) * [1.0, 0.5], np.zeros(200)])
    origin[:, 2] = terrain.height(origin[:, :2]) + rng.uniform(0.02, 0.6, 200)
    direction = rng.standard_normal((200, 3)) * [1.0, 1.0, 0.5] - [0.0, 0.0, 0.4]
    direction[:4] = [[0, 0, -1], [1, 0, -0.3], [0, -1, -0.2], [1, 1, -0.4]]  # along the lines of the grid, too
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    found = RayCaster(terrain).cast(origin, direction, 2.0)
    geom = np.zeros(1, np.int32)
    wanted = np.array(
        [mujoco.mj_ray(model, data, p, d, None, 1, -1, geom, None) for p, d in zip(origin, direction, strict=True)]
    )
    end = np.abs((origin + np.where(np.isfinite(found), found, 2.0)[:, None] * direction)[:, :2])
    inside = (end < terrain.half - 0.02).all(1)  # beyond the border MuJoCo has no ground
    hit = (wanted >= 0.0) & (wanted < 1.99) & inside
    assert hit.sum() > 60
    np.testing.assert_allclose(found[hit], wanted[hit], atol=1e-4)
    assert np.isinf(found[(wanted > 2.01) & inside]).all()


def test_rays_on_a_profile_end_where_mujocos_do():
    """Two treads up, a gap, a tread down; from places above all of them, and in all directions."""
    levels = np.array([0.0, 0.15, 0.3, -1.0, 0.3, 0.1])
    ground = Ground(edges=np.array([-0.6, -0.3, 0.5, 0.8, 1.2]), levels=levels, bridged=np.maximum(levels, 0.0))
    spec = mujoco.MjSpec()
    ground.add_to(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng, geom, far = np.random.default_rng(1), np.zeros(1, np.int32), 2.5
    origin = np.column_stack([rng.uniform(-1.5, 2.0, 40), rng.uniform(-1.0, 1.0, 40), np.zeros(40)])
    origin[:, 2] = ground.height(origin[:, :2]) + rng.uniform(0.05, 0.9, 40)
    origin = np.repeat(origin, 30, axis=0)
    direction = rng.standard_normal((1200, 3)) - [0.0, 0.0, 0.3]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    found = ProfileCaster(ground).cast(origin, direction, far)
    wanted = np.array(
        [mujoco.mj_ray(model, data, p, d, None, 1, -1, geom, None) for p, d in zip(origin, direction, strict=True)]
    )
    hit = (wanted >= 0.0) & (wanted < far - 0.01)
    assert hit.sum() > 500
    np.testing.assert_allclose(found[hit], wanted[hit], atol=1e-4)
    assert np.isinf(found[(wanted > far + 0.01) | (wanted < 0.0)]).all()
    np.testing.assert_array_equal(ProfileCaster(ground).cast(np.array([[0.0, 0.0, 0.2]]), np.eye(3)[:1], far), 0.0)
    with pytest.raises(ValueError, match="edges along x"):
        ProfileCaster(Ground(incline=0.1))


def test_rays_by_hand():
    """Level ground 2 m below; a ray that looks down by 30 degrees is 4 m long."""
    caster = RayCaster(flat_terrain(40.0))
    down = np.array([[np.cos(np.pi / 6), 0.0, -0.5], [0.0, 0.0, -1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    origin = np.tile([0.3, -0.2, 2.0], (4, 1))
    np.testing.assert_allclose(caster.cast(origin, down, 10.0), [4.0, 2.0, np.inf, np.inf], rtol=1e-5)
    np.testing.assert_array_equal(caster.cast(origin, down, 1.9), np.inf)
    np.testing.assert_array_equal(caster.cast(origin - [0.0, 0.0, 3.0], down, 5.0), 0.0)


def test_window_maximum_by_hand():
    cells = np.array([[1.0, 5.0, 2.0], [0.0, 3.0, 9.0], [4.0, 0.0, 0.0]])
    np.testing.assert_array_equal(_window_maximum(cells, 2), [[5, 9, 9], [4, 9, 9], [4, 0, 0]])


def test_pictures_are_those_that_mujoco_renders():
    """Depths against MuJoCo's renderer, pixel by pixel, at a camera of the same place and view; to 1 cm."""
    terrain = make_course("obstacles", 0.8, 5, 8.0, 4.0)
    config = CameraConfig()
    spec = mujoco.MjSpec()
    terrain.add_to(spec)
    pitch = np.radians(config.pitch_degrees)
    spec.worldbody.add_camera(
        name="eye", pos=[0.27, 0.0, 0.43], fovy=config.view_degrees[0],
        xyaxes=[0.0, -1.0, 0.0, np.sin(pitch), 0.0, np.cos(pitch)],
    )  # fmt: skip
    spec.visual.map.znear, spec.stat.extent = 0.01, 1.0
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    height = 290  # five times as fine, so that the middle of every fifth pixel is that of one of ours
    width = round(height * np.tan(np.radians(43.5)) / np.tan(np.radians(29.0)))
    width += 1 - width % 2
    try:
        renderer = mujoco.Renderer(model, height, width)
    except Exception as error:
        pytest.skip(f"no OpenGL: {error}")
    with renderer:
        renderer.enable_depth_rendering()
        renderer.update_scene(data, "eye")
        rendered = renderer.render()
    seen = DepthCamera(terrain, config).see(np.array([[0.0, 0.0, 0.4]]), np.eye(3)[None])[0]
    rays = config.rays()
    axis = np.array([np.cos(pitch), 0.0, -np.sin(pitch)])
    up = np.array([np.sin(pitch), 0.0, np.cos(pitch)])
    scale = (height / 2) / np.tan(np.radians(29.0))
    row = (height / 2 - scale * (rays @ up) / (rays @ axis)).astype(int)
    column = (width / 2 - scale * rays[..., 1] / (rays @ axis)).astype(int).clip(0, width - 1)
    wanted = np.minimum(rendered[row, column], config.far)
    # At edges a pixel shows one side or the other.
    near = [np.roll(wanted, shift, axis) for axis in (0, 1) for shift in (-1, 1)]
    smooth = np.max(near, axis=0) - np.min(near, axis=0) < 0.15
    assert smooth.mean() > 0.6
    assert np.quantile(np.abs(seen - wanted)[smooth], 0.99) < 0.01


def test_the_camera_turns_with_the_trunk():
    """Over level ground the middle of the picture is h / sin(pitch) away, and a nod down brings it nearer."""
    camera = DepthCamera(flat_terrain(40.0), CameraConfig(rows=3, columns=3, place=(0.0, 0.0, 0.0)))
    nod = np.radians(20.0)
    quat = np.array([[1.0, 0.0, 0.0, 0.0], [np.cos(nod / 2), 0.0, np.sin(nod / 2), 0.0]])
    depth = camera.see(np.tile([0.0, 0.0, 0.5], (2, 1)), rotations.to_matrix(quat))
    np.testing.assert_allclose(depth[:, 1, 1], 0.5 / np.sin(np.radians([40.0, 60.0])), rtol=1e-4)
    assert (depth[:, 0] > depth[:, 2]).all()
