"""Surfaces: of geoms, capsules that fill them, fewer triangles to draw; and a whole body from a folder of its parts."""

import mujoco
import numpy as np
import trimesh


def geom_surface(model: mujoco.MjModel, geom: int) -> trimesh.Trimesh | None:
    """A geom's surface in its own frame; None for kinds without one (planes, height fields)."""
    size, kind = model.geom_size[geom], model.geom_type[geom]
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return trimesh.creation.icosphere(radius=size[0])
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return trimesh.creation.capsule(radius=size[0], height=2 * size[1], transform=None)
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        return trimesh.creation.cylinder(radius=size[0], height=2 * size[1])
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return trimesh.creation.box(extents=2 * size)
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return trimesh.creation.icosphere().apply_scale(size)
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        vertices = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
        faces = model.mesh_face[model.mesh_faceadr[mesh] :][: model.mesh_facenum[mesh]]
        return trimesh.Trimesh(vertices, faces, process=False)
    return None


def join(surfaces: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Several surfaces as one; at least one is given."""
    joined = trimesh.util.concatenate(surfaces)
    assert isinstance(joined, trimesh.Trimesh)
    return joined


def fit_capsule(surface: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray, float]:
    """The capsule that lies in a surface as a limb's flesh does: along its longest axis, as wide as it is on average.

    Returns:
      Ends of the axis (3,), (3,) and radius [m]; the ends are one point for a sphere.
    """
    weight = np.maximum(surface.area_faces, 1e-12)
    centres = surface.triangles_center
    middle = weight @ centres / weight.sum()
    covariance = (centres - middle).T @ ((centres - middle) * weight[:, None]) / weight.sum()
    axes = np.linalg.eigh(covariance)[1][:, ::-1]
    along = (surface.vertices - middle) @ axes
    low, high = along.min(axis=0), along.max(axis=0)
    half, centre = 0.5 * (high - low), middle + axes @ (0.5 * (low + high))
    radius = min(float(np.sqrt(half[1] * half[2])), float(half[0]))
    half_axis = (half[0] - radius) * axes[:, 0]
    return centre - half_axis, centre + half_axis, radius


def simplify(surface: trimesh.Trimesh, edge: float) -> trimesh.Trimesh:
    """Fewer triangles: vertices within a cube of side `edge` [m] become one (Rossignac and Borrel 1993)."""
    cells = np.round(surface.vertices / edge).astype(np.int64)
    _, member, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    merged = np.zeros((len(count), 3))
    np.add.at(merged, member.ravel(), surface.vertices)
    faces = member.ravel()[surface.faces]
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[keep]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return trimesh.Trimesh(merged / count[:, None], faces[np.sort(first)], process=False)
