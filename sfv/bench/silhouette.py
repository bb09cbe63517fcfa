"""`bench silhouette`: what the pose network's mask of the person could add to a motion, beyond its landmarks."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose.blazepose import open_landmarker
from pose.errors import InputError
from pose.parent import exit_after_parent
from pose.video import read_frames
from pose.weights import find_or_fetch
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.kinematics import point_positions
from reconstruct.lifting.depth_density import CLEAR
from reconstruct.observations import landmark_points
from sfv.bench.films import make_films
from sfv.bench.inputs import find_recordings
from sfv.bench.reconstruct import measure
from sfv.console import bar, console
from sfv.demo.demo import truth_path
from sfv.rows import Row, show

EVERY = 6
"""Of so many frames one is looked at."""
MARGIN = 0.3
"""Of the crop about a person, as a share of their size."""
EDGE = 256
"""Width and height at which masks and outlines are compared [px]."""
RADII = {("shoulder", "elbow"): 0.05, ("elbow", "wrist"): 0.04, ("hip", "knee"): 0.075, ("knee", "ankle"): 0.05,
         ("heel", "foot_index"): 0.04}  # fmt: skip
"""Of the capsules of arms, legs and feet [m]."""
TRUNK, HEAD = 0.09, 0.11
"""Radii of what is drawn about the shoulders and hips, and about the middle of the ears [m]."""
LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
"""Arms and legs, from the trunk outwards."""
SEEN = ("left_ear", "right_ear", *(f"{side}_{part}" for side in ("left", "right") for part in
        ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")))  # fmt: skip
"""Landmarks that outlines are drawn from."""
_AT = {name: index for index, name in enumerate(SEEN)}
_segmenter: Any = None


@dataclass(frozen=True)
class Crop:
    """A square part of the picture."""

    left: float
    top: float
    size: float
    """[px]."""

    @classmethod
    def about(cls, xy: np.ndarray) -> "Crop":
        """Around points [px], (J, 2), with a margin."""
        low, high = xy.min(axis=0), xy.max(axis=0)
        size = (1.0 + 2.0 * MARGIN) * float((high - low).max())
        left, top = 0.5 * (low + high) - 0.5 * size
        return cls(float(left), float(top), size)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """This part of an image, `EDGE` wide and high; black beyond its rim."""
        scale = EDGE / self.size
        turn = np.array([[scale, 0.0, -self.left * scale], [0.0, scale, -self.top * scale]])
        return cv2.warpAffine(image, turn, (EDGE, EDGE), flags=cv2.INTER_AREA)

    def place(self, xy: np.ndarray) -> np.ndarray:
        """Points of the image [px] in the crop [px]."""
        return (xy - [self.left, self.top]) * (EDGE / self.size)


def bench_silhouette(full: bool = False, json: bool = False) -> None:
    """Whether the pose network's mask of the person knows more than the motion that was found without it.

    A body of capsules is drawn from landmarks into the picture: the true ones, those of the motion, and the true ones
    with one limb the other way round in depth. The mask prefers what covers it better.

    Args:
      full: every motion from every viewpoint, with motion capture if it is there.
      json: one JSON object on standard output instead of a table.
    """
    made = make_films(find_recordings("motions/*.txt") if full else [], full)
    films = [(film, video) for film, video in made if film.group == "synthetic"]
    character, values = load_character("humanoid"), dict[str, list[float]]()
    workers = ProcessPoolExecutor(1, get_context("spawn"), _start_segmenter, (str(find_or_fetch()),))
    with workers as pool, bar("masks") as progress:
        for index, (film, video) in enumerate(films):
            try:
                measured = measure_film(video, character, pool)
            except InputError as error:
                console.print(f"{film.title}: {error}; left out")
                continue
            for name, several in measured.items():
                values.setdefault(name, []).extend(several)
            progress(index + 1, len(films), film.title)
    show("silhouette", [Row.mean_of(f"mask_{name}", value, "") for name, value in values.items()], json)


def measure_film(video: Path, character: Character, pool: ProcessPoolExecutor) -> dict[str, list[float]]:
    """How much outlines of one film share with the mask, and which the mask prefers, a value for each frame."""
    clip = measure(video, character)
    found = clip.found
    with np.load(truth_path(video), allow_pickle=False) as truth:
        names, size = truth["names"].tolist(), truth["image_size"].tolist()
        xyz_w = truth["xyz_w"][:, [names.index(name) for name in SEEN]]
        camera = Camera(
            float(truth["K"][0, 0]),
            truth["K"][:2, 2],
            (size[0], size[1]),
            truth["R_camera_world"],
            truth["t_camera_world"],
        )
    true_c = camera.to_camera(xyz_w)
    points = landmark_points(character, SEEN)
    ours_c = found.camera.to_camera(point_positions(character.model, found.motion.qpos, points))
    values: dict[str, list[float]] = {}
    for t, (_, image) in enumerate(read_frames(video)):
        own = t - found.first_frame
        if t % EVERY or not 0 <= own < len(ours_c) or not clip.keypoints.seen[t]:
            continue
        crop = Crop.about(clip.keypoints.xy[t])
        mask = pool.submit(_segment_in_worker, crop.cut(image)).result()
        if mask is None:
            continue
        true = iou(draw(true_c[t], camera, crop), mask)
        mine = iou(draw(ours_c[own], found.camera, crop), mask)
        values.setdefault("iou_truth", []).append(true)
        values.setdefault("iou_found", []).append(mine)
        values.setdefault("prefers_truth", []).append(float(true > mine))
        for name, flipped in flip_limbs(true_c[t]):
            score = iou(draw(flipped, camera, crop), mask)
            values.setdefault(f"right_{name}", []).append(0.5 if score == true else float(score < true))
    return values


def flip_limbs(xyz_c: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The body with one limb the other way round in depth, as long as before and at the same place in the picture, for
    each limb that is more than 15 degrees out of the picture."""
    flipped = []
    for chain in LIMBS:
        for side in ("left", "right"):
            ids = [_AT[f"{side}_{part}"] for part in chain]
            bones = np.diff(xyz_c[ids], axis=0)
            rays = xyz_c[ids[1:]] / np.linalg.norm(xyz_c[ids[1:]], axis=1, keepdims=True)
            lengths = np.linalg.norm(bones, axis=1)
            if np.abs(np.sum(bones * rays, axis=1) / lengths).max() < CLEAR:
                continue
            other = xyz_c.copy()
            for k in (0, 1):
                start, ray = other[ids[k]], rays[k]
                along = float(start @ ray)
                half = np.sqrt(max(0.0, lengths[k] ** 2 - float(start @ start) + along**2))
                other[ids[k + 1]] = (along - np.sign(bones[k] @ ray) * half) * ray
            if chain[0] == "hip":
                feet = [_AT[f"{side}_heel"], _AT[f"{side}_foot_index"]]
                other[feet] *= np.linalg.norm(other[ids[2]]) / np.linalg.norm(xyz_c[ids[2]])
            flipped.append(("arm" if chain[0] == "shoulder" else "leg", other))
    return flipped


