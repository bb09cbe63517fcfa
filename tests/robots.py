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


def mjcf_person(hand: str = "", elbow: str = "", world: str = "", after: str = "") -> str:
    """A person of 15 hinges, 1.65 m tall, whose feet lie as far behind the ankles as before them.

    Args:
      hand: what each forearm carries; SIDE stands for left or right.
      elbow: hinges of the elbow, from the inside out; default: one that bends it.
      world: what stands beside the body.
      after: what follows the world: actuators, equalities.
    """
    elbow = elbow or '<joint name="SIDE_elbow" axis="0 -1 0" range="0 140"/>'
    side = """
      <body name="SIDE_thigh" pos="0 Y.1 -.05">
        <joint name="SIDE_hip_x" axis="1 0 0" range="-50 50"/><joint name="SIDE_hip_y" axis="0 1 0" range="-110 60"/>
        <geom type="capsule" fromto="0 0 -.05 0 0 -.33" size=".06"/>
        <body name="SIDE_shin" pos="0 0 -.4">
          <joint name="SIDE_knee" axis="0 1 0" range="0 150"/>
          <geom type="capsule" fromto="0 0 -.05 0 0 -.33" size=".05"/>
          <body name="SIDE_foot" pos="0 0 -.4">
            <joint name="SIDE_ankle" axis="0 1 0" range="-45 45"/>
            <geom name="SIDE_sole" type="box" pos="-.01 0 -.03" size=".12 .05 .02"/>
          </body>
        </body>
      </body>"""
    arm = f"""
        <body name="SIDE_upper_arm" pos="0 Y.2 .4">
          <joint name="SIDE_shoulder_x" axis="1 0 0" range="-170 170"/>
          <joint name="SIDE_shoulder_y" axis="0 1 0" range="-170 170"/>
          <geom type="capsule" fromto="0 0 -.05 0 0 -.22" size=".04"/>
          <body name="SIDE_forearm" pos="0 0 -.27">
            {elbow}<geom type="capsule" fromto="0 0 -.05 0 0 -.25" size=".035"/>{hand}
          </body>
        </body>"""
    both = {"left": "", "right": "-"}
    legs, arms = (
        "".join(part.replace("SIDE", name).replace("Y.", f"{sign}.") for name, sign in both.items())
        for part in (side, arm)
    )
    return f"""<mujoco><worldbody>{world}
    <body name="pelvis" pos="0 0 .9" quat="1 0 0 0"><freejoint/><geom type="box" size=".08 .12 .06"/>{legs}
      <body name="trunk" pos="0 0 .1"><joint name="waist" axis="0 0 1" range="-45 45"/>
        <geom type="box" pos="0 0 .22" size=".08 .14 .18"/><geom name="head" pos="0 0 .55" size=".1"/>{arms}
      </body>
    </body></worldbody>{after}</mujoco>"""


SMPL_JOINTS = {
    "L_Hip": ("Pelvis", (0.07, -0.09, 0.0)), "L_Knee": ("L_Hip", (0.03, -0.38, 0.0)),
    "L_Ankle": ("L_Knee", (-0.01, -0.4, -0.04)), "L_Toe": ("L_Ankle", (0.03, -0.06, 0.12)),
    "Torso": ("Pelvis", (0.0, 0.11, -0.03)), "Spine": ("Torso", (0.0, 0.14, 0.0)),
    "Chest": ("Spine", (0.0, 0.05, 0.03)), "Neck": ("Chest", (0.0, 0.21, -0.04)), "Head": ("Neck", (0.0, 0.07, 0.05)),
    "L_Thorax": ("Chest", (0.08, 0.12, -0.03)), "L_Shoulder": ("L_Thorax", (0.09, 0.03, -0.01)),
    "L_Elbow": ("L_Shoulder", (0.26, -0.01, -0.03)), "L_Wrist": ("L_Elbow", (0.25, 0.01, 0.0)),
    "L_Hand": ("L_Wrist", (0.08, -0.01, -0.01)),
}  # fmt: skip
"""Joint -> its parent and its place there at rest, x left, y up, z forward [m]: proportions of SMPL's mean body."""


def mjcf_smpl(z_up: bool) -> str:
    """A body as the humanoids of SMPL are that others train: 24 bodies, three hinges each, arms out sideways.

    Args:
      z_up: axes x forward, y left, z up; else SMPL's own, in which it lies.
    """
    table = dict(SMPL_JOINTS)
    for name, (parent, (x, y, z)) in SMPL_JOINTS.items():
        if name[:2] == "L_":
            table[f"R_{name[2:]}"] = (parent.replace("L_", "R_"), (-x, y, z))

    def turn(x, y, z):
        return (z, x, y) if z_up else (x, y, z)

    def numbers(values):
        return " ".join(f"{value:.4f}" for value in values)

    def body(name):
        below = [child for child, (parent, _) in table.items() if parent == name]
        joints = "".join(
            f'<joint name="{name}_{axis}" axis="{numbers(unit)}" range="-180 180"/>'
            for axis, unit in (("x", (1, 0, 0)), ("y", (0, 1, 0)), ("z", (0, 0, 1)))
        )
        shape = '<geom size=".06"/>'
        if name == "Head":
            shape = f'<geom size=".1" pos="{numbers(turn(0, 0.05, 0))}"/>'
        elif name.endswith(("Ankle", "Toe")):
            ankle = name.endswith("Ankle")
            size, pos = turn(0.05, 0.045, 0.085) if ankle else turn(0.05, 0.02, 0.05), (0, -0.024 * ankle, 0.02)
            shape = f'<geom type="box" size="{numbers(size)}" pos="{numbers(turn(*pos))}"/>'
        elif len(below) == 1:
            shape = f'<geom type="capsule" fromto="0 0 0 {numbers(turn(*table[below[0]][1]))}" size=".045"/>'
        place = numbers(turn(*table[name][1])) if name in table else "0 0 1"
        joint = "<freejoint name='Pelvis'/>" if name == "Pelvis" else joints
        return f'<body name="{name}" pos="{place}">{joint}{shape}{"".join(map(body, below))}</body>'

    return f'<mujoco><worldbody><geom type="plane" size="5 5 1"/>{body("Pelvis")}</worldbody></mujoco>'
