"""A camera that is carried along: walking beside, on a dolly, a drone. Its path, where the background shows it.

A tripod is recognised first and stays exactly still; a camera that only pans and zooms is one that a rotation explains.
What is left is reconstructed from the background (`pose.camera.structure`), up to a length that only the person shows.
"""

from collections.abc import Callable, Iterable

import numpy as np

from pose.camera.background_tracks import Tracks, track_background
from pose.camera.bundle import measure_errors
from pose.camera.camera_motion import (
    FEWEST,
    NOMINAL_FOV,
    CameraMotion,
    Match,
    find_focal_px,
    fit_rotation,
    watch_camera,
)
from pose.camera.ground_plane import find_ground
from pose.camera.structure import CameraTrack, reconstruct_scene

TURNS = 1.5
"""Largest misfit of a rotation that explains the background [px of 640]."""
PAIRS = 8
"""Pairs of key frames by which a rotation is tried."""
SHARED = 40
"""Fewest corners of a pair."""
FOCALS = (0.6, 0.7, 0.82, 1.0, 1.25, 1.6)
"""Focal lengths with which a rotation is tried, relative to the nominal one."""
LENS_FOV = 58.0
"""Field of view along the longer side that is expected of a camera in a hand, mostly a phone's [degrees]."""
FITS = 1.2
"""Largest median error of the points of a scene that is believed [px of 640]."""
BETTER = 0.4
"""Share of a rotation's misfit that the scene's error may have."""
PARALLAX = np.radians(0.75)
"""Least median angle under which points are seen from the path's places [rad]."""

CARRIED = (
    "camera seems to be carried along, but the background shows too little of its path: taken to turn in its place"
)
LONG = (
    "camera is carried along, but too far to follow its path: taken to turn in its place; "
    "choose a shorter part by START and END"
)
LOST = "the background shows too little to follow the camera: taken to stand still"


def follow_any_camera(
    images: Callable[[], Iterable[np.ndarray]], people_px: list[np.ndarray], fps: float
) -> tuple[CameraMotion | None, str]:
    """Estimates rotation, zoom and, of a camera that is carried along, path in every frame.

    Args:
      images: reads the T frames, uint8 (H, W, 3) RGB, all of one size; called up to twice.
      people_px: boxes that hold no background in each frame, (left, top, right, bottom) [px], T arrays (N, 4).
      fps: frames a second.

    Returns:
      The motion, None for a camera that stands still; and what is doubtful about it, empty for nothing.
    """
    watched = watch_camera(images(), people_px)
    if watched.still:
        return None, ""
    tracks = track_background(images(), people_px)
    if np.median(tracks.seen.sum(axis=1)) < FEWEST:
        return watched.motion, LOST if watched.motion is None else ""
    nominal = find_focal_px(NOMINAL_FOV, tracks.side)
    measured = watched.motion is not None and watched.motion.focal_measured
    known = watched.motion.focal_px * tracks.scale if measured and watched.motion is not None else None
    turns = measure_rotation_misfit(tracks, [known] if known else [nominal * factor for factor in FOCALS])
    if turns < TURNS:
        return watched.motion, ""
    if not tracks.whole:
        return watched.motion, LONG
    track = reconstruct_scene(tracks, fps, find_focal_px(LENS_FOV, tracks.side))
    if track is None or not is_convincing(track, turns):
        return watched.motion, CARRIED
    return _to_motion(track, tracks), ""


def measure_rotation_misfit(tracks: Tracks, focals: list[float]) -> float:
    """How far corners are from where a rotation and a zoom would move them, median [px at `WIDTH`].

    Args:
      tracks: of the background; pairs of key frames far apart are compared.
      focals: focal lengths that may be right [px at `WIDTH`].
    """
    seen, keys = tracks.seen, tracks.keys
    misfits = list[float]()
    for i in np.unique(np.linspace(0, len(keys) - 1, PAIRS + 1).astype(int))[:-1]:
        shared = (seen[keys[i + 1 :]] & seen[keys[i]]).sum(axis=1) >= SHARED
        if not shared.any():
            continue
        j = keys[i + 1 + int(np.flatnonzero(shared)[-1])]
        both = seen[keys[i]] & seen[j]
        match = Match(0, tracks.xy[keys[i], both].astype(float), tracks.xy[j, both].astype(float))
        misfits.append(min(fit_rotation(match, focal).typical for focal in focals))
    return float(np.percentile(misfits, 75)) if misfits else 0.0


def is_convincing(track: CameraTrack, turns: float) -> bool:
    """Whether the scene explains what it sees, and far better than a rotation with this misfit [px] does."""
    error = float(np.median(measure_errors(track.scene, track.sightings)))
    return error < min(FITS, BETTER * turns) and measure_parallax(track) > PARALLAX


def measure_parallax(track: CameraTrack) -> float:
    """Median over the points of the largest angle between two lines of sight to them [rad]."""
    scene, sightings = track.scene, track.sightings
    anchor = scene.anchor[sightings.point]
    ray = np.einsum("mji,mj->mi", scene.R[anchor], scene.point_rays()[sightings.point])
    other = ray + scene.inverse_depth[sightings.point, None] * (scene.place[anchor] - scene.place[sightings.camera])
    cosine = np.sum(ray * other, axis=1) / (np.linalg.norm(ray, axis=1) * np.linalg.norm(other, axis=1))
    largest = np.zeros(len(scene.anchor))
    np.maximum.at(largest, sightings.point, np.arccos(np.clip(cosine, -1.0, 1.0)))
    return float(np.median(largest[np.unique(sightings.point)]))


def _to_motion(track: CameraTrack, tracks: Tracks) -> CameraMotion:
    """In the first camera's axes; the background is about one unit of length away."""
    first = track.R[0]
    path = (track.place - track.place[0]) @ first.T
    focal = float(np.exp(track.log_focal + track.log_zoom[0])) / tracks.scale
    points = (track.scene.points()[np.unique(track.sightings.point)] - track.place[0]) @ first.T
    up = -(track.R[:, 1] @ first.T).mean(axis=0)
    ground = find_ground(points, up / np.linalg.norm(up))
    return CameraMotion(track.R @ first.T, np.exp(track.log_zoom - track.log_zoom[0]), focal, True, path, ground)
