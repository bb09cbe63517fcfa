"""Silhouettes of whoever a film moves most with, pixel by pixel, where a detector overlooks a body in a crowd.

Detectors prefer upright bodies: of a dancer on his head with a spectator behind him they find the spectator. Where all
but the dancer is grey, they find the dancer. A pixel is the dancer's if it differs from the background (a median over
time, before a camera whose motion is taken out) and has a colour that moves; edges come from GrabCut (Rother et al.
2004, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts").
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from pose.estimator import Crop
from pose.landmarks import INDEX, SKELETON
from pose.people.crops import MAX_PIXELS, AugmentedCrop
from pose.people.moving_region import MovingRegion, scale_down
from pose.people.person import CORE, body_size

SAMPLE_S = 0.4
"""Time between the frames that a background is made of [s]."""
SAMPLES = 13
"""Most frames that a background is made of."""
BLOCK = 600
"""Frames that are worked on at once: memory stays bounded, and a background and its light are of one time."""
BLUR = 1.0
"""Standard deviation of the filter against noise [px of the scaled frame]."""
LITTLE, SOME, MUCH = 6.0, 15.0, 40.0
"""Differences from the background: noise, perhaps a body, surely one [of 255]."""
BINS = (16, 6, 6)
"""Bins of lightness and of the two colour axes of CIELAB."""
RANGE = ((0.0, 256.0), (80.0, 176.0), (80.0, 176.0))
"""Range of each, in OpenCV's 8 bits; stronger colours count to the outermost bins."""
SOFT = 0.7
"""Standard deviation of the filter over neighbouring bins [bins]."""
UNLIKELY, LIKELY, SURE = 0.3, 0.6, 0.8
"""Probabilities that a colour is the body's: below, above and far above those of other colours."""
INNER, OUTER = 0.8, 1.0
"""Distance from the middle of the moving region within which something may surely be the body, and beyond which nothing
is [sizes of the region]."""
AROUND = 1.5
"""Distance from the middle up to which what does not move shows the colours of others [sizes of the region]."""
CUTS = 3
"""Iterations of GrabCut."""
GAP = 0.04
"""Gap over which parts belong to one body: a bare waist, a wrist [share of the picture's longer side]."""
STEADY = 0.3
"""Least motion of a further part, relative to the first one's."""
PART = 0.04
"""Least size of a part, as a share of the largest one."""
SMALLEST = 0.002
"""Least size of a silhouette, as a share of the picture."""
LIMB = 0.13
"""Width of limbs as drawn for comparison [body sizes]."""
HEAD = 0.12
"""Diameter of a head as drawn [body sizes]."""
INSIDE = 0.3
"""Share of a limb's width that surely shows the body's own colours."""
FEWEST = 4
"""Fewest frames that clothes are learnt from."""
MARGIN, FIT_MARGIN = 0.006, 0.012
"""Margin around a silhouette that is shown to the detector, and in which joints may lie [share of the longer side]."""
SIDES = (1.3, 1.9)
"""Sides of the crops around a silhouette, as multiples of its own."""
GREY = 150.0
"""Grey level of what is not shown, of 255."""
QUARTERS = tuple(np.pi / 2 * n for n in range(4))
"""Rotations of these crops [rad]."""
LIMBS = tuple((INDEX[a], INDEX[b]) for a, b in SKELETON)
EARS = (INDEX["left_ear"], INDEX["right_ear"])
TRUNK = [INDEX[f"{side}_{joint}"] for joint in ("shoulder", "hip") for side in ("left", "right")]


