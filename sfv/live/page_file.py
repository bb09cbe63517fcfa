"""`live.html`: skills of one body with the physics that they were learnt in, in one file that needs nothing else."""

import base64
import gzip
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imitate.transitions.transition import Transition
from pose.errors import InputError
from pose.files import replace_file, work_beside
from sfv import __version__
from sfv.drawing.transition_chart import draw_transitions
from sfv.live.film import Film
from sfv.live.libraries import CREDIT, Libraries
from sfv.live.skill_data import body_glb, describe_transition, pack_bridge, pack_skill
from sfv.page_template import render_page
from sfv.skill import Skill

FOLDER = Path(__file__).with_name("page")
SCRIPTS = (
    "rotations", "arrays", "policy", "law", "ground", "objects", "blend", "reference", "simulation", "measure",
    "player", "plain", "skinning", "body", "shadow", "stage", "strips", "pointer", "panel", "main",
)  # fmt: skip
"""The page's own scripts, in the order in which they need each other."""


def write_page(
    skills: Sequence[Skill],
    path: Path,
    libraries: Libraries,
    title: str | None = None,
    film: Film | None = None,
    ways: Sequence[Transition] = (),
) -> Path:
    """Writes the page, whole or not at all.

    Args:
      skills: of one body, at least one; their names are the buttons.
      path: the HTML file.
      libraries: see `sfv.live.libraries.load_libraries`.
      title: of the page; default the skills' names.
      film: a video beside the skill; it makes the page larger by itself and goes wherever the page goes.
      ways: transitions between the skills; those that are possible work in the page, and all are drawn.

    Raises:
      InputError: the skills are of several bodies, or one needs what the page does not have.
    """
    bodies = list(dict.fromkeys((skill.reference.character, round(skill.reference.height, 3)) for skill in skills))
    if len(bodies) != 1:
        named = ", ".join(f"{name} of {height:g} m" for name, height in bodies)
        raise InputError(f"one page shows one body, and these skills are of {named}; choose with --character")
    with work_beside(path) as work:
        contents = {"wasm": libraries.wasm, "body": body_glb(skills[0], work)}
    contents |= _pack_skills(skills, [way for way in ways if way.possible])
    style, script = (FOLDER / "style.css").read_text(encoding="utf-8"), libraries.script + "\n" + join_scripts()
    html = render_page(
        FOLDER / "page.html",
        title=title or ", ".join(skill.name.replace("_", " ") for skill in skills),
        version=__version__,
        credit=CREDIT,
        style=Markup(style),
        style_hash=Markup(hash_source(style)),
        script=Markup(script),
        script_hash=Markup(hash_source(script)),
        blocks=[{"id": name, "text": Markup(_encode(content))} for name, content in contents.items()],
        video=_embed(film) if film else None,
        chart=Markup(draw_transitions({(way.source, way.target): way for way in ways})) if ways else None,
    )
    with replace_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8", newline="\n")
    return path


def _pack_skills(skills: Sequence[Skill], ways: Sequence[Transition]) -> dict[str, bytes]:
    """The blocks of the skills and of the bridges between them, by their ids."""
    named = {skill.name: skill for skill in skills}
    bridged = [way for way in ways if way.bridge]
    numbers = {(way.source, way.target): k for k, way in enumerate(bridged)}
    blocks = dict[str, bytes]()
    for k, skill in enumerate(skills):
        out = [
            describe_transition(way, numbers.get((way.source, way.target))) for way in ways if way.source == skill.name
        ]
        blocks[f"skill-{k}"] = pack_skill(skill, out)
    for k, way in enumerate(bridged):
        assert way.bridge is not None
        blocks[f"bridge-{k}"] = pack_bridge(named[way.target], way.bridge)
    return blocks


def join_scripts() -> str:
    """The page's own modules as one: they import only each other, by the same names."""
    texts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    joined = "\n".join(re.sub(r"^import .*;\n", "", text, flags=re.MULTILINE) for text in texts)
    return re.sub(r"^export ", "", joined, flags=re.MULTILINE)


def hash_source(text: str) -> str:
    """What a Content-Security-Policy calls the hash of an element's text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _encode(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")


def _embed(film: Film) -> dict[str, Any]:
    source = "data:video/mp4;base64," + base64.b64encode(film.path.read_bytes()).decode("ascii")
    return {"source": Markup(source), "start": film.start, "seconds": film.seconds, "skill": film.skill}
