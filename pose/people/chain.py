"""The best chain of detections through a clip: dynamic programming over all frames (Viterbi 1967), with gaps."""

from typing import Protocol

import numpy as np


class Links(Protocol):
    """What it is worth that one detection follows another. Detections are numbered through the whole clip."""

    def gain(self, past: np.ndarray, now: np.ndarray) -> np.ndarray:
        """Gain of each link, (P, N): from earlier detections (P,) to detections of one frame (N,); -inf forbids it."""
        ...

    def extend(self, past: np.ndarray, now: np.ndarray) -> None:
        """Called when chains that end in `past` (N,) were extended to `now` (N,), for links that depend on the path."""
        ...


def find_best_chain(
    counts: np.ndarray,
    own: np.ndarray,
    links: Links,
    memory: int,
    may_start: np.ndarray | None = None,
    may_end: np.ndarray | None = None,
) -> np.ndarray:
    """Chooses at most one detection a frame so that the sum of own gains and link gains is largest.

    Exact if the gain of a link depends on its two ends only; where it depends on the path before, the best path to
    each detection is kept and no other.

    Args:
      counts: number of detections in each frame, int (T,).
      own: gain of each detection in itself, (N,) with N = counts.sum(), frame by frame; -inf forbids it.
      links: gains of links.
      memory: longest step of a chain [frames].
      may_start: which detections may begin a chain, bool (N,); all if None.
      may_end: which may end it, bool (N,); all if None.

    Returns:
      The chosen row in each frame, -1 for none, int (T,). All are -1 if no chain has a positive sum.
    """
    rows = np.full(len(counts), -1)
    if counts.sum() == 0:
        return rows
    frame, first = np.repeat(np.arange(len(counts)), counts), np.concatenate([[0], np.cumsum(counts)])
    start = np.zeros(len(own)) if may_start is None else np.where(may_start, 0.0, -np.inf)
    total, before = own + start, np.full(len(own), -1)  # of the best chain that ends in each detection
    for t in range(1, len(counts)):
        now = np.arange(first[t], first[t + 1])
        now = now[np.isfinite(own[now])]
        past = np.arange(first[max(0, t - memory)], first[t])
        past = past[np.isfinite(total[past])]
        if len(now) == 0 or len(past) == 0:
            continue
        value = total[past][:, None] + links.gain(past, now)
        best, value = past[value.argmax(axis=0)], value.max(axis=0)
        better = value > start[now]
        now, best = now[better], best[better]
        total[now], before[now] = own[now] + value[better], best
        links.extend(best, now)
    ends = total if may_end is None else np.where(may_end, total, -np.inf)
    n = int(ends.argmax()) if ends.max() > 0 else -1
    while n >= 0:
        rows[frame[n]] = n - first[frame[n]]
        n = int(before[n])
    return rows