@dataclass(frozen=True)
class Silhouettes:
    """Which pixels are of the body that moves most, frame by frame."""

    packed: tuple[np.ndarray, ...]
    """The mask of each frame in bits, rows packed by `np.packbits`; nothing where no silhouette was found."""
    size: tuple[int, int]
    """Height and width of the masks [px of the scaled frames]."""
    scale: float
    """Size of the scaled frames relative to the film's."""

    def mask(self, t: int) -> np.ndarray:
        """The mask of frame `t`, bool (h, w)."""
        return np.unpackbits(self.packed[t], axis=1, count=self.size[1]).astype(bool)

    @property
    def found(self) -> np.ndarray:
        """Frames that have a silhouette, bool (T,)."""
        return np.array([bits.any() for bits in self.packed])

    def fit(self, t: int, xy: np.ndarray) -> np.ndarray:
        """How well bodies fill the silhouette of frame `t`, 0 without one: (N, J, 2) [px] -> (N,) in [0, 1].

        The share of the joints in it times the share of it that is near the limbs.
        """
        mask = self.mask(t)
        if not mask.any():
            return np.zeros(len(xy))
        wide = _widen(mask, FIT_MARGIN)
        result = np.zeros(len(xy))
        for n, body in enumerate(xy * self.scale):
            cell = np.clip(body[CORE].astype(int), 0, np.array(mask.shape[::-1]) - 1)
            result[n] = wide[cell[:, 1], cell[:, 0]].mean() * draw_limbs(body, self.size, 1.0)[mask].mean()
        return result

    def show_only(self, t: int, image: np.ndarray) -> np.ndarray:
        """The image of frame `t`, uint8 (H, W, 3), grey outside of the silhouette."""
        wide = cv2.resize(_widen(self.mask(t), MARGIN).astype(np.float32), image.shape[1::-1])[..., None]
        return (image * wide + GREY * (1.0 - wide)).astype(np.uint8)

    def plan_crops(self, t: int) -> list[AugmentedCrop]:
        """Plans crops of frame `t` around the silhouette: near and wide, each upright and turned."""
        row, column = np.nonzero(self.mask(t))
        low, high = np.array([column.min(), row.min()]), np.array([column.max(), row.max()])
        middle = (low + high + 1) / 2 / self.scale
        place, size = (float(middle[0]), float(middle[1])), float((high - low + 1).max()) / self.scale
        return [
            AugmentedCrop(Crop(place, side * size, angle, round(min(1.5 * side * size, MAX_PIXELS))), False, False)
            for side, angles in zip(SIDES, (QUARTERS[::2], QUARTERS[1::2]), strict=True)
            for angle in angles
        ]


def find_silhouettes(
    images: Iterable[np.ndarray], region: MovingRegion, fps: float, bodies: dict[int, np.ndarray] | None = None
) -> Silhouettes:
    """Finds the silhouette of what moves in the moving region of each frame, in blocks of `BLOCK` frames.

    Args:
      images: the T frames, uint8 (H, W, 3) RGB, as `region` was found in; they are gone through once.
      region: where the film moves most.
      fps: frames a second.
      bodies: landmarks (J, 2) [px] of the body that moves in frames in which it is surely found: its clothes are known
        from them; by default they are what differs from the background.
    """
    known = bodies or {}
    masks, block, first, scale, size = list[np.ndarray](), list[np.ndarray](), 0, 1.0, (0, 0)
    last = len(region.centre) - 1
    for t, image in enumerate(images):
        small, scale = scale_down(image)
        size = (small.shape[0], small.shape[1])
        block.append(small)
        if len(block) == BLOCK or t == last:
            limbs = [draw_limbs(known[u] * scale, size, INSIDE) if u in known else None for u in range(first, t + 1)]
            found = _search_block(block, region.select(slice(first, t + 1), scale), fps, limbs)
            masks += [np.packbits(mask, axis=1) for mask in found]
            first, block = t + 1, []
    return Silhouettes(tuple(masks), size, scale)


