"""One check of an imported body in its standing pose, before anything is computed with it: is it a standing person?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pose.errors import InputError

HEIGHTS = (0.2, 3.5)
"""Of bodies that are taken [m]: the smallest robots to the tallest."""
PERSON = ((1.2, 2.2), (25.0, 200.0))
"""Height [m] and mass [kg] of a person."""
LEAST_TRUNK = 0.4
"""Least height of the shoulders above the hips, in legs. A person's trunk measures 0.55 to 0.65 of them.

Of 37 humanoids of public packages the lowest shoulders are at 0.48, those of a model of a person (2026-11-28).
"""
LEAST_SHIN = 0.3
"""Least length of a shin over its thigh: below it an ankle was taken for a knee, as where knees have no joint."""
UNEQUAL = 0.2
"""Difference of a left and a right length, over the longer, that is reported."""
ORDER = ("shoulder", "hip", "knee", "ankle")
"""From above to below."""


@dataclass(frozen=True)
class StandingCheck:
    """Where a standing body's landmarks are, and what they are on."""

    where: str
    """What it was read from, for errors."""
    places: Mapping[str, np.ndarray]
    """Landmark -> its place, x forward, y left, z up, the soles at z = 0 [m], (3,)."""
    carriers: Mapping[str, str]
    """Landmark -> the body that it is on."""
    height: float
    """[m]."""
    mass: float
    """[kg]."""

    def run(self) -> list[str]:
        """Raises an InputError if this is no standing person, and reports what is doubtful, a line each."""
        if not HEIGHTS[0] < self.height < HEIGHTS[1]:
            raise InputError(
                f"{self.where}: the body is {self.height:.3g} m tall; bodies of {HEIGHTS[0]} to {HEIGHTS[1]} m are "
                "taken: is it in centimetres, millimetres or inches?"
            )
        self.check_heights()
        self.check_sides()
        return [self.describe_size(), *self.compare_sides()]

    def height_of(self, landmark: str) -> float:
        """Above the ground [m]."""
        return float(self.places[landmark][2])

    def check_heights(self) -> None:
        """Raises an InputError if nose, shoulders, hips, knees and ankles are not above each other."""
        for side in ("left", "right"):
            shoulder, hip, knee, ankle = (f"{side}_{joint}" for joint in ORDER)
            bones = ((hip, knee), (knee, ankle))
            leg = sum(float(np.linalg.norm(self.places[a] - self.places[b])) for a, b in bones)
            trunk = self.height_of(shoulder) - self.height_of(hip)
            if trunk < LEAST_TRUNK * leg:
                self.refuse(f"shoulders {self.compare(trunk)} the hips, of legs of {leg:.2f} m", shoulder)
            thigh, shin = (float(np.linalg.norm(self.places[a] - self.places[b])) for a, b in bones)
            if shin < LEAST_SHIN * thigh:
                self.refuse(f"a shin of {shin:.2f} m below a thigh of {thigh:.2f} m: has the knee a joint?", knee)
            for upper, lower in bones:
                rise = self.height_of(upper) - self.height_of(lower)
                if rise < 0.05 * leg:
                    self.refuse(f"{upper} {self.compare(rise)} {lower}", upper)
            nose = self.height_of("nose") - self.height_of(shoulder)
            if nose < 0.0:
                self.refuse(f"nose {self.compare(nose)} the shoulders", "nose")

    def check_sides(self) -> None:
        """Raises an InputError if what is left is not on the left, or the feet do not point ahead."""
        for side, sign in (("left", 1.0), ("right", -1.0)):
            for joint in ("hip", "ankle", "shoulder"):
                y = sign * float(self.places[f"{side}_{joint}"][1])
                if y < 0.0:
                    self.refuse(f"{side}_{joint} {-y:.2f} m on the other side", f"{side}_{joint}")

    def refuse(self, finding: str, landmark: str) -> None:
        """Raises the InputError of a finding about a landmark."""
        raise InputError(
            f"{self.where}: this is not a standing person: {finding} ({landmark} is on {self.carriers[landmark]}); "
            f"if that is the wrong body, say which: --on {landmark.removesuffix('_hip')} BODY"
        )

    @staticmethod
    def compare(rise: float) -> str:
        """How far something is above something else."""
        return f"{abs(rise):.2f} m {'above' if rise >= 0 else 'below'}"

    def describe_size(self) -> str:
        """Height and mass, and whether they are a person's."""
        (low, high), (light, heavy) = PERSON
        person = low < self.height < high and light < self.mass < heavy
        odd = "" if 2.0 < self.mass / self.height**3 < 60.0 else "; that is an odd mass for this height"
        what = "the size of a person" if person else "a robot's size, not a person's"
        return f"{self.height:.2f} m, {self.mass:.1f} kg: {what}{odd}"

    def compare_sides(self) -> list[str]:
        """Bones whose lengths differ from left to right."""
        found = []
        for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            left, right = (
                float(np.linalg.norm(self.places[f"{side}_{upper}"] - self.places[f"{side}_{lower}"]))
                for side in ("left", "right")
            )
            if abs(left - right) > UNEQUAL * max(left, right):
                found.append(f"from {upper} to {lower} it is {left:.2f} m on the left and {right:.2f} m on the right")
        return found
