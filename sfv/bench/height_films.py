"""Films of people of other heights, with known truth: motions in dynamic similarity.

A body that is scaled by s, and whose time goes by sqrt(s), obeys the same equations under the same gravity (Alexander
and Jayes 1983, "A dynamic similarity hypothesis for the gaits of quadrupedal mammals"): what jumps falls with 9.81
m/s2, and whoever walks has steps as people of that height have them on average. Cameras are not scaled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reconstruct.characters.character import Character, load_character
from reconstruct.formats.read_motion import resample
from sfv.bench.films import VIEWPOINTS, Film, load_takes, make_film_folder, render_film
from sfv.demo.motions import FPS

HEIGHTS = (1.10, 1.75, 1.40, 2.00)
"""Standing heights of the people who are filmed [m]."""
FLYING = ("jump", "backflip", "humanoid3d_jump", "humanoid3d_backflip", "humanoid3d_spinkick")
"""Motions with a flight of a fifth of a second or more; in all others somebody hardly leaves the ground."""


@dataclass(frozen=True)
class SizedFilm(Film):
    """A film of somebody of a given height."""

    height: float = 1.75
    """Standing height [m]."""

    @property
    def title(self) -> str:
        """Group, motion, viewpoint and height."""
        return f"{super().title}-{100.0 * self.height:.0f}cm"

    @property
    def flies(self) -> bool:
        """Whether the person jumps or falls."""
        return self.motion in FLYING

    def load_body(self) -> Character:
        """The body that is filmed."""
        return load_character(self.body, self.height)


def list_height_films(motions: list[str], full: bool) -> list[SizedFilm]:
    """Each motion at two of `HEIGHTS`, or with `full` at all, before one viewpoint after the other."""
    films = []
    for m, motion in enumerate(motions):
        for h, height in enumerate(HEIGHTS):
            if full or h // 2 == m % 2:
                viewpoint = VIEWPOINTS[(m + h) % len(VIEWPOINTS)]
                films.append(SizedFilm("height", motion, viewpoint, "humanoid", (m + h) % 2 == 1, height))
    return films


def make_height_films(
    motion_files: list[Path], full: bool, limit: int | None = None
) -> Iterator[tuple[SizedFilm, Path]]:
    """The films of `list_height_films`, of demonstrations and motion files, and next to each its truth; made once.

    Args:
      motion_files: motions besides the demonstrations.
      full: see `list_height_films`.
      limit: no more films than this; those that fly come first.
    """
    character = load_character("humanoid")
    takes, folder = load_takes(motion_files, character), make_film_folder()
    films = sorted(list_height_films(list(takes), full), key=lambda film: not film.flies)
    for film in films[:limit]:
        yield film, render_film(film, *scale_take(*takes[film.motion], film, character), folder)


def scale_take(
    qpos: np.ndarray, contacts: np.ndarray, film: SizedFilm, character: Character
) -> tuple[np.ndarray, np.ndarray]:
    """A take as a body of the film's height performs it, in dynamic similarity, at `FPS`.

    Args:
      qpos: of the character, (T, nq).
      contacts: its parts on the ground, bool (T, C).
      film: of whom.
      character: whose take it is.
    """
    size = film.height / character.height
    slower = float(np.sqrt(size))
    times = np.arange(len(qpos)) / FPS
    moved, _ = resample(character.model, qpos, times, slower * FPS)
    moved[:, :3] *= size
    nearest = np.round(np.linspace(0, len(qpos) - 1, len(moved))).astype(int)
    return moved, contacts[nearest]
