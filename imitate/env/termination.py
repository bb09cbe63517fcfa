"""When an episode ends before its time: the body has fallen, has lost track, or the numbers have exploded."""

from dataclasses import dataclass

import mujoco
import numpy as np

from imitate.scene.ground import Ground


@dataclass(frozen=True)
class GeomShapes:
    """Form of the geoms of some bodies, to find how low they reach without asking the contact solver."""

    geoms: np.ndarray
    """Ids of the G geoms."""
    centre: np.ndarray
    """Middle of the bounding box in the geom's frame [m], (G, 3)."""
    core: np.ndarray
    """Half sizes of a box inside [m], (G, 3): a capsule's segment, a box itself, nothing for a sphere."""
    radius: np.ndarray
    """Rounding around that box [m], (G,)."""
    first: np.ndarray
    """Where each body's geoms begin in the list, (F,)."""

    @classmethod
    def of(cls, model: mujoco.MjModel, bodies: tuple[str, ...]) -> "GeomShapes":
        """The colliding geoms of `bodies`.

        Raises:
          ValueError: a body has no geom that collides, so its fall would never be seen.
        """
        geoms, first = [], []
        for name in bodies:
            own = [
                g
                for g in range(model.ngeom)
                if model.geom_bodyid[g] == model.body(name).id and (model.geom_contype[g] or model.geom_conaffinity[g])
            ]
            if not own:
                raise ValueError(f"fall body {name} has no colliding geom")
            first.append(len(geoms))
            geoms.extend(own)
        ids = np.array(geoms, dtype=np.int64)
        centre, core, radius = model.geom_aabb[ids, :3].copy(), model.geom_aabb[ids, 3:].copy(), np.zeros(len(ids))
        for i, g in enumerate(ids):
            if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE:
                core[i], radius[i] = (0.0, 0.0, model.geom_size[g, 1]), model.geom_size[g, 0]
            elif model.geom_type[g] == mujoco.mjtGeom.mjGEOM_SPHERE:
                core[i], radius[i] = 0.0, model.geom_size[g, 0]
        return cls(ids, centre, core, radius, np.array(first, dtype=np.int64))

    def lowest(self, geom_xpos: np.ndarray, geom_xmat: np.ndarray) -> np.ndarray:
        """Height of each body's lowest point [m], (N, ngeom, 3) and (N, ngeom, 3, 3) -> (N, F)."""
        if not len(self.first):
            return np.zeros((len(geom_xpos), 0))
        up = geom_xmat[:, self.geoms, 2, :]
        height = geom_xpos[:, self.geoms, 2] + np.einsum("ngi,gi->ng", up, self.centre)
        lowest = height - np.einsum("ngi,gi->ng", np.abs(up), self.core) - self.radius
        return np.minimum.reduceat(lowest, self.first, axis=1)

    def clearance(self, ground: Ground, geom_xpos: np.ndarray, geom_xmat: np.ndarray) -> np.ndarray:
        """Height of each body above the ground below it [m], (N, ngeom, 3) and (N, ngeom, 3, 3) -> (N, F).

        The least over the corners of the geoms' cores (the ends of capsules); the distance to a slope is its cosine
        times the height.
        """
        if ground.flat or not len(self.first):
            return self.lowest(geom_xpos, geom_xmat)
        signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
        corners = self.centre[:, None] + signs * self.core[:, None]
        points = geom_xpos[:, self.geoms, None] + np.einsum("ngij,gpj->ngpi", geom_xmat[:, self.geoms], corners)
        above = (points[..., 2] - ground.height(points[..., :2])) * np.cos(ground.incline)
        return np.minimum.reduceat(above.min(axis=-1) - self.radius, self.first, axis=1)

    def furthest(self, direction: np.ndarray, geom_xpos: np.ndarray, geom_xmat: np.ndarray) -> np.ndarray:
        """How far the bodies reach in a direction, a unit vector: the greatest p . d over all of them [m], (N,)."""
        along = np.einsum("ngij,i->ngj", geom_xmat[:, self.geoms], direction)
        middle = geom_xpos[:, self.geoms] @ direction + np.einsum("ngj,gj->ng", along, self.centre)
        return (middle + np.einsum("ngj,gj->ng", np.abs(along), self.core) + self.radius).max(axis=1)


def solid_bodies(model: mujoco.MjModel) -> tuple[str, ...]:
    """Names of the moving bodies that collide with anything."""
    colliding = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    return tuple(model.body(b).name for b in range(1, model.nbody) if (colliding & (model.geom_bodyid == b)).any())


def has_fallen(lowest: np.ndarray, may_touch: np.ndarray) -> np.ndarray:
    """A body touches the ground that does not in the reference, (N, F) x (N, F) -> bool (N,)."""
    return np.asarray(((lowest < 0.0) & ~may_touch).any(axis=1))


def has_lost_track(key_bodies: np.ndarray, reference: np.ndarray, limit: float) -> np.ndarray:
    """The root or a key body is further than `limit` [m] from the reference, (N, B, 3) x (N, B, 3) -> bool (N,)."""
    offset = key_bodies - reference
    return np.any(np.einsum("nbi,nbi->nb", offset, offset) > limit * limit, axis=1)
