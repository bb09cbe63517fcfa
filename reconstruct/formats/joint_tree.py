"""Which joint of a skeleton is which where names say nothing: by the tree's symmetry and its bones' directions."""

from collections.abc import Sequence

import numpy as np

EQUAL = 0.1
"""Largest difference of the lengths of mirrored bones, relative to the limb."""


def find_roles_by_tree(parents: Sequence[int], rest: np.ndarray) -> dict[str, int] | None:
    """Landmark -> joint: legs are the pair of equal chains nearest the root, arms the one further up; feet point ahead.

    Args:
      parents: of each joint, -1 for the root.
      rest: places of the joints at rest, (J, 3).

    Returns:
      Joints for both sides; None where the tree is not clearly a person's.
    """
    pairs = [pair for node in range(len(parents)) for pair in find_pairs(node, parents, rest)]
    if len(pairs) < 2:
        return None
    pairs.sort(key=lambda pair: -measure_chain(pair[1], rest))
    first, second = sorted(pairs[:2], key=lambda pair: len(trace(pair[0], parents)))
    if first[0] == second[0] or first[0] not in trace(second[0], parents):
        return None  # arms hang on a node that hangs on the pelvis
    up = _unit(rest[second[0]] - rest[first[0]])
    legs = [find_bones(chain, rest) for chain in first[1:]]
    arms = [find_bones(chain, rest) for chain in second[1:]]
    if any(len(leg) < 4 for leg in legs):
        return None  # without toes nothing says where ahead is
    ahead = sum((rest[leg[3]] - rest[leg[2]] for leg in legs), start=np.zeros(3))
    left = np.cross(up, ahead)
    if np.linalg.norm(left) < 1e-3 * measure_chain(first[1], rest):
        return None
    roles = {}
    for limbs, names in ((legs, ("hip", "knee", "ankle", "toe")), (arms, ("shoulder", "elbow", "wrist"))):
        one, other = limbs
        if (rest[one[0]] - rest[other[0]]) @ left < 0:
            one, other = other, one
        for side, limb in (("left", one), ("right", other)):
            roles |= {f"{side}_{name}": joint for name, joint in zip(names, limb, strict=False)}
    return roles


def find_pairs(node: int, parents: Sequence[int], rest: np.ndarray) -> list[tuple[int, list[int], list[int]]]:
    """Pairs of chains of equal bones, at least three joints long, that part at a joint."""
    chains = [find_chain(child, parents, rest) for child, parent in enumerate(parents) if parent == node]
    chains = [chain for chain in chains if len(chain) >= 3]
    found = []
    for i, one in enumerate(chains):
        for other in chains[i + 1 :]:
            bones = [np.linalg.norm(np.diff(rest[chain], axis=0), axis=1) for chain in (one, other)]
            shared = min(len(lengths) for lengths in bones)
            a, b = (lengths[:shared] for lengths in bones)
            if np.abs(a - b).max() < EQUAL * max(float(a.sum()), 1e-9) and a.sum() > 0:
                found.append((node, one, other))
    return found


def find_chain(joint: int, parents: Sequence[int], rest: np.ndarray) -> list[int]:
    """From a joint down to the end that is furthest along the bones."""
    below = [find_chain(child, parents, rest) for child, parent in enumerate(parents) if parent == joint]
    ways = [measure_chain([joint, *chain], rest) for chain in below]
    return [joint, *below[int(np.argmax(ways))]] if below else [joint]


def measure_chain(chain: Sequence[int], rest: np.ndarray) -> float:
    """Length of a chain of joints along its bones."""
    return float(np.linalg.norm(np.diff(rest[list(chain)], axis=0), axis=1).sum())


def find_bones(chain: list[int], rest: np.ndarray) -> list[int]:
    """The chain from where its two longest bones in a row begin: thigh and shin, upper arm and forearm."""
    lengths = np.linalg.norm(np.diff(rest[chain], axis=0), axis=1)
    both = lengths[:-1] + lengths[1:]
    return chain[int(np.argmax(both)) :]


def trace(joint: int, parents: Sequence[int]) -> list[int]:
    """A joint and all above it."""
    line = []
    while joint >= 0:
        line.append(joint)
        joint = parents[joint]
    return line


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
