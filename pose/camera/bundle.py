"""Bundle adjustment: cameras and points of a scene from where the points are seen (Triggs et al. 1999).

A point is the line of sight of the camera that saw it first and its inverse depth along it (Civera et al. 2008), so
that far points are no special case, and one that moves by rotation alone has zero. Levenberg-Marquardt; the points are
eliminated by a Schur complement, in which each of them is a single number.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import solve
from scipy.spatial.transform import Rotation

PIXEL = 0.7
"""Residual from which an observation begins to count less, as Cauchy's distribution has it [px]."""
CAMERA = 7
"""Unknowns of a camera: rotation (3), place (3), logarithm of its zoom."""
NEAREST = 1e-3
"""Least depth of a point before a camera, relative to its line of sight; what comes nearer counts as if there."""
ACCELERATION = 0.3
"""Standard deviation of the cameras' acceleration [mean distances of the points/s2]; it decides what nothing shows."""
ZOOM_RATE, ZOOM = 0.15, 0.4
"""Standard deviations of the zoom's logarithm: of its rate [1/s], and of itself."""
LENS, LASTS = 0.35, 20.0
"""Standard deviation of the focal length's logarithm about the expected one; and for how many frames the error of a
corner lasts: so many fewer observations it is weighed against."""
LARGEST_DAMPING = 1e5


@dataclass(frozen=True)
class Scene:
    """K cameras and N points."""

    R: np.ndarray
    """Rotations from the world to each camera, (K, 3, 3)."""
    place: np.ndarray
    """Cameras in the world, (K, 3)."""
    log_zoom: np.ndarray
    """Logarithm of the focal length over that of the scene, (K,)."""
    log_focal: float
    """Logarithm of the focal length [px]."""
    anchor: np.ndarray
    """Camera on whose line of sight each point lies, (N,)."""
    sight: np.ndarray
    """Where that camera sees it, relative to the image's centre [px], (N, 2)."""
    inverse_depth: np.ndarray
    """Of each point along the axis of its camera, (N,)."""

    def point_rays(self) -> np.ndarray:
        """Points in their own cameras' axes at depth 1, (N, 3)."""
        focal = np.exp(self.log_focal + self.log_zoom[self.anchor])
        return np.column_stack([self.sight / focal[:, None], np.ones(len(self.sight))])

    def points(self) -> np.ndarray:
        """Points in the world, (N, 3); those that are almost infinitely far lie at a great distance."""
        ray = np.einsum("nji,nj->ni", self.R[self.anchor], self.point_rays())
        return self.place[self.anchor] + ray / np.maximum(self.inverse_depth, 1e-3)[:, None]

    def in_camera(self, camera: np.ndarray, point: np.ndarray) -> np.ndarray:
        """Points in cameras' axes, scaled by their inverse depths, (M, 3)."""
        anchor = self.anchor[point]
        ray = np.einsum("mji,mj->mi", self.R[anchor], self.point_rays()[point])
        ray = ray + self.inverse_depth[point, None] * (self.place[anchor] - self.place[camera])
        return np.einsum("mij,mj->mi", self.R[camera], ray)

    def project(self, camera: np.ndarray, point: np.ndarray) -> np.ndarray:
        """Where cameras see points [px], (M, 2)."""
        y = self.in_camera(camera, point)
        focal = np.exp(self.log_focal + self.log_zoom[camera])
        return focal[:, None] * y[:, :2] / np.maximum(y[:, 2:], NEAREST)


@dataclass(frozen=True)
class Sightings:
    """M times that a camera sees a point, the anchors' own left out."""

    camera: np.ndarray
    """(M,)."""
    point: np.ndarray
    """(M,)."""
    xy: np.ndarray
    """Relative to the image's centre [px], (M, 2)."""

    def select(self, keep: np.ndarray) -> "Sightings":
        """Some of them."""
        return Sightings(self.camera[keep], self.point[keep], self.xy[keep])


@dataclass(frozen=True)
class Freedom:
    """What may change."""

    cameras: np.ndarray
    """Cameras that may turn and move, bool (K,)."""
    zoom: bool = False
    """Whether these may zoom."""
    focal: bool = False
    """Whether the focal length may change."""
    depths: bool = True
    """Whether the points' depths may change."""


def measure_errors(scene: Scene, sightings: Sightings) -> np.ndarray:
    """Distance of each point from where it is seen [px], (M,)."""
    return np.linalg.norm(scene.project(sightings.camera, sightings.point) - sightings.xy, axis=1)