def draw(xyz_c: np.ndarray, camera: Camera, crop: Crop) -> np.ndarray:
    """The outline of a body of capsules, bool (EDGE, EDGE).

    Args:
      xyz_c: `SEEN` in camera axes [m], (J, 3).
      camera: whose picture it is.
      crop: of it.
    """
    xy = crop.place(camera.focal_px * xyz_c[:, :2] / xyz_c[:, 2:] + camera.principal_point_px)
    metre = camera.focal_px / xyz_c[:, 2] * (EDGE / crop.size)
    out = np.zeros((EDGE, EDGE), np.uint8)

    def join(a: int, b: int, radius: float) -> None:
        width = max(1, round(2.0 * radius * 0.5 * (metre[a] + metre[b])))
        cv2.line(out, _pixel(xy[a]), _pixel(xy[b]), 1, width)

    for (a, b), radius in RADII.items():
        for side in ("left", "right"):
            join(_AT[f"{side}_{a}"], _AT[f"{side}_{b}"], radius)
    trunk = [_AT[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
    cv2.fillPoly(out, [np.array([_pixel(xy[k]) for k in trunk])], 1)
    for a, b in zip(trunk, trunk[1:] + trunk[:1], strict=True):
        join(a, b, TRUNK)
    ears = [_AT["left_ear"], _AT["right_ear"]]
    cv2.circle(out, _pixel(xy[ears].mean(axis=0)), max(1, round(HEAD * float(metre[ears].mean()))), 1, -1)
    return out > 0


def _pixel(xy: np.ndarray) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))


def iou(outline: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union."""
    return float((outline & mask).sum() / max(1, (outline | mask).sum()))


def _start_segmenter(bundle: str) -> None:
    global _segmenter
    exit_after_parent()
    _segmenter = open_landmarker(bundle, output_segmentation_masks=True)


def _segment_in_worker(rgb: np.ndarray) -> np.ndarray | None:
    import mediapipe

    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
    masks = _segmenter.detect(image).segmentation_masks
    return None if not masks else np.squeeze(masks[0].numpy_view()) > 0.5
