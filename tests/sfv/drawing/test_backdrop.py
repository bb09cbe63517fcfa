"""Backdrops: nothing of them collides, walls stand before the camera, the same seed paints the same room."""

import mujoco
import numpy as np
import pytest

from sfv.drawing.backdrop import add_room, add_studio
from tests.samples import CHARACTER


def build(add) -> tuple[mujoco.MjModel, mujoco.MjData]:
    spec = CHARACTER.spec()
    add(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def room(angle: float = 0.0, distance: float = 4.0, seed: int = 0, pictures: bool = False):
    ahead = np.array([np.cos(angle), np.sin(angle)])
    return build(lambda spec: add_room(spec, ahead, distance, seed, pictures)), ahead


def test_a_backdrop_does_not_touch_the_body():
    before = CHARACTER.model.ngeom
    for model, data in (build(add_studio), room(pictures=True)[0]):
        assert model.ngeom > before
        added = [g for g in range(model.ngeom) if model.geom_bodyid[g] == 0]
        assert added and not model.geom_contype[added].any() and not model.geom_conaffinity[added].any()
        assert data.ncon == 0
        assert (model.nq, model.nv) == (CHARACTER.model.nq, CHARACTER.model.nv)


@pytest.mark.parametrize("angle", [0.0, 2.0, -1.0])
def test_the_wall_stands_across_the_view_and_faces_it(angle):
    (model, data), ahead = room(angle)
    wall = model.geom("wall").id
    normal = data.geom_xmat[wall].reshape(3, 3)[:, 2]
    np.testing.assert_allclose(normal, [*-ahead, 0.0], atol=1e-6)
    assert data.geom_xpos[wall, :2] @ ahead == pytest.approx(4.0)
    # A ray from the origin along the view meets it there; what hangs on it is in front of it by centimetres.
    hit = np.zeros(1, dtype=np.int32)
    start = np.array([0.0, 0.0, 5.0])
    assert mujoco.mj_ray(model, data, start, np.array([*ahead, 0.0]), None, 1, -1, hit) == pytest.approx(4.0)
    assert hit[0] == wall


def test_pictures_hang_on_the_wall_side_by_side():
    (model, data), ahead = room(0.7, pictures=True)
    pictures = [g for g in range(model.ngeom) if model.geom_bodyid[g] == 0 and not model.geom(g).name]
    assert len(pictures) > 10 and len(pictures) % 2 == 0  # a frame and what is in it
    away = data.geom_xpos[pictures, :2] @ ahead
    assert (away < 4.0).all() and (away > 3.95).all()
    along = data.geom_xpos[pictures[::2], :2] @ np.array([ahead[1], -ahead[0]])
    assert (np.diff(along) > 0.3).all()


def test_the_same_seed_gives_the_same_room():
    first, again, other = (room(seed=seed, pictures=True)[0][0] for seed in (3, 3, 4))
    for name in ("tex_data", "geom_pos", "geom_rgba"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.tex_data, other.tex_data)
