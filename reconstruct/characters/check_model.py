"""What a model of others names besides itself: looked at before MuJoCo opens it.

A model from a stranger may include any file of the machine, or itself, expand entities without end, or ask for a
hundred thousand bodies. What it includes lies in its own folder; meshes may lie elsewhere, as in a ROS workspace.
"""

import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pose.errors import InputError
from pose.foreign_files import read_text

MOST_BODIES = 2000
MOST_CELLS = 4_000_000
"""Cells of a height field."""
MOST_FILES = 200
"""Files that include each other."""
MAKERS = {"replicate": "count", "composite": "count", "flexcomp": "count"}
"""Elements that make many of what is in them, and the attribute that says how many."""


def check_model(path: Path) -> None:
    """Looks at an MJCF or URDF file and at what it includes.

    Raises:
      InputError: it is no XML, has entities, names a file outside of its folder, includes itself, or makes more than a
        body has.
    """
    seen = set[Path]()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file.resolve() in seen:
            raise InputError(f"{path}: includes {file.name} twice, or in a circle; remove one of the includes")
        seen.add(file.resolve())
        if len(seen) > MOST_FILES:
            raise InputError(f"{path}: includes more than {MOST_FILES} files; give one that stands by itself")
        tree = parse_xml(file)
        check_amounts(tree, path)
        for include in tree.iter("include"):
            waiting.append(find_included(path, include.get("file", "")))


def find_included(path: Path, named: str) -> Path:
    """The file that a model includes.

    Raises:
      InputError: it is missing or, links followed, outside of the model's folder.
    """
    folder, file = path.parent.resolve(), path.parent / named
    if not file.resolve().is_relative_to(folder):
        raise InputError(f"{path}: includes {named} outside of {folder}; copy it there and include it by its name")
    if not named or not file.is_file():
        raise InputError(f"{path}: no file '{named}', which it includes; put it into the model's folder")
    return file


def parse_xml(path: Path) -> Element:
    """The tree of an XML file without entities of its own.

    Raises:
      InputError: it is none.
    """
    text = read_text(path)
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError(f"{path}: has a DOCTYPE or entities, which models do not need; remove them")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{path}: it is no well-formed XML ({error}); export it again") from error


def check_amounts(tree: Element, path: Path) -> None:
    """Raises `InputError` if a model makes more bodies, or a larger height field, than any that moves as a person."""
    bodies = count_bodies(tree)
    if bodies > MOST_BODIES:
        raise InputError(f"{path}: {bodies} bodies; a character has at most {MOST_BODIES}, remove what does not move")
    for field in tree.iter("hfield"):
        cells = _to_count(field.get("nrow")) * _to_count(field.get("ncol"))
        if cells > MOST_CELLS:
            raise InputError(f"{path}: a height field of {cells} cells; a body has none, remove it")


def count_bodies(tree: Element) -> int:
    """Bodies and links of a model, those that are made by repetition too; counted no further than needed."""
    count, waiting = 0, [(tree, 1)]
    while waiting and count <= MOST_BODIES:
        element, times = waiting.pop()
        if element.tag in MAKERS:
            product = 1
            for word in element.get(MAKERS[element.tag], "1").split():
                product *= max(1, _to_count(word))
            times *= product
            count += times
        count += times if element.tag in ("body", "link") else 0
        waiting += [(child, times) for child in element]
    return count


def _to_count(word: str | None) -> int:
    try:
        return int(float(word or 0))
    except (ValueError, OverflowError):
        return MOST_CELLS + 1
