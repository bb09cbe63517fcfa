"""A URDF as MuJoCo wants it: one tree of links, its meshes found and in kinds that MuJoCo reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from pose.errors import InputError
from reconstruct.characters.find_meshes import MeshFinder

MOMENTS = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
OPTIONS = {
    "strippath": "false",
    "discardvisual": "false",
    "fusestatic": "false",
    "balanceinertia": "true",
    "boundmass": "1e-6",  # links without mass are given a speck of it
    "boundinertia": "1e-9",
}


@dataclass(frozen=True)
class Urdf:
    """A URDF for MuJoCo."""

    text: str
    assets: dict[str, bytes]
    """File name -> content of the meshes that were converted."""
    notes: tuple[str, ...]
    """What was left out, a line each."""


def read_urdf(path: Path, meshes: Path | None = None) -> Urdf:
    """Reads a URDF for MuJoCo, which knows neither `package://` nor Collada files.

    Args:
      path: the file.
      meshes: folder that its meshes are in, if they are not where the file says.

    Raises:
      InputError: it is no URDF, its links do not hang together, or a link's meshes are all missing.
      ParseError: of the XML.
    """
    tree = ElementTree.fromstring(path.read_bytes())
    check_is_expanded(tree, path)
    drop_foreign_parts(tree)
    notes = [*drop_loose_links(tree, path), *mend_inertia(tree)]
    finder = MeshFinder(path, meshes)
    bare = [str(link.get("name")) for link in tree.findall("link") if replace_meshes(link, finder)]
    if bare:
        raise InputError(f"{path}: {finder.describe_missing()}; without any shape are {shorten(bare)}")
    if finder.missing:
        notes.append(f"{finder.describe_missing()}; what they show is drawn as capsules")
    SubElement(SubElement(tree, "mujoco"), "compiler", OPTIONS)
    return Urdf(ElementTree.tostring(tree, encoding="unicode"), finder.converted, tuple(notes))


def check_is_expanded(tree: Element, path: Path) -> None:
    """Raises an InputError if a file is no URDF, or the source that one is generated from."""
    if tree.tag != "robot":
        raise InputError(f"{path}: no URDF: its first element is <{tree.tag}>, not <robot>")
    expanded = f"{path.name.split('.')[0]}_expanded.urdf"  # never its own name: the shell empties that first
    if path.suffix.lower() == ".xacro" or any("ros.org" in str(e.tag) and "xacro" in str(e.tag) for e in tree.iter()):
        raise InputError(f"{path}: xacro macros are in it; expand them first: xacro {path.name} > {expanded}")
    if not tree.findall("link"):
        raise InputError(f"{path}: there is no link in it")


def drop_foreign_parts(tree: Element) -> None:
    """Takes out what is meant for other programs, and what MuJoCo warns of though it is harmless."""
    for child in [c for c in tree if c.tag in ("gazebo", "transmission", "mujoco")]:
        tree.remove(child)
    for element in tree.iter():
        for key in {"xyz", "rpy", "size"} & set(element.attrib):  # commas between numbers: other readers allow them
            element.set(key, element.attrib[key].replace(",", " "))
    moving = {j.get("name") for j in tree.findall("joint") if j.get("type") in ("revolute", "continuous", "prismatic")}
    for joint in tree.findall("joint"):
        for mimic in joint.findall("mimic"):
            if not {joint.get("name"), mimic.get("joint")} <= moving:
                joint.remove(mimic)
    taken = set[str]()
    for shape in [s for kind in ("visual", "collision") for s in tree.iter(kind)]:
        name = shape.get("name")
        if name in taken:
            shape.attrib.pop("name")
        elif name is not None:
            taken.add(name)


def mend_inertia(tree: Element) -> list[str]:
    """Replaces inertias that no body can have by a ball's of 0.1 m; which those were, as lines."""
    mended = []
    for link in tree.findall("link"):
        tensor, mass = link.find("inertial/inertia"), link.find("inertial/mass")
        if tensor is None or mass is None:
            continue
        xx, yy, zz, xy, xz, yz = (float(tensor.get(key, "0")) for key in MOMENTS)
        weight, least = float(mass.get("value", "0")), np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])[0]
        if weight > 0.0 and not least > 0.0 and max(abs(xx), abs(yy), abs(zz)) > 0.0:
            for key in MOMENTS:
                tensor.set(key, f"{0.4 * weight * 0.01 if key[1] == key[2] else 0.0:.6g}")
            mended.append(str(link.get("name")))
    return [f"inertias that no body can have are replaced by a ball's: {shorten(mended)}"] if mended else []


def drop_loose_links(tree: Element, path: Path) -> list[str]:
    """Keeps the largest of the trees that links and joints make; what was left out, as lines.

    Raises:
      InputError: two are of one size.
    """
    parent = dict[str, str]()
    for joint in tree.findall("joint"):
        ends = joint.find("parent"), joint.find("child")
        if ends[0] is not None and ends[1] is not None:
            parent[str(ends[1].get("link"))] = str(ends[0].get("link"))
    links = [str(link.get("name")) for link in tree.findall("link")]
    base = {name: find_base(name, parent) for name in links}
    sizes = {root: list(base.values()).count(root) for root in base.values()}
    largest = max(sizes, key=lambda root: sizes[root])
    if list(sizes.values()).count(sizes[largest]) > 1:
        raise InputError(f"{path}: one link must carry all others; without parents are: {', '.join(sizes)}")
    loose = [name for name in links if base[name] != largest]
    for link in tree.findall("link"):
        if str(link.get("name")) in loose:
            tree.remove(link)
    for joint in tree.findall("joint"):
        child = joint.find("child")
        if child is not None and child.get("link") in loose:
            tree.remove(joint)
    return [f"links that hang on nothing are left out: {shorten(loose)}"] if loose else []


def find_base(link: str, parent: dict[str, str]) -> str:
    """The link that carries another in the end; itself in a ring."""
    seen = {link}
    while link in parent and parent[link] not in seen:
        link = parent[link]
        seen.add(link)
    return link


def replace_meshes(link: Element, finder: MeshFinder) -> bool:
    """Gives a link's shapes the files of their meshes, and takes out those that are missing.

    Returns:
      Whether the link had a mesh to touch with and has no shape left.
    """
    solid, lost = link.find("collision") is not None, False
    for element in [*link.findall("visual"), *link.findall("collision")]:
        mesh = element.find("geometry/mesh")
        if mesh is None:
            if has_no_size(element.find("geometry")):
                link.remove(element)
            continue
        name = finder.prepare(str(mesh.get("filename")))
        if name is None:
            link.remove(element)
            lost = True
        else:
            mesh.set("filename", name)
    return solid and lost and link.find("visual") is None and link.find("collision") is None


def has_no_size(geometry: Element | None) -> bool:
    """Whether a box, cylinder or ball is of size zero: a frame that is marked, and nothing to touch."""
    keys = ("size", "radius", "length")
    values = [shape.get(key, "1") for shape in (geometry if geometry is not None else ()) for key in keys]
    return any(float(number) == 0.0 for value in values for number in value.split())


def shorten(names: Iterable[str], most: int = 6) -> str:
    """Names as a list, the first few of them."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