def _search_block(
    small: list[np.ndarray], region: MovingRegion, fps: float, limbs: list[np.ndarray | None]
) -> list[np.ndarray]:
    """Silhouettes in scaled frames that follow each other, bool (h, w) each; the region in scaled pixels.

    Args:
      small: the scaled frames.
      region: where they move, in scaled pixels.
      fps: frames a second.
      limbs: pixels that are surely the body's, bool (h, w); None in frames where that is not known.
    """
    place = _chain(region.steps)
    samples = np.arange(0, len(small), max(1, round(SAMPLE_S * fps)))
    if len(samples) < SAMPLES:
        samples = np.unique(np.linspace(0, len(small) - 1, min(SAMPLES, len(small))).round().astype(int))
    stands = bool(np.ptp(place[:, :2, 2], axis=0).max() < 1.0) and len(samples) <= SAMPLES
    changed = list[np.ndarray]()
    background = _find_background(small, place, samples, 0)
    for t, image in enumerate(small):
        if not stands:
            background = _find_background(small, place, _choose_near(samples, t), t)
        changed.append(_compare(image, background))
    away = [_measure_distance(region, t, small[0].shape) for t in range(len(small))]
    dressed = sum(mask is not None for mask in limbs) >= FEWEST
    body, rest = list[np.ndarray](), list[np.ndarray]()
    for change, distance, mask in zip(changed, away, limbs, strict=True):
        near = distance < AROUND
        if dressed:
            body.append(np.zeros_like(near) if mask is None else mask)
            rest.append(np.zeros_like(near) if mask is None else near & ~_widen(mask, LIMB * INSIDE))
        else:
            body.append((change > SOME) & (distance < INNER))
            rest.append((change <= SOME) & near)
    likely = learn_colours(small, body, rest)
    seed = _seed_by_clothes if dressed else _seed_by_motion
    return [
        _cut_out(image, seed(change, colour, distance), change * colour, distance)
        for image, change, colour, distance in zip(small, changed, likely, away, strict=True)
    ]


def draw_limbs(xy: np.ndarray, size: tuple[int, int], thickness: float) -> np.ndarray:
    """The pixels of a body's trunk, head and limbs, bool (h, w).

    Args:
      xy: landmarks [px], (J, 2).
      size: height and width of the picture [px].
      thickness: of limbs, relative to a dressed one's.
    """
    drawn, width = np.zeros(size, np.uint8), max(1, round(thickness * LIMB * float(body_size(xy))))
    points = np.clip(np.rint(xy), -10000, 10000).astype(np.int32)
    for a, b in LIMBS:
        cv2.line(drawn, points[a].tolist(), points[b].tolist(), 1, width)
    cv2.fillConvexPoly(drawn, cv2.convexHull(points[TRUNK]), 1)
    head = points[list(EARS)].mean(axis=0).round().astype(int).tolist()
    cv2.circle(drawn, head, max(1, round(0.5 * thickness * HEAD * float(body_size(xy)))), 1, -1)
    return drawn > 0


def _widen(mask: np.ndarray, margin: float) -> np.ndarray:
    width = 2 * max(1, round(margin * max(mask.shape))) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((width, width), np.uint8)) > 0


def _chain(steps: np.ndarray) -> np.ndarray:
    """Maps from the first frame to each one, (T, 3, 3), of similarities from frame to frame, (T, 2, 3)."""
    chained = [np.eye(3)]
    for step in steps[1:]:
        chained.append(np.vstack([step, [0.0, 0.0, 1.0]]) @ chained[-1])
    return np.stack(chained)


def _choose_near(samples: np.ndarray, t: int) -> np.ndarray:
    """The samples nearest to a frame in time."""
    return np.sort(samples[np.argsort(np.abs(samples - t), kind="stable")[:SAMPLES]])


def _find_background(small: list[np.ndarray], place: np.ndarray, samples: np.ndarray, t: int) -> np.ndarray:
    """The median of other frames, brought before the camera of frame `t`; (h, w, 3), grey where it is not known."""
    size = small[t].shape[1::-1]
    back = np.linalg.inv(place)
    seen, known = [], []
    for u in samples:
        matrix = (place[t] @ back[u])[:2]
        seen.append(cv2.warpAffine(small[u], matrix, size, borderMode=cv2.BORDER_REPLICATE))
        known.append(cv2.warpAffine(np.ones(size[::-1], np.uint8), matrix, size, flags=cv2.INTER_NEAREST))
    median = np.median(np.stack(seen), axis=0).astype(np.float32)
    # Where fewer than half of the frames looked, the frame itself: nothing speaks for a body there.
    return np.where((np.mean(known, axis=0) < 0.5)[..., None], small[t], median)


