"""Hostile bodies: MJCF, URDF, and characters."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sfv.bench.campaign.hostile import Hostile, one_file

BODY = '<body name="b{n}" pos="0 0 {z}"><freejoint/><geom size="0.1"/></body>'
ONE_BODY = '<worldbody><body><freejoint/><geom size="1"/></body></worldbody>'
PACKAGE = '{name = "requests==2.0", sha256 = "0", size_mb = 1, licence = "-", folder = "a", model = "a"}'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
ENTITIES = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]>'


def _mjcf(inside: str, before: str = "") -> Callable[[Path, Path], Path]:
    return one_file("a.xml", f"{before}<mujoco>{inside}</mujoco>")


def _many_bodies(folder: Path, samples: Path) -> Path:
    bodies = "".join(BODY.format(n=n, z=n) for n in range(10_000))
    (folder / "a.xml").write_text(f"<mujoco><worldbody>{bodies}</worldbody></mujoco>")
    return folder / "a.xml"


def _deep_bodies(folder: Path, samples: Path) -> Path:
    inside = '<geom size="0.1"/><joint/>'
    text = "<body>" * 1 + f"<freejoint/>{inside.replace('<joint/>', '')}"
    text += f"<body>{inside}" * 5000 + "</body>" * 5001
    (folder / "a.xml").write_text(f"<mujoco><worldbody>{text}</worldbody></mujoco>")
    return folder / "a.xml"


def _outside_include(folder: Path, samples: Path) -> Path:
    secret = folder.parent / "secret.xml"
    secret.write_text('<mujocoinclude><body name="secret"><freejoint/><geom size="0.1"/></body></mujocoinclude>')
    (folder / "a.xml").write_text('<mujoco><worldbody><include file="../secret.xml"/></worldbody></mujoco>')
    return folder / "a.xml"


def _outside_mesh(how: str) -> Callable[[Path, Path], Path]:
    """A robot whose shape lies outside of its folder: by an absolute path, by `..`, or by a symbolic link."""

    def write(folder: Path, samples: Path) -> Path:
        mesh = samples / "parts" / "chest.stl"
        name = {"absolute": str(mesh), "parent": os.path.relpath(mesh, folder), "link": "linked.stl"}[how]
        if how == "link":
            (folder / "linked.stl").symlink_to(mesh)
        robot = (samples / "urdf" / "a.urdf").read_text()
        robot = robot.replace('<box size=".15 .3 .5"/>', f'<mesh filename="{name}"/>', 1)
        (folder / "a.urdf").write_text(robot)
        return folder / "a.urdf"

    return write


def _include_cycle(folder: Path, samples: Path) -> Path:
    (folder / "a.xml").write_text('<mujoco><include file="b.xml"/></mujoco>')
    (folder / "b.xml").write_text('<mujoco><include file="a.xml"/></mujoco>')
    return folder / "a.xml"


def _joint_cycle(folder: Path, samples: Path) -> Path:
    robot = (samples / "urdf" / "a.urdf").read_text()
    back = '<joint name="back" type="fixed"><parent link="left_foot"/><child link="left_hip"/></joint></robot>'
    (folder / "a.urdf").write_text(robot.replace("</robot>", back))
    return folder / "a.urdf"


def _character(**lines: str) -> Callable[[Path, Path], Path]:
    """A character whose table says something else."""

    def write(folder: Path, samples: Path) -> Path:
        shutil.copytree(samples / "characters" / "mine", folder / "mine")
        table = folder / "mine" / "character.toml"
        kept = [line for line in table.read_text().splitlines() if line.split(" ")[0] not in lines]
        table.write_text("\n".join([*(f"{name} = {value}" for name, value in lines.items()), *kept]))
        return folder / "mine"

    return write


MODELS: tuple[Hostile, ...] = (
    Hostile(
        "a million entities, MJCF", "model", one_file("a.xml", f"{ENTITIES}<mujoco model='&l11;'><worldbody/></mujoco>")
    ),
    Hostile("a million entities, URDF", "model", one_file("a.urdf", f"{ENTITIES}<robot name='&l11;'>&l11;</robot>")),
    Hostile(
        "entity that is a file, URDF",
        "model",
        one_file("a.urdf", '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><robot name="a">&f;</robot>'),
    ),
    Hostile("include outside of the folder", "model", _outside_include),
    Hostile("include by an absolute path", "model", _mjcf('<include file="/etc/passwd"/>')),
    Hostile("include in a circle", "model", _include_cycle),
    Hostile("mesh by an absolute path", "model", _outside_mesh("absolute"), may_be_read=True),
    Hostile("mesh outside of the folder", "model", _outside_mesh("parent"), may_be_read=True),
    Hostile("mesh through a symbolic link", "model", _outside_mesh("link"), may_be_read=True),
    Hostile("mesh of a device", "model", _mjcf('<asset><mesh name="a" file="/dev/zero.stl"/></asset>')),
    Hostile(
        "texture outside of the folder",
        "model",
        _mjcf('<asset><texture type="2d" file="/etc/passwd.png"/></asset>' + ONE_BODY),
    ),
    Hostile("10,000 bodies", "model", _many_bodies),
    Hostile("5,000 bodies deep", "model", _deep_bodies),
    Hostile("joints in a circle", "model", _joint_cycle),
    Hostile(
        "plugin",
        "model",
        _mjcf('<extension><plugin plugin="mujoco.elasticity.cable"/></extension>' + ONE_BODY),
    ),
    Hostile(
        "mass of nan", "model", _mjcf('<worldbody><body><freejoint/><geom size="0.1" mass="nan"/></body></worldbody>')
    ),
    Hostile(
        "mass of 1e308",
        "model",
        _mjcf('<worldbody><body><freejoint/><geom size="0.1" mass="1e308"/></body></worldbody>'),
    ),
    Hostile(
        "height field of 10^9 cells",
        "model",
        _mjcf('<asset><hfield name="h" nrow="100000" ncol="100000" size="1 1 1 1"/></asset>' + ONE_BODY),
    ),
    Hostile(
        "a hundred thousand replicas",
        "model",
        _mjcf('<worldbody><replicate count="100000"><body><freejoint/><geom size="1"/></body></replicate></worldbody>'),
    ),
    Hostile("character outside of its folder", "character", _character(mjcf='"../../../../../../etc/passwd"')),
    Hostile("character whose base is itself", "character", _character(base='"mine"')),
    Hostile("character whose base is nobody", "character", _character(base='"nobody"')),
    Hostile(
        "character from any package",
        "character",
        _character(
            package='{name = "requests==2.0", sha256 = "0", size_mb = 1, licence = "-", folder = "a", model = "a"}'
        ),
    ),
    Hostile("character of height nan", "character", _character(height="nan")),
    Hostile("character of height 0", "character", _character(height="0")),
    Hostile("character of height -1", "character", _character(height="-1.0")),
    Hostile("character of girth 1e300", "character", _character(girth="1e300")),
    Hostile("character with text for a list", "character", _character(foot_bodies='"l_foot"')),
)
