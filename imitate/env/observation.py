"""What the policy sees.

As in SFV: where each body is relative to the root, how it is turned, how fast it moves and turns, and the phase; all in
a frame that faces where the motion is heading. The step that leads to the next pose of the reference is added, with
which a policy learns faster than with the phase alone.

The frame's heading is the reference's, not the body's own: the two differ by the tracking error, which is observed, and
a body's own heading jumps by half a turn whenever it passes through upside down.
"""

from dataclasses import dataclass

import numpy as np

from imitate.scene.ground import MAP_POINTS

BOX_NUMBERS = 15
"""Numbers in the observation of a box: place from the root, two columns of the rotation, velocities."""
LIMIT = 50.0
"""Raw observations are cut to this, so that an exploding simulation does not reach the normaliser."""


@dataclass(frozen=True)
class ObservationLayout:
    """Names and sizes of the parts of an observation, in order."""

    sizes: dict[str, int]
    """Numbers in each part."""

    @classmethod
    def of(cls, bodies: int, nv: int, ground: bool = False, box: bool = False) -> "ObservationLayout":
        """The layout for a body of `bodies` moving parts and `nv` degrees of freedom; on uneven ground, with a box."""
        return cls(
            {
                "phase": 3,
                "root_height": 1,
                "positions": 3 * bodies - 3,
                "rotations": 6 * bodies,
                "linear_velocities": 3 * bodies,
                "angular_velocities": 3 * bodies,
                "root_offset": 3,
                "pose_offset": nv - 3,
                **({"ground": len(MAP_POINTS)} if ground else {}),
                **({"box": BOX_NUMBERS} if box else {}),
            }
        )

    def column(self, part: str) -> int:
        """Where a part begins."""
        names = list(self.sizes)
        return sum(self.sizes[name] for name in names[: names.index(part)])

    @property
    def size(self) -> int:
        """Length of an observation."""
        return sum(self.sizes.values())


def body_velocities(cvel: np.ndarray, xpos: np.ndarray, com: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear velocities of body origins and angular velocities, world axes, each (N, B, 3).

    Args:
      cvel: MuJoCo's spatial velocities (rotation, then translation at the tree's centre of mass), (N, B, 6).
      xpos: body origins (N, B, 3).
      com: centre of mass of the whole tree (N, 3).
    """
    angular, arm = cvel[..., :3], xpos - com[:, None]
    linear = cvel[..., 3:].copy()
    linear[..., 0] += angular[..., 1] * arm[..., 2] - angular[..., 2] * arm[..., 1]
    linear[..., 1] += angular[..., 2] * arm[..., 0] - angular[..., 0] * arm[..., 2]
    linear[..., 2] += angular[..., 0] * arm[..., 1] - angular[..., 1] * arm[..., 0]
    return linear, angular


def observe(
    phase: np.ndarray,
    heading: np.ndarray,
    xpos: np.ndarray,
    xmat: np.ndarray,
    cvel: np.ndarray,
    com: np.ndarray,
    offset: np.ndarray,
) -> np.ndarray:
    """Assembles observations of N environments.

    Args:
      phase: share of the motion that has passed, (N,).
      heading: of the reference [rad], (N,).
      xpos: origins of the moving bodies, the root first, world [m], (N, B, 3).
      xmat: their rotation matrices, (N, B, 3, 3).
      cvel: their spatial velocities as MuJoCo gives them, (N, B, 6).
      com: centre of mass of the body [m], (N, 3).
      offset: tangent step from the body's pose to the reference's next one, (N, nv).

    Returns:
      Observations in the order of `ObservationLayout`, float32 (N, O).
    """
    n = len(phase)
    linear, angular = body_velocities(cvel, xpos, com)
    # One array of vectors, turned into the heading frame together: two matrix columns determine a rotation.
    vectors = np.concatenate(
        [
            xpos[:, 1:] - xpos[:, :1],
            xmat[..., 0],
            xmat[..., 1],
            linear,
            angular,
            offset[:, None, :3],
        ],
        axis=1,
        dtype=np.float32,
        casting="same_kind",
    )
    cos, sin = np.cos(heading).astype(np.float32)[:, None], np.sin(heading).astype(np.float32)[:, None]
    turned = np.empty_like(vectors)
    turned[..., 0] = cos * vectors[..., 0] + sin * vectors[..., 1]
    turned[..., 1] = cos * vectors[..., 1] - sin * vectors[..., 0]
    turned[..., 2] = vectors[..., 2]
    angle = 2.0 * np.pi * phase
    columns = [phase, np.sin(angle), np.cos(angle), xpos[:, 0, 2]]
    observation = np.concatenate(
        [np.stack(columns, axis=1), turned.reshape(n, -1), offset[:, 3:]],
        axis=1,
        dtype=np.float32,
        casting="same_kind",
    )
    return np.clip(observation, -LIMIT, LIMIT, out=observation)


def observe_box(
    heading: np.ndarray, root: np.ndarray, pos: np.ndarray, mat: np.ndarray, velocity: np.ndarray
) -> np.ndarray:
    """A box in the heading frame, float32 (N, BOX_NUMBERS).

    Args:
      heading: of the reference [rad], (N,).
      root: of the body, world [m], (N, 3).
      pos: the box's middle, world [m], (N, 3).
      mat: its rotation, (N, 3, 3).
      velocity: of its free joint: linear in world axes, angular in its own, (N, 6).
    """
    spin = np.einsum("nij,nj->ni", mat, velocity[:, 3:])
    vectors = np.stack([pos - root, mat[..., 0], mat[..., 1], velocity[:, :3], spin], axis=1)
    turned = turn_back(vectors, heading)
    return np.clip(turned.reshape(len(pos), -1), -LIMIT, LIMIT).astype(np.float32)


def turn_back(vectors: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """World vectors in the axes of a heading [rad], (N, V, 3) and (N,) -> (N, V, 3)."""
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=-1)
