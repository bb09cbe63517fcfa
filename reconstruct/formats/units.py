"""How long the unit of a motion file is, by the length of the legs."""

from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.formats.options import METRES, Finding, Unit

LEG = 0.92
"""Leg of an adult from hip to sole [m], by which the unit is inferred."""
UNITS = {**METRES, "CMU's unit (5.64 cm)": 0.0254 / 0.45}
PLAUSIBLE = (0.55, 1.25)
"""Shortest and longest leg of a person [m]."""


def find_unit(leg_length: float, path: Path, metres: float | None = None, unit: Unit = "auto") -> tuple[Finding, float]:
    """What is found of the unit of a file, and its length [m].

    Args:
      leg_length: in that unit.
      path: of the file, for messages.
      metres: length of the unit that the format or the file defines [m]; None where the leg says it.
      unit: the user's word for it.

    Raises:
      InputError: there is no length, or the unit that the user names makes a giant or a dwarf.
    """
    if not leg_length > 0:
        raise InputError(f"{path}: legs of no length; the file's offsets are zero")
    if unit != "auto":
        metres = METRES[unit]
        if not 0.2 < leg_length * metres < 3.0:
            raise InputError(f"{path}: in {unit} its legs are {leg_length * metres:.3g} m long; give another --unit")
        return Finding("unit", f"lengths in {unit} (a leg of {leg_length * metres:.2f} m), as asked"), metres
    defined = "" if metres is None else "m" if metres == 1.0 else f"units of {metres:g} m"
    if metres is not None and PLAUSIBLE[0] <= leg_length * metres <= PLAUSIBLE[1]:
        return Finding("unit", f"lengths in {defined} (a leg of {leg_length * metres:.2f} m)"), metres
    against = f" instead of {defined}, in which a leg has {leg_length * metres:.3g} m" if metres is not None else ""
    name = min(UNITS, key=lambda name: abs(np.log(leg_length * UNITS[name] / LEG)))
    if PLAUSIBLE[0] <= leg_length * UNITS[name] <= PLAUSIBLE[1]:
        size, doubtful = f"{name} (a leg of {leg_length * UNITS[name]:.2f} m){against}", bool(against)
        return Finding("unit", f"lengths in {size}{'; --unit overrules' * doubtful}", doubtful), UNITS[name]
    size = f"a unit of its own (legs are taken to be {LEG} m long){against}"
    return Finding("unit", f"lengths in {size}; --unit overrules", doubtful=True), LEG / leg_length
