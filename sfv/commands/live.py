"""`python -m sfv live`: skills in a page of a browser, with the physics in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from imitate.scene.scene import Scene
from imitate.transitions.transition import Transition
from pose.errors import InputError
from sfv.commands.play import choose_each
from sfv.console import bar, console
from sfv.live.film import find_film
from sfv.live.libraries import load_libraries
from sfv.live.page_file import write_page
from sfv.skill import Skill
from sfv.transitions import has_surroundings, load_transitions, make_table


def live(
    skills: tyro.conf.Positional[tuple[str, ...]],
    character: str | None = None,
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    title: str | None = None,
    video: bool = False,
) -> None:
    """Writes skills of one body as a page that simulates them: open it in a browser, push the body, mail the file.

    Args:
      skills: shipped skills, runs in runs/, or runs' folders.
      character: body that performs them; default the humanoid, else the first that has the first skill.
      out: the page, live.html if not given.
      title: of the page; default the skills' names.
      video: shows the video that the first skill comes from beside it; leave it out of what is shared.
    """
    if not skills:
        raise InputError("no skill; name one or more, such as: sfv live walk backflip -o live.html")
    chosen = choose_all(skills, character)
    film = find_film(chosen[0]) if video else None
    libraries, ways = load_libraries(), find_ways(chosen)
    path = write_page(chosen, out or Path("live.html"), libraries, title, film, ways)
    names = ", ".join(skill.name for skill in chosen)
    console.print(f"{path}: {names} by {chosen[0].body}, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")


def find_ways(skills: Sequence[Skill]) -> list[Transition]:
    """The transitions between those of the skills that have no surroundings of their own; prints their table."""
    with bar("transitions") as progress:
        ways = load_transitions([skill for skill in skills if not has_surroundings(skill)], progress)
    if ways:
        console.print(make_table(ways))
    return list(ways.values())


def choose_all(names: tuple[str, ...], character: str | None) -> list[Skill]:
    """One skill for each name, all of one body.

    Raises:
      InputError: a name is unknown or there twice, or the body does not have the skill.
    """
    twice = [name for k, name in enumerate(names) if name in names[:k]]
    if twice:
        raise InputError(f"'{twice[0]}' is named twice; each skill is one button of the page")
    return choose_each(names, character, Scene())
