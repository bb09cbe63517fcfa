"""Structure from motion: the path of a camera, and points of the background, from tracked corners.

Two key frames that see much parallax give a first scene (five-point algorithm, Nister 2004); the other key frames are
placed before it one after the other, and all are adjusted together (`pose.camera.bundle`). The scene's length is free.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import binary_dilation
from scipy.spatial.transform import Rotation, Slerp

from pose.camera.background_tracks import Tracks
from pose.camera.bundle import PIXEL, Freedom, Scene, Sightings, adjust, measure_errors

FEWEST_SHARED = 40
"""Fewest corners that the first two key frames share."""
FEWEST = 20
"""Fewest points by which a camera is placed."""
GOOD = 2.5
"""Largest error of a point that is where it is thought to be [px at `WIDTH`]."""
PAIRS = 4
"""Pairs of key frames tried as the first two."""
NEIGHBOURHOOD = 10
"""Key frames before and after a new one that are adjusted with it."""
LENS_EVERY = 5
"""New key frames after which all are adjusted, and the lens with them; later, four times as many."""
PLACED = 0.95
"""Least share of the key frames that must find their place."""
ZOOM_GAIN, LEAST_ZOOM = 0.85, 0.06
"""A lens is taken to zoom from which logarithmic range on, and if the median error falls to this share."""
BEHIND = -0.02
"""Least inverse depth of a point relative to the usual one: far points waver about zero."""


@dataclass(frozen=True)
class CameraTrack:
    """Place and rotation of the camera in T frames, and the points it was found from."""

    R: np.ndarray
    """From the scene's axes to the camera's, (T, 3, 3)."""
    place: np.ndarray
    """In the scene, (T, 3)."""
    log_zoom: np.ndarray
    """(T,)."""
    log_focal: float
    """Logarithm of the focal length [px at `WIDTH`]."""
    scene: Scene
    """Key frames and points."""
    sightings: Sightings
    """What the key frames see."""


def reconstruct_scene(tracks: Tracks, fps: float, focal: float) -> CameraTrack | None:
    """Finds the camera's path, and the points; None where the corners do not show it.

    Args:
      tracks: corners of the background.
      fps: frames a second.
      focal: expected focal length [px at `WIDTH`].
    """
    builder = _Builder.of(tracks, fps, focal)
    for pair in builder.propose_pairs():
        if not builder.start(*pair):
            continue
        builder.grow()
        if builder.placed.mean() >= PLACED:
            return builder.finish(tracks)
    return None


class _Builder:
    """A scene that grows key frame by key frame."""

    def __init__(self, xy: np.ndarray, times: np.ndarray, focal: float) -> None:
        self.xy, self.all_seen, self.times, self.log_focal = xy, np.isfinite(xy[..., 0]), times, float(np.log(focal))
        self.seen = self.all_seen.copy()
        count = len(times)
        self.rays = np.concatenate([np.nan_to_num(xy) / focal, np.ones((*xy.shape[:2], 1))], axis=-1)
        self.rays /= np.linalg.norm(self.rays, axis=-1, keepdims=True)
        self.placed, self.known = np.zeros(count, dtype=bool), np.zeros(xy.shape[1], dtype=bool)
        self.scene = self._empty()

    @classmethod
    def of(cls, tracks: Tracks, fps: float, focal: float) -> "_Builder":
        """Of the key frames."""
        return cls(tracks.xy[tracks.keys].astype(float), tracks.keys / fps, focal)

    def _empty(self) -> Scene:
        cameras, points = self.seen.shape
        return Scene(
            np.tile(np.eye(3), (cameras, 1, 1)), np.zeros((cameras, 3)), np.zeros(cameras), self.log_focal,
            np.zeros(points, dtype=int), np.zeros((points, 2)), np.zeros(points),
        )  # fmt: skip

    def propose_pairs(self) -> list[tuple[int, int]]:
        """Pairs of key frames with many corners in common that no rotation explains, the best first."""
        cameras = len(self.times)
        found = list[tuple[float, int, int]]()
        for i in range(0, cameras - 1, max(1, cameras // 25)):
            for j in range(i + 1, cameras):
                shared = self.seen[i] & self.seen[j]
                count = int(shared.sum())
                if count < FEWEST_SHARED:
                    break
                parallax = fit_turn(self.rays[i, shared], self.rays[j, shared])[1]
                found.append((min(parallax, 0.08) * count / (count + 150.0), i, j))
        found.sort(reverse=True)
        chosen = list[tuple[int, int]]()
        for _, i, j in found:
            if all(abs(i - a) + abs(j - b) > cameras // 8 for a, b in chosen):
                chosen.append((i, j))
        return chosen[:PAIRS]

    def start(self, i: int, j: int) -> bool:
        """Begins with two key frames; whether they fit together."""
        self.placed[:], self.known[:], self.seen = False, False, self.all_seen.copy()
        self.scene = self._empty()
        shared = np.flatnonzero(self.seen[i] & self.seen[j])
        first, second = self.xy[i, shared], self.xy[j, shared]
        focal = float(np.exp(self.log_focal))
        lens = np.diag([focal, focal, 1.0])
        essential, inlier = cv2.findEssentialMat(first, second, lens, cv2.USAC_MAGSAC, 0.999, 1.0)
        if essential is None or essential.shape != (3, 3) or inlier.sum() < FEWEST_SHARED / 2:
            return False
        count, R, t, _ = cv2.recoverPose(essential, first, second, lens, mask=inlier)
        if count < FEWEST_SHARED / 2:
            return False
        self.scene.R[j], self.scene.place[j] = R, (-R.T @ t)[:, 0]
        self.placed[[i, j]] = True
        self._add_points()
        usual = np.median(self.scene.inverse_depth[self.known])
        if self.known.sum() < FEWEST or usual <= 0:
            return False
        self._rescale(usual)
        self._adjust(np.array([j]), 10)
        self._drop_bad()
        return bool(self.known.sum() >= FEWEST)

    def grow(self) -> None:
        """Places the other key frames, the one that sees most known points first, as far as they can be."""
        failed = np.zeros(len(self.placed), dtype=bool)
        while True:
            open_ones = ~self.placed & ~failed
            near = np.asarray(binary_dilation(self.placed, iterations=2), dtype=bool)
            votes = np.where(open_ones & near, (self.seen & self.known).sum(axis=1), 0)
            k = int(votes.argmax())
            if votes[k] < FEWEST:
                break
            if not self._place(k):
                failed[k] = True
                continue
            failed[:] = False
            self._add_points()
            close = np.flatnonzero(self.placed & (np.abs(np.arange(len(self.placed)) - k) <= NEIGHBOURHOOD))
            self._adjust(close, 3)
            self._drop_bad()
            count = int(self.placed.sum())
            if count % (LENS_EVERY if count < 4 * LENS_EVERY else 4 * LENS_EVERY) == 0:
                self._adjust(np.flatnonzero(self.placed), 6, focal=True)
                self._drop_bad()

    def finish(self, tracks: Tracks) -> CameraTrack:
        """Adjusts all together, the lens too, and places the frames between the key frames."""
        everyone = np.flatnonzero(self.placed)
        self._adjust(everyone, 8)
        self._add_points()
        self._drop_bad()
        self._adjust(everyone, 15, focal=True)
        self._drop_bad()
        self._adjust(everyone, 8, focal=True)
        self._try_zoom(everyone)
        return self._fill_in(tracks)

    def _try_zoom(self, everyone: np.ndarray) -> None:
        """Lets the lens zoom, if that explains clearly more: way forward and zoom look much alike."""
        before, without = self._misfit(), self.scene
        self.scene = replace(without, R=without.R.copy(), place=without.place.copy(), log_zoom=without.log_zoom.copy(),
                             inverse_depth=without.inverse_depth.copy())  # fmt: skip
        self._adjust(everyone, 15, zoom=True, focal=True)
        if self._misfit() > ZOOM_GAIN * before or np.ptp(self.scene.log_zoom) < LEAST_ZOOM:
            self.scene = without

    def _misfit(self) -> float:
        return float(np.median(measure_errors(self.scene, self._sightings())))

    def _rescale(self, usual: float) -> None:
        """Makes this inverse depth 1."""
        self.scene = replace(self.scene, place=self.scene.place * usual, inverse_depth=self.scene.inverse_depth / usual)

    def _sightings(self) -> Sightings:
        camera, point = np.nonzero(self.seen & self.known & self.placed[:, None])
        keep = camera != self.scene.anchor[point]
        camera, point = camera[keep], point[keep]
        return Sightings(camera, point, self.xy[camera, point])

    def _adjust(self, cameras: np.ndarray, iterations: int, zoom: bool = False, focal: bool = False) -> None:
        """Adjusts some of the placed key frames, and the points that they see."""
        free = np.zeros(len(self.placed), dtype=bool)
        free[cameras] = True
        sightings = self._sightings()
        affected = np.zeros(self.seen.shape[1], dtype=bool)
        affected[sightings.point[free[sightings.camera] | free[self.scene.anchor[sightings.point]]]] = True
        sightings = sightings.select(affected[sightings.point])
        used = np.zeros(len(self.placed), dtype=bool)
        used[sightings.camera], used[self.scene.anchor[affected]] = True, True
        used |= free & self.placed
        part, points = np.flatnonzero(used), np.flatnonzero(affected)
        to_camera, to_point = np.cumsum(used) - 1, np.cumsum(affected) - 1
        scene = self.scene
        small = Scene(
            scene.R[part], scene.place[part], scene.log_zoom[part], scene.log_focal,
            to_camera[scene.anchor[points]], scene.sight[points], scene.inverse_depth[points],
        )  # fmt: skip
        local = Sightings(to_camera[sightings.camera], to_point[sightings.point], sightings.xy)
        freedom = Freedom(free[part], zoom, focal)
        small = adjust(small, local, self.times[part], freedom, iterations, self.log_focal)
        scene.R[part], scene.place[part], scene.log_zoom[part] = small.R, small.place, small.log_zoom
        scene.inverse_depth[points] = small.inverse_depth
        self.scene = replace(scene, log_focal=small.log_focal)

    def _place(self, k: int) -> bool:
        """Places a key frame before the known points, from its nearest placed neighbour on."""
        placed = np.flatnonzero(self.placed)
        order = placed[np.argsort(np.abs(placed - k))]
        near, next_near = int(order[0]), int(order[1])
        scene = self.scene
        steady = scene.place[near] + (scene.place[near] - scene.place[next_near]) * np.clip(
            (k - near) / (near - next_near), -1.0, 1.0
        )
        points = np.flatnonzero(self.seen[k] & self.known)
        shared = self.seen[k] & self.seen[near]
        turn = scene.R[near]
        if shared.sum() >= FEWEST:
            turn = fit_turn(self.rays[near, shared], self.rays[k, shared])[0] @ turn
        for start in (scene.place[near], steady):
            R, place, log_zoom, errors = place_camera(
                scene, points, self.xy[k, points], turn, start, float(scene.log_zoom[near])
            )
            if (errors < GOOD).sum() >= max(FEWEST, 0.5 * len(points)):
                scene.R[k], scene.place[k], scene.log_zoom[k] = R, place, log_zoom
                self.placed[k] = True
                return True
        return False

    def _add_points(self) -> None:
        """Adds the points that two or more placed key frames see, where their sights agree."""
        seen = self.seen & self.placed[:, None]
        points = np.flatnonzero((seen.sum(axis=0) >= 2) & ~self.known)
        if not len(points):
            return
        scene = self.scene
        anchor = seen[:, points].argmax(axis=0)
        scene.anchor[points], scene.sight[points] = anchor, self.xy[anchor, points]
        scene.inverse_depth[points] = 0.0
        camera, column = np.nonzero(seen[:, points])
        keep = camera != anchor[column]
        camera, column = camera[keep], column[keep]
        sightings = Sightings(camera, points[column], self.xy[camera, points[column]])
        far, reach = scene.in_camera(camera, points[column]), self._reach(camera, anchor[column])
        focal = np.exp(scene.log_focal + scene.log_zoom[camera])[:, None]
        left = focal * reach[:, :2] - sightings.xy * reach[:, 2:]
        right = focal * far[:, :2] - sightings.xy * far[:, 2:]
        square = np.bincount(column, (left**2).sum(axis=1), len(points)) + 1e-6
        scene.inverse_depth[points] = -np.bincount(column, (left * right).sum(axis=1), len(points)) / square
        errors = measure_errors(scene, sightings)
        in_front = scene.in_camera(camera, points[column])[:, 2] > 0
        bad = np.bincount(column, (errors > GOOD) | ~in_front, len(points))
        bad = bad > 0.3 * np.bincount(column, None, len(points))
        self.known[points[~bad & (scene.inverse_depth[points] > BEHIND)]] = True

    def _reach(self, camera: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """How points move in a camera's axes with their inverse depth, (M, 3)."""
        scene = self.scene
        return np.einsum("mij,mj->mi", scene.R[camera], scene.place[anchor] - scene.place[camera])

    def _drop_bad(self) -> None:
        """Gives up sights that are far from their points, and points of which too few sights are left."""
        sightings = self._sightings()
        bad = measure_errors(self.scene, sightings) > 1.5 * GOOD
        self.seen[sightings.camera[bad], sightings.point[bad]] = False
        lost = (self.seen & self.placed[:, None]).sum(axis=0) < 2
        self.known &= ~lost & (self.scene.inverse_depth > BEHIND)

    def _fill_in(self, tracks: Tracks) -> CameraTrack:
        """Places every frame: first between the key frames, then before the points that it sees."""
        scene, frames = self.scene, np.arange(len(tracks.xy))
        keys = tracks.keys[self.placed]
        inside = np.clip(frames, keys[0], keys[-1])
        R = Slerp(keys, Rotation.from_matrix(scene.R[self.placed]))(inside).as_matrix()
        place = np.stack([np.interp(frames, keys, one) for one in scene.place[self.placed].T], axis=1)
        log_zoom = np.interp(frames, keys, scene.log_zoom[self.placed])
        seen = tracks.seen
        for t in frames:
            points = np.flatnonzero(seen[t] & self.known)
            if t in keys or len(points) < FEWEST:
                continue
            found = place_camera(scene, points, tracks.xy[t, points].astype(float), R[t], place[t], float(log_zoom[t]))
            if (found[3] < GOOD).mean() > 0.5:
                R[t], place[t] = found[:2]
        return CameraTrack(R, place, log_zoom, scene.log_focal, scene, self._sightings())


