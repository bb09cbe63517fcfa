"""Robots that tests import."""


def box_link(name: str, mass: float, inertia: float, size: str, middle: str) -> str:
    same = " ".join(
        f'{axis}="{inertia if axis[1] == axis[2] else 0}"' for axis in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
    )
    place = f'<origin xyz="{middle}"/>'
    return (
        f'<link name="{name}"><inertial>{place}<mass value="{mass}"/><inertia {same}/></inertial>'
        f'<collision>{place}<geometry><box size="{size}"/></geometry></collision></link>'
    )


def urdf_robot() -> str:
    """A small biped of boxes, arms out sideways at zero, its knees' and elbows' names telling nothing."""
    links, joints = [box_link("base", 8, 0.1, ".15 .3 .5", "0 0 .2")], []

    def part(name, parent, at, axis, size, middle, low=-2.0, high=2.0):
        links.append(box_link(name, 1, 5e-3, size, middle))
        joints.append(
            f'<joint name="j_{name}" type="revolute"><parent link="{parent}"/><child link="{name}"/>'
            f'<origin xyz="{at}"/><axis xyz="{axis}"/>'
            f'<limit lower="{low}" upper="{high}" effort="40" velocity="10"/></joint>'
        )

    part("neck", "base", "0 0 .48", "0 0 1", ".16 .16 .2", "0 0 .1")
    for side, sign in (("left", 1), ("right", -1)):
        part(f"{side}_a1", "base", f"0 {0.1 * sign} -.05", "1 0 0", ".06 .06 .06", "0 0 0")
        part(f"{side}_a2", f"{side}_a1", "0 0 0", "0 1 0", ".1 .1 .3", "0 0 -.16")
        part(f"{side}_a3", f"{side}_a2", "0 0 -.35", "0 1 0", ".08 .08 .28", "0 0 -.16", 0, 2.4)
        part(f"{side}_a4", f"{side}_a3", "0 0 -.35", "0 1 0", ".24 .09 .06", ".05 0 -.05")
        part(f"{side}_b1", "base", f"0 {0.2 * sign} .4", "0 1 0", ".06 .06 .06", "0 0 0", -3, 3)
        part(f"{side}_b2", f"{side}_b1", "0 0 0", "1 0 0", ".07 .2 .07", f"0 {0.12 * sign} 0", -3, 3)
        part(f"{side}_b3", f"{side}_b2", f"0 {0.25 * sign} 0", "0 0 1", ".06 .24 .06", f"0 {0.13 * sign} 0", -2.5, 2.5)
    return f'<robot name="boxes">{"".join(links)}{"".join(joints)}</robot>'
