"""`python -m sfv character new`: a character of the user's own model."""

import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import cv2
import tyro
from rich.table import Table

from pose.errors import InputError
from pose.foreign_files import refuse_damaged
from reconstruct.characters import assets_folder
from reconstruct.characters.character import Character, find_folders, load_character
from reconstruct.characters.import_model import to_mjcf
from reconstruct.characters.infer_landmarks import InferredBody, infer_landmarks
from reconstruct.characters.mesh_body import assemble_body
from reconstruct.characters.model_file import ModelFile, read_model
from reconstruct.characters.self_collision import collides_with_itself
from reconstruct.characters.write_toml import to_toml
from sfv.console import console
from sfv.drawing.character_views import draw_landmarks

MADE_BY = "Made by `python -m sfv character new`"
"""How the LICENSE of a character begins that may be replaced."""


@dataclass(frozen=True)
class NewCharacterConfig:
    """Makes a character of a model."""

    path: tyro.conf.Positional[Path]
    """An MJCF (.xml), a URDF (.urdf), or a folder of meshes, one a body part (x forward, z up, metres)."""
    name: str | None = None
    """Name of the character; default: the file's."""
    on: dict[str, str] = field(default_factory=dict)
    """Body of a joint (left_knee, right_elbow ...) or the head where it is not found: --on left_knee l_shank."""
    meshes: Path | None = None
    """Folder with the model's meshes, if they are not where it says; `package://` is looked for around the file."""
    body: str | None = None
    """Topmost body of the one that is meant, where the file holds several; default: the one of most joints."""
    mass: float | None = None
    """Mass of the whole body [kg], for meshes; default: as heavy as water."""
    licence: str | None = None
    """The model's licence, a line for the folder's LICENSE; default: the LICENSE file beside the model."""
    replace: bool = False
    """Overwrite a character of that name."""


def new_character(config: Annotated[NewCharacterConfig, tyro.conf.arg(name="")]) -> None:
    """Makes a character of a model (MJCF, URDF, folder of meshes): `make clip CHARACTER=<name>` can use it at once.

    Landmarks, servos, and what may touch the ground are inferred; the picture shows them for you to check. What is
    wrong is put right with --on, or by editing character.toml and the sites in the MJCF.
    """
    folder = choose_folder(config)
    name, work = folder.name, folder.parent.parent / f".{folder.name}.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        body = write_character(config, name, work)
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    made = load_character(name)
    picture = folder / "landmarks.png"
    cv2.imwrite(str(picture), cv2.cvtColor(draw_landmarks(made), cv2.COLOR_RGB2BGR))
    print_summary(made, body)
    console.print(f"[bold]look at[/bold] {picture}: are the landmarks where they belong?")
    console.print(f"[bold]then[/bold] make clip CHARACTER={name}")


def choose_folder(config: NewCharacterConfig) -> Path:
    """The folder that the character will have.

    Raises:
      InputError: the name cannot be one, or is taken; or there is no such model.
    """
    name = config.name or re.sub(r"[^a-z0-9_]+", "_", config.path.stem.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"'{name}' cannot be a character's name; give --name in small letters, digits and _")
    folder = assets_folder.OWN_CHARACTERS / name
    taken = find_folders().get(name)
    if taken is not None and (taken != folder or not is_own(folder)):
        raise InputError(f"the program has a character '{name}' already; give another --name")
    if folder.exists() and not config.replace:
        raise InputError(f"{folder} is there already; give another --name, or --replace")
    if not config.path.exists():
        raise InputError(f"{config.path}: no such file or folder; give an .xml, a .urdf or a folder of meshes")
    return folder


def is_own(folder: Path) -> bool:
    """Whether a character was made by this command; what was not comes with the program, or is somebody's own work."""
    licence = folder / "LICENSE"
    return licence.is_file() and licence.read_text(encoding="utf-8", errors="replace").startswith(MADE_BY)


def write_character(config: NewCharacterConfig, name: str, folder: Path) -> InferredBody:
    """Writes the MJCF, its meshes, `character.toml` and LICENSE into a folder; what was inferred of the model.

    Raises:
      InputError: the model cannot be read, or is no body that could perform what a person does.
    """
    with refuse_damaged(config.path, "a body", "look at its shapes, masses and joints in another program"):
        return infer_character(config, name, folder)


def infer_character(config: NewCharacterConfig, name: str, folder: Path) -> InferredBody:
    """As `write_character`; a model whose numbers make no body may end in other errors than `InputError`."""
    if config.path.is_dir():
        source = ModelFile(assemble_body(config.path, config.mass))
    else:
        source = read_model(config.path, config.meshes, config.body)
    try:
        body = infer_landmarks(source.model, str(config.path), config.on)
    except InputError as error:
        raise InputError("; ".join([str(error), *source.notes])) from error
    text = to_mjcf(body.plan.pose(source.model), name, body.plan, folder)
    (folder / f"{name}.xml").write_text(text, encoding="utf-8")
    heading = {"name": name, "mjcf": f"{name}.xml", "licence": config.licence or "see LICENSE"}
    heading |= {"self_collision": True} if collides_with_itself(source.model) else {}
    (folder / "character.toml").write_text(to_toml(body, heading), encoding="utf-8")
    (folder / "LICENSE").write_text(licence_note(config), encoding="utf-8")
    size, *doubts = body.notes
    return replace(body, notes=(size, *source.notes, *doubts))


def licence_note(config: NewCharacterConfig) -> str:
    """Where the model comes from, and under what licence."""
    lines = [f"{MADE_BY} from {config.path.name}; character.toml is yours."]
    if config.licence:
        return "\n".join([*lines, f"The model's licence: {config.licence}", ""])
    near = config.path if config.path.is_dir() else config.path.parent
    found = sorted(
        file for file in near.iterdir() if re.match(r"licen[cs]e", file.name, re.IGNORECASE) and file.is_file()
    )
    if found:
        return "\n".join(
            [*lines, f"The model's licence, from {found[0].name}:", "", found[0].read_text("utf-8", "replace")]
        )
    return "\n".join([*lines, "The model's licence is not known: put it here before you pass it on.", ""])


def print_summary(character: Character, body: InferredBody) -> None:
    """Prints what was found, for the user to check."""
    table = Table("landmark", "on body", box=None, pad_edge=False)
    for landmark, site in body.landmarks.items():
        table.add_row(landmark, body.plan.sites[site][0])
    console.print(table)
    console.print(f"{character.name}: {len(body.plan.servos)} joints; {character.path}")
    for note in body.notes:
        console.print(f"[bold]note[/bold] {note}", soft_wrap=True)