def place_camera(
    scene: Scene, points: np.ndarray, xy: np.ndarray, R: np.ndarray, place: np.ndarray, log_zoom: float
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Places a camera before known points by least squares.

    Args:
      scene: with the points.
      points: which of them are seen, (P,).
      xy: where [px], (P, 2).
      R: first guess of its rotation.
      place: first guess of its place.
      log_zoom: of its lens.

    Returns:
      Rotation (3, 3), place (3,), log zoom, and the errors of the points [px], (P,).
    """
    anchors, which = np.unique(scene.anchor[points], return_inverse=True)
    count = len(anchors)
    small = Scene(
        np.concatenate([scene.R[anchors], R[None]]), np.concatenate([scene.place[anchors], place[None]]),
        np.append(scene.log_zoom[anchors], log_zoom), scene.log_focal,
        which, scene.sight[points], scene.inverse_depth[points],
    )  # fmt: skip
    sightings = Sightings(np.full(len(points), count), np.arange(len(points)), xy)
    freedom = Freedom(np.arange(count + 1) == count, depths=False)
    for pixel in (10.0, PIXEL):  # robust only once it is about right
        small = adjust(small, sightings, np.arange(count + 1) * 1e3, freedom, 8, pixel=pixel)
    return small.R[count], small.place[count], log_zoom, measure_errors(small, sightings)


def fit_turn(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, float]:
    """The rotation that moves lines of sight best, and the median angle left [rad]; unit vectors (N, 3) each."""
    weight, R, away = np.ones(len(first)), np.eye(3), np.zeros(len(first))
    for _ in range(3):
        u, _, vt = np.linalg.svd((second * weight[:, None]).T @ first)
        R = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
        away = np.linalg.norm(second - first @ R.T, axis=1)
        weight = 1.0 / (np.median(away) + away + 1e-9)
    return R, float(np.median(away))
