"""MJCF as an XML tree: what all our characters' files have in common, and numbers as MJCF has them.

The tree is built here and not by `mujoco.MjSpec`, whose `to_xml` writes what it has compiled, to six digits:
inertias become principal axes, ends of capsules quaternions, servos general actuators. A character's file is to be read
and edited.
"""

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

SITE = {"type": "sphere", "size": "0.01", "group": "4", "rgba": "0.9 0.2 0.2 1"}
SHAPE = {"type": "capsule", "contype": "1", "conaffinity": "0", "condim": "3", "friction": "1", "group": "3"}
"""What touches the ground; nothing of a body touches the body."""


def start_model(name: str, body_class: str, rgba: str, **compiler: str) -> Element:
    """A `<mujoco>` element with its compiler options and the defaults of a body.

    Args:
      name: of the character.
      body_class: the default class of its geoms and sites.
      rgba: colour of its shapes.
      compiler: attributes of `<compiler>` besides `autolimits`.
    """
    root = Element("mujoco", model=name)
    SubElement(root, "compiler", compiler | {"autolimits": "true"})
    defaults = SubElement(SubElement(root, "default"), "default", {"class": body_class})
    SubElement(defaults, "geom", SHAPE | {"rgba": rgba})
    SubElement(defaults, "site", SITE)
    return root


def to_text(root: Element, comment: str) -> str:
    """The file's text, a comment first."""
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")  # no text holds a bare >
    return f"<!-- {comment} -->\n{text}\n"


def to_numbers(values: Iterable[float], decimals: int = 6) -> str:
    """Numbers as MJCF has them: rounded, six digits at most, no minus zero."""
    return " ".join(f"{round(float(value), decimals) + 0.0:g}" for value in values)


def to_full_inertia(matrix: np.ndarray) -> str:
    """An inertia matrix (3, 3) in the order of `fullinertia`."""
    return " ".join(f"{matrix[i, j]:.6g}" for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