def _compare(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Largest difference of the colours from the background, (h, w) [of 255]."""
    blurred = [cv2.GaussianBlur(x.astype(np.float32), (0, 0), BLUR) for x in (image, background)]
    return np.abs(blurred[0] - blurred[1]).max(axis=-1)


def _measure_distance(region: MovingRegion, t: int, shape: tuple[int, ...]) -> np.ndarray:
    """Distance of each pixel from the middle of the region [sizes of the region], (h, w)."""
    row, column = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.hypot(column - region.centre[t, 0], row - region.centre[t, 1]) / max(float(region.size[t]), 1.0)


def learn_colours(small: list[np.ndarray], body: list[np.ndarray], rest: list[np.ndarray]) -> list[np.ndarray]:
    """Probability of each pixel's colour to be the body's, (h, w) for each frame: two histograms in CIELAB.

    Args:
      small: images, uint8 (h, w, 3) RGB.
      body: pixels that are taken for the body's, bool (h, w) for each.
      rest: pixels that are taken for anything else.
    """
    low, high = np.array(RANGE).T
    counts = np.zeros((2, int(np.prod(BINS))))
    indices = list[np.ndarray]()
    for image, own, other in zip(small, body, rest, strict=True):
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        bins = np.clip((lab - low) / (high - low) * BINS, 0, np.array(BINS) - 1).astype(np.int32)
        index = np.asarray(np.ravel_multi_index(tuple(np.moveaxis(bins, -1, 0)), BINS))
        for row, mask in enumerate((own, other)):
            counts[row] += np.bincount(index[mask], minlength=counts.shape[1])
        indices.append(np.asarray(index, dtype=np.uint16))
    soft = np.stack([gaussian_filter(h.reshape(BINS), SOFT, mode="constant").ravel() for h in counts])
    share = soft / np.maximum(soft.sum(axis=1, keepdims=True), 1e-9)
    table = share[0] / np.maximum(share.sum(axis=0), 1e-9)
    return [table[index].astype(np.float32) for index in indices]


def _seed_by_motion(change: np.ndarray, likely: np.ndarray, away: np.ndarray) -> np.ndarray:
    """What GrabCut begins with, (h, w), where colours were learnt from motion: both must speak for the body."""
    seeds = np.full(change.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[(likely > LIKELY) & (change > SOME)] = cv2.GC_PR_FGD
    seeds[(likely > SURE) & (change > MUCH) & (away < INNER)] = cv2.GC_FGD
    seeds[((change < LITTLE) & (likely < UNLIKELY)) | (away > OUTER)] = cv2.GC_BGD
    return seeds


def _seed_by_clothes(change: np.ndarray, likely: np.ndarray, away: np.ndarray) -> np.ndarray:
    """What GrabCut begins with, (h, w), where the clothes are known: others' clothes are never the body."""
    seeds = np.full(change.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[(likely > SURE) & (away < INNER)] = cv2.GC_PR_FGD
    seeds[(likely > SURE) & (change > SOME) & (away < INNER)] = cv2.GC_FGD
    seeds[(likely < LIKELY) | (away > OUTER)] = cv2.GC_BGD
    return seeds


def _cut_out(image: np.ndarray, seeds: np.ndarray, weight: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The silhouette in one frame, bool (h, w); where the weight is largest, if there are several."""
    body = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if min(body.sum(), (~body).sum()) < SMALLEST * body.size:
        return np.zeros(body.shape, dtype=bool)
    cv2.setRNGSeed(0)  # GrabCut begins with k-means from random centres
    row, column = np.nonzero(away <= OUTER)
    box = slice(row.min(), row.max() + 1), slice(column.min(), column.max() + 1)
    near = np.ascontiguousarray(seeds[box])
    if (near % 2 == 0).any():  # there is something else than the body to learn from
        picture = np.ascontiguousarray(image[box])
        cv2.grabCut(picture, near, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), CUTS, cv2.GC_INIT_WITH_MASK)
    seeds[box] = near
    return _keep_body(np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)), weight)


def _keep_body(mask: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The parts of one body: the one that moves most, and what hangs together with it over small gaps and moves."""
    width = 2 * max(1, round(GAP / 2 * max(mask.shape))) + 1
    _, groups = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), np.ones((width, width), np.uint8)))
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    area, total = np.bincount(parts.ravel()), np.bincount(parts.ravel(), weight.ravel())
    area[0], total[0] = 0, 0.0
    first = int(total.argmax())
    if area[first] < SMALLEST * mask.size:
        return np.zeros(mask.shape, dtype=bool)
    kept = (area > PART * area[first]) & (total / np.maximum(area, 1) > STEADY * total[first] / area[first])
    return kept[parts] & (groups == groups[parts == first][0])