def adjust(
    scene: Scene,
    sightings: Sightings,
    times: np.ndarray,
    freedom: Freedom,
    iterations: int = 10,
    expected_log_focal: float | None = None,
    pixel: float = PIXEL,
) -> Scene:
    """Moves cameras and points so that the points are where they are seen.

    Args:
      scene: start.
      sightings: what is seen.
      times: of the cameras [s], increasing, (K,).
      freedom: what may change.
      iterations: most steps.
      expected_log_focal: of the lens.
      pixel: residual from which an observation begins to count less [px].
    """
    expected = scene.log_focal if expected_log_focal is None else expected_log_focal
    free = _free_columns(scene, freedom)
    cost = _cost(scene, sightings, times, expected, pixel)
    damping = 1e-3
    for _ in range(iterations):
        step, depth_step = _solve_step(scene, sightings, times, freedom, free, expected, damping, pixel)
        while damping < LARGEST_DAMPING:
            moved = _move(scene, step, depth_step)
            there = _cost(moved, sightings, times, expected, pixel)
            if there < cost:
                break
            damping *= 10.0
            step, depth_step = _solve_step(scene, sightings, times, freedom, free, expected, damping, pixel)
        else:
            break
        gain, scene, cost = 1.0 - there / cost, moved, there
        damping = max(damping / 10.0, 1e-7)
        if gain < 1e-4:
            break
    return scene


def _free_columns(scene: Scene, freedom: Freedom) -> np.ndarray:
    """Which camera unknowns may change: `CAMERA` of each camera, then the focal length, (7 K + 1,)."""
    cameras = np.repeat(freedom.cameras[:, None], CAMERA, axis=1)
    cameras[:, 6] &= freedom.zoom
    return np.flatnonzero(np.append(cameras.ravel(), freedom.focal))


def _move(scene: Scene, step: np.ndarray, depth_step: np.ndarray) -> Scene:
    cameras = step[:-1].reshape(-1, CAMERA)
    return replace(
        scene,
        R=Rotation.from_rotvec(cameras[:, :3]).as_matrix() @ scene.R,
        place=scene.place + cameras[:, 3:6],
        log_zoom=scene.log_zoom + cameras[:, 6],
        log_focal=scene.log_focal + float(step[-1]),
        inverse_depth=scene.inverse_depth + depth_step,
    )


def _cost(scene: Scene, sightings: Sightings, times: np.ndarray, expected: float, pixel: float) -> float:
    error = measure_errors(scene, sightings) / pixel
    _, residual = _priors(scene, times, expected)
    return float(np.log1p(error**2).sum() + (residual**2).sum())


