"""What the bench of adaptation measures, and the paper's figures."""

from dataclasses import dataclass, field

from imitate.locomotion.evaluation import Episodes, EventResult

KINDS = ("robust", "sysid", "without", "rma", "expert")
"""Rows of the table, as the paper has them; AWR is left out, see the page."""
PAPER = {
    "robust": (62.4, 0.80, 4.62, 1.13),
    "sysid": (56.5, 0.74, 4.82, 1.17),
    "without": (52.1, 0.75, 4.72, 1.15),
    "rma": (73.5, 0.85, 5.22, 1.34),
    "expert": (76.2, 0.86, 5.23, 1.35),
}
"""Success [%], time to fall, reward, distance [m] of Kumar et al. 2021: 3 policies x 1000 episodes."""


@dataclass
class Measured:
    """What the bench found."""

    walks: dict[str, list[Episodes]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    """Kind -> one for each seed."""
    events: dict[str, list[EventResult]] = field(default_factory=dict)
    """Kind -> one for each seed; expert, rma and without."""
    train_seconds: list[float] = field(default_factory=list)
    """Wall clock of all trainings of a seed, one after the other [s]."""
    samples: list[int] = field(default_factory=list)
    """Control steps of all trainings of a seed."""
    core_share: float = float("nan")
    """Of one core, what phi at 10 Hz and pi at 100 Hz take for one robot."""
