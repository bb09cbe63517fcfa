"""Where the detector saw the points that may touch the ground, as a camera that stands would have seen them."""

import numpy as np

from reconstruct.camera import View
from reconstruct.characters.character import Character
from reconstruct.observations import TRUST, Observations
from reconstruct.support import Sight

SURE = 0.7
"""Least confidence of a landmark that shows whether a foot is still in its place."""


def find_sight(character: Character, observations: Observations, points_w: np.ndarray, view: View) -> Sight:
    """Where in the picture the points that may touch the ground (T, P, 3) are seen.

    Of a camera that is carried along: where the first frame's camera would see them, from where each is in the motion
    and how far beside that it was seen; in metres, without perspective.
    """
    places_px, carried = find_places(character, observations), observations.carried
    if carried is None:
        return Sight(places_px, observations.px_per_metre)
    first_c = (points_w - np.array([0.0, 0.0, view.height])) @ view.rotation().T
    own_c = observations.view_points(first_c)
    beside = places_px - np.exp(view.log_focal) * own_c[..., :2] / np.maximum(own_c[..., 2:], 0.2)
    beside = np.concatenate([beside, np.zeros_like(beside[..., :1])], axis=-1)
    beside = beside @ carried.turn / observations.px_per_metre[:, None, None]
    return Sight((first_c + beside)[..., :2], np.ones(len(points_w)))


def find_places(character: Character, observations: Observations) -> np.ndarray:
    """Where in their pictures the points that may touch the ground are seen [px], NaN where not, (T, P, 2)."""
    sites = [site for part in character.contacts.values() for site in part]
    place_px = np.full((len(observations.detected), len(sites), 2), np.nan)
    for column, name in enumerate(observations.names):
        if (site := character.landmarks[name]) in sites:
            known = observations.weight[:, column] > SURE * TRUST.get(name, 1.0)
            place_px[:, sites.index(site)] = np.where(known[:, None], observations.plane_px[:, column], np.nan)
    return place_px
