"""Who is in a run of several people: `people.json` names their runs, and where and when each is in the shared world."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pose.foreign_files import read_table, refuse_damaged
from reconstruct.shared_world import Place
from sfv.stage import write_json

FILE = "people.json"
AGAIN = "the command that made the run makes it again"


@dataclass(frozen=True)
class Person:
    """Somebody in the film."""

    number: int
    """As in people.jpg, from 1 on."""
    height: float
    """Standing height [m]."""
    place: Place

    @property
    def name(self) -> str:
        """Of the folder of this person's run."""
        return f"person{self.number}"


def save_people(people: Sequence[Person], path: Path) -> None:
    """Writes `people.json`."""
    rows = [{"run": one.name, "person": one.number, "height": one.height, **asdict(one.place)} for one in people]
    write_json(path, {"people": rows})


def load_people(path: Path) -> tuple[Person, ...]:
    """Reads what `save_people` wrote.

    Raises:
      InputError: it is missing, damaged, or holds nonsense.
    """
    content = read_table(path, "a list of people", AGAIN)
    with refuse_damaged(path, "a list of people", AGAIN):
        return tuple(_read_person(row) for row in content["people"])


def _read_person(row: dict[str, Any]) -> Person:
    place = Place(*(float(row[name]) for name in ("begin", "yaw", "x", "y")))
    number, height = int(row["person"]), float(row["height"])
    if number < 1 or not 0.5 <= height <= 2.5 or not 0.0 <= place.begin < 3600.0:
        raise ValueError(f"person {number} of {height} m at {place.begin} s")
    return Person(number, height, place)
