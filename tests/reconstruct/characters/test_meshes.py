"""Surfaces of geoms, capsules in limbs, fewer triangles."""

import mujoco
import numpy as np
import pytest
import trimesh

from reconstruct.characters.meshes import fit_capsule, geom_surface, join, simplify
from reconstruct.rotations import from_rotvec, to_matrix

KINDS = {
    "sphere": ('size="0.3"', 4.0 / 3.0 * np.pi * 0.3**3, (0.3, 0.3, 0.3)),
    "capsule": ('size="0.1 0.4"', np.pi * 0.1**2 * 0.8 + 4.0 / 3.0 * np.pi * 0.1**3, (0.1, 0.1, 0.5)),
    "cylinder": ('size="0.2 0.5"', np.pi * 0.2**2, (0.2, 0.2, 0.5)),
    "box": ('size="0.1 0.2 0.3"', 8 * 0.1 * 0.2 * 0.3, (0.1, 0.2, 0.3)),
    "ellipsoid": ('size="0.1 0.2 0.3"', 4.0 / 3.0 * np.pi * 0.1 * 0.2 * 0.3, (0.1, 0.2, 0.3)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_surface_has_the_volume_and_extent_of_its_geom(kind):
    size, volume, half = KINDS[kind]
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><worldbody><body><geom type="{kind}" {size}/></body></worldbody></mujoco>'
    )
    surface = geom_surface(model, 0)
    assert surface is not None and surface.is_watertight
    assert surface.volume == pytest.approx(volume, rel=0.03)  # polyhedra lie within round shapes
    np.testing.assert_allclose(surface.bounds, np.array([[-x for x in half], half]), atol=0.01)


def test_a_plane_has_no_surface():
    model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><geom type="plane" size="1 1 1"/></worldbody></mujoco>')
    assert geom_surface(model, 0) is None


def test_a_mesh_geom_has_its_own_triangles():
    box = trimesh.creation.box(extents=(0.2, 0.4, 0.6))
    spec = mujoco.MjSpec()
    spec.add_mesh(name="box", uservert=box.vertices.ravel(), userface=box.faces.ravel())
    body = spec.worldbody.add_body()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="box")
    surface = geom_surface(spec.compile(), 0)
    assert surface is not None and len(surface.faces) == 12
    assert surface.volume == pytest.approx(0.2 * 0.4 * 0.6, rel=1e-4)


def test_joined_surfaces_have_all_triangles():
    parts = [trimesh.creation.box(extents=(1, 1, 1)), trimesh.creation.icosphere(subdivisions=1)]
    assert join(parts).area == pytest.approx(sum(part.area for part in parts))


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.7, -0.4, 1.1)])
def test_the_capsule_in_a_capsule_is_itself_however_it_lies(turn):
    R, middle = to_matrix(from_rotvec(np.array(turn))), np.array([0.5, -1.0, 2.0])
    limb = trimesh.creation.capsule(radius=0.06, height=0.3, count=(32, 32))
    limb.apply_translation(-limb.bounds.mean(axis=0))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = R, middle
    start, end, radius = fit_capsule(limb.apply_transform(pose))
    assert radius == pytest.approx(0.06, abs=0.003)
    np.testing.assert_allclose(0.5 * (start + end), middle, atol=0.003)
    along = (end - start) @ R[:, 2]
    assert abs(along) == pytest.approx(0.3, abs=0.01) == pytest.approx(np.linalg.norm(end - start), abs=0.01)


def test_a_ball_has_a_capsule_without_length():
    start, end, radius = fit_capsule(trimesh.creation.icosphere(radius=0.1))
    assert np.linalg.norm(end - start) < 0.01 and radius == pytest.approx(0.1, abs=0.01)


def test_fewer_triangles_have_the_same_shape():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=1.0)
    fewer = simplify(ball, 0.25)
    assert len(fewer.faces) < 0.4 * len(ball.faces)
    assert np.abs(np.linalg.norm(fewer.vertices, axis=1) - 1.0).max() < 0.13
    assert fewer.volume == pytest.approx(ball.volume, rel=0.08)
    corners = np.sort(fewer.faces, axis=1)
    assert (np.diff(corners, axis=1) > 0).all() and len(np.unique(corners, axis=0)) == len(corners)


def test_a_coarse_enough_surface_is_left_alone():
    box = trimesh.creation.box(extents=(1, 2, 3))
    same = simplify(box, 0.01)
    np.testing.assert_allclose(same.bounds, box.bounds)
    assert len(same.faces) == 12 and same.volume == pytest.approx(6.0)