def _solve_step(
    scene: Scene,
    sightings: Sightings,
    times: np.ndarray,
    freedom: Freedom,
    free: np.ndarray,
    expected: float,
    damping: float,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the camera unknowns (7 K + 1,) and of the inverse depths (N,)."""
    residual, by_camera, by_depth = compute_jacobian(scene, sightings)
    weight = 1.0 / (pixel**2 + (residual**2).sum(axis=1))
    rows = np.repeat(weight, 2)
    flat = residual.ravel()
    prior, prior_residual = _priors(scene, times, expected)
    by_camera = by_camera[:, free]
    weighted = by_camera.multiply(rows[:, None]).tocsr()
    normal = (weighted.T @ by_camera).toarray() + (prior[:, free].T @ prior[:, free]).toarray()
    gradient = weighted.T @ flat + prior[:, free].T @ prior_residual
    own = np.bincount(np.repeat(sightings.point, 2), rows * by_depth**2, len(scene.anchor)) * (1.0 + damping) + 1e-9
    depth_gradient = np.bincount(np.repeat(sightings.point, 2), rows * by_depth * flat, len(scene.anchor))
    normal[np.diag_indices_from(normal)] *= 1.0 + damping
    normal[np.diag_indices_from(normal)] += 1e-9
    step = np.zeros(CAMERA * len(scene.R) + 1)
    if not freedom.depths:
        if len(free):
            step[free] = -solve(normal, gradient, assume_a="pos", check_finite=False)
        return step, np.zeros(len(own))
    points = sparse.csr_matrix(
        (by_depth, (np.arange(len(rows)), np.repeat(sightings.point, 2))), shape=(len(rows), len(own))
    )
    cross = (weighted.T @ points).toarray()
    if len(free):
        schur = normal - (cross / own) @ cross.T
        step[free] = -solve(schur, gradient - cross @ (depth_gradient / own), assume_a="pos", check_finite=False)
    return step, -(depth_gradient + cross.T @ step[free]) / own


def compute_jacobian(scene: Scene, sightings: Sightings) -> tuple[np.ndarray, sparse.csr_matrix, np.ndarray]:
    """Residuals [px], and how they change.

    Rotations change by a rotation vector in the camera's axes, exp(r) R.

    Returns:
      Residuals (M, 2); their derivatives by the camera unknowns (2 M, 7 K + 1) and by the point's inverse depth (2 M,).
    """
    camera, point = sightings.camera, sightings.point
    anchor = scene.anchor[point]
    y, ray = scene.in_camera(camera, point), scene.point_rays()[point]
    focal, depth = np.exp(scene.log_focal + scene.log_zoom[camera]), np.maximum(y[:, 2], NEAREST)
    place = focal[:, None] * y[:, :2] / depth[:, None]
    by_y = np.zeros((len(y), 2, 3))
    by_y[:, 0, 0] = by_y[:, 1, 1] = focal / depth
    by_y[:, :, 2] = -place / depth[:, None] * (y[:, 2] > NEAREST)[:, None]
    turn = scene.R[camera]
    between = by_y @ (turn @ np.swapaxes(scene.R[anchor], 1, 2))
    shrunk = -between[..., 0] * ray[:, :1] - between[..., 1] * ray[:, 1:2]
    moved = by_y @ turn
    closeness = scene.inverse_depth[point, None, None]
    values = np.concatenate(
        [
            -by_y @ _skew(y), -closeness * moved, place[..., None],
            between @ _skew(ray), closeness * moved, shrunk[..., None],
            (place + shrunk)[..., None],
        ],
        axis=2,
    )  # fmt: skip
    columns = np.concatenate(
        [
            CAMERA * camera[:, None] + np.arange(CAMERA),
            CAMERA * anchor[:, None] + np.arange(CAMERA),
            np.full((len(y), 1), CAMERA * len(scene.R)),
        ],
        axis=1,
    )
    width = columns.shape[1]
    matrix = sparse.csr_matrix(
        (values.ravel(), np.repeat(columns, 2, axis=0).ravel(), np.arange(2 * len(y) + 1) * width),
        shape=(2 * len(y), CAMERA * len(scene.R) + 1),
    )
    by_depth = (moved @ (scene.place[anchor] - scene.place[camera])[..., None])[..., 0]
    return place - sightings.xy, matrix, by_depth.ravel()


def _priors(scene: Scene, times: np.ndarray, expected: float) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Derivatives by the camera unknowns (P, 7 K + 1), and residuals (P,), of what holds of any camera."""
    count = len(scene.R)
    columns, values, residual = list[np.ndarray](), list[np.ndarray](), list[float]()
    if count > 2:
        before, after = np.diff(times)[:-1], np.diff(times)[1:]
        share = np.stack([1.0 / before, -1.0 / before - 1.0 / after, 1.0 / after], axis=1)
        share *= (2.0 / (before + after) / ACCELERATION)[:, None]
        stencil = np.arange(count - 2)[:, None] + np.arange(3)
        for axis in range(3):
            columns += list(CAMERA * stencil + 3 + axis)
            values += list(share)
            residual += list((share * scene.place[stencil, axis]).sum(axis=1))
    if count > 1:
        rate = 1.0 / (np.sqrt(np.diff(times)) * ZOOM_RATE)
        for k in range(count - 1):
            columns.append(CAMERA * np.array([k, k + 1]) + 6)
            values.append(rate[k] * np.array([-1.0, 1.0]))
            residual.append(float(rate[k] * (scene.log_zoom[k + 1] - scene.log_zoom[k])))
    for k in range(count):
        columns.append(np.array([CAMERA * k + 6]))
        values.append(np.array([1.0 / ZOOM]))
        residual.append(float(scene.log_zoom[k] / ZOOM))
    columns.append(np.array([CAMERA * count]))
    lens = np.sqrt(LASTS) / LENS
    values.append(np.array([lens]))
    residual.append(lens * (scene.log_focal - expected))
    ends = np.concatenate([[0], np.cumsum([len(one) for one in columns])])
    matrix = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(columns), ends), shape=(len(columns), CAMERA * count + 1)
    )
    return matrix, np.array(residual)


def _skew(vector: np.ndarray) -> np.ndarray:
    """Matrices of the cross product, (M, 3) -> (M, 3, 3)."""
    x, y, z = vector.T
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
