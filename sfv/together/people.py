"""Who is in a run of several people: `people.json` names their runs, and where and when each is in the shared world."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pose.errors import InputError
from pose.foreign_files import read_table, refuse_damaged
from reconstruct.together.shared_world import Place
from sfv.run import AGAIN, Run
from sfv.stage import write_json

FILE = "people.json"


@dataclass(frozen=True)
class Person:
    """Somebody in the film."""

    number: int
    """As in people.jpg, from 1 on."""
    height: float
    """Standing height [m]."""
    place: Place
    body: str = "humanoid"
    """The character that learns its motion."""

    @property
    def name(self) -> str:
        """Of the folder of this person's run."""
        return f"person{self.number}"


def save_people(people: Sequence[Person], path: Path) -> None:
    """Writes `people.json`."""
    rows = [
        {"run": one.name, "person": one.number, "body": one.body, "height": one.height, **asdict(one.place)}
        for one in people
    ]
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
    body = str(row["body"])
    if not body or Path(body).name != body:
        raise ValueError(f"person {number} is a {body!r}")
    return Person(number, height, place, body)


def find_run(folder: Path, person: Person) -> Run:
    """The finished run of somebody in the run of several people in `folder`, by the body that learnt there.

    Others that the skill was retargeted to lie beside it.

    Raises:
      InputError: the person has not learnt its part.
    """
    run = Run(folder / person.name, person.body)
    if not (run.folder / "4_result" / run.body / "rollout.npz").is_file():
        raise InputError(f"{run.folder}: no finished result of {run.body} yet; {AGAIN}")
    return run
