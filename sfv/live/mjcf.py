"""A compiled model as MJCF that every MuJoCo since 3.0 reads alike: all that physics needs, with all digits.

`MjSpec.to_xml` keeps six digits and writes attributes that older versions do not know. The page simulates with the
newest WebAssembly build there is, which is older than the program's own MuJoCo.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import mujoco
import numpy as np

from pose.errors import InputError

JOINT_KINDS = {0: "free", 1: "ball", 2: "slide", 3: "hinge"}
GEOM_KINDS = {0: "plane", 1: "hfield", 2: "sphere", 3: "capsule", 4: "ellipsoid", 5: "cylinder", 6: "box"}
INTEGRATORS = {0: "Euler", 1: "RK4", 2: "implicit", 3: "implicitfast"}
CONES = {0: "pyramidal", 1: "elliptic"}
SOLVERS = {0: "PGS", 1: "CG", 2: "Newton"}


def write_mjcf(model: mujoco.MjModel) -> str:
    """The physics of a model: bodies, joints, colliding geoms, sites, servos, ties of sites and contact pairs.

    Ids of bodies, joints, geoms, sites and actuators stay: a geom that only shows something becomes a speck. So do the
    meshes by which a robot collides with itself: on a page it does not.

    Raises:
      InputError: the model has what is not written: tendons, plugins, flexible bodies, colliding meshes.
    """
    _check(model)
    root = Element("mujoco", model=model.names[: model.names.index(b"\0")].decode() or "body")
    SubElement(root, "compiler", {"angle": "radian", "autolimits": "false"})
    _add_option(root, model)
    assets, world = SubElement(root, "asset"), SubElement(root, "worldbody")
    elements = [world]
    for body in range(model.nbody):
        if body:
            elements.append(_add_body(elements[model.body_parentid[body]], model, body))
        element = elements[body]
        for joint in np.flatnonzero(model.jnt_bodyid == body):
            _add_joint(element, model, int(joint))
        for geom in np.flatnonzero(model.geom_bodyid == body):
            _add_geom(element, assets, model, int(geom))
        for site in np.flatnonzero(model.site_bodyid == body):
            place = {"pos": _text(model.site_pos[site]), "quat": _text(model.site_quat[site])}
            SubElement(element, "site", {"name": model.site(site).name} | place)
    _add_contacts(root, model)
    _add_ties(root, model)
    actuators = SubElement(root, "actuator")
    for u in range(model.nu):
        _add_servo(actuators, model, u)
    indent(root)
    return tostring(root, encoding="unicode")


def _check(model: mujoco.MjModel) -> None:
    collides = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    unknown = [
        name
        for name, present in (
            ("tendons", model.ntendon),
            ("plugins", model.nplugin),
            ("flexible bodies", model.nflex),
            ("colliding meshes", not set(model.geom_type[collides]) <= set(GEOM_KINDS)),
            ("ties other than of two sites", (model.eq_type != mujoco.mjtEq.mjEQ_CONNECT).any()),
            ("joints with springs that bend", model.jnt_stiffnesspoly.any() or model.dof_dampingpoly.any()),
            ("actuators other than servos on joints", (model.actuator_trntype != mujoco.mjtTrn.mjTRN_JOINT).any()),
        )
        if present
    ]
    if unknown:
        raise InputError(f"this body has {', '.join(unknown)}, which a live page does not simulate; use sfv play")


def _text(values: Sequence[float] | np.ndarray | float) -> str:
    """Numbers with all their digits."""
    return " ".join(repr(float(value)) for value in np.atleast_1d(np.asarray(values, dtype=np.float64)))


def _add_option(root: Element, model: mujoco.MjModel) -> None:
    option = model.opt
    SubElement(
        root,
        "option",
        timestep=_text(option.timestep),
        gravity=_text(option.gravity),
        integrator=INTEGRATORS[int(option.integrator)],
        solver=SOLVERS[int(option.solver)],
        cone=CONES[int(option.cone)],
        iterations=str(option.iterations),
        ls_iterations=str(option.ls_iterations),
        tolerance=_text(option.tolerance),
        ls_tolerance=_text(option.ls_tolerance),
        impratio=_text(option.impratio),
    )


def _add_body(parent: Element, model: mujoco.MjModel, body: int) -> Element:
    name = model.body(body).name or f"body_{body}"
    element = SubElement(parent, "body", name=name, pos=_text(model.body_pos[body]), quat=_text(model.body_quat[body]))
    SubElement(
        element,
        "inertial",
        pos=_text(model.body_ipos[body]),
        quat=_text(model.body_iquat[body]),
        mass=_text(model.body_mass[body]),
        diaginertia=_text(model.body_inertia[body]),
    )
    return element


def _add_joint(body: Element, model: mujoco.MjModel, joint: int) -> None:
    kind, dof = JOINT_KINDS[int(model.jnt_type[joint])], int(model.jnt_dofadr[joint])
    element = SubElement(body, "joint", name=model.joint(joint).name or f"joint_{joint}", type=kind)
    if kind != "free":
        element.set("pos", _text(model.jnt_pos[joint]))
        element.set("limited", "true" if model.jnt_limited[joint] else "false")
        element.set("range", _text(model.jnt_range[joint]))
        element.set("stiffness", _text(model.jnt_stiffness[joint]))
        element.set("solreflimit", _text(model.jnt_solref[joint]))
        element.set("solimplimit", _text(model.jnt_solimp[joint]))
        element.set("margin", _text(model.jnt_margin[joint]))
    if kind in ("hinge", "slide"):
        element.set("axis", _text(model.jnt_axis[joint]))
        element.set("ref", _text(model.qpos0[model.jnt_qposadr[joint]]))
        element.set("springref", _text(model.qpos_spring[model.jnt_qposadr[joint]]))
    element.set("armature", _text(model.dof_armature[dof]))
    element.set("damping", _text(model.dof_damping[dof]))
    element.set("frictionloss", _text(model.dof_frictionloss[dof]))


def _add_geom(body: Element, assets: Element, model: mujoco.MjModel, geom: int) -> None:
    collides = bool(model.geom_contype[geom] or model.geom_conaffinity[geom])
    kind = GEOM_KINDS[int(model.geom_type[geom])] if collides else "sphere"
    name = model.geom(geom).name
    element = SubElement(body, "geom", {"type": kind} | ({"name": name} if name else {}))
    if not collides:
        for key, value in (("size", "0.001"), ("contype", "0"), ("conaffinity", "0")):
            element.set(key, value)
        return
    element.set("size", _text(model.geom_size[geom]))
    element.set("pos", _text(model.geom_pos[geom]))
    element.set("quat", _text(model.geom_quat[geom]))
    for key in ("contype", "conaffinity", "condim", "priority"):
        element.set(key, str(int(getattr(model, f"geom_{key}")[geom])))
    for key in ("friction", "solref", "solimp", "solmix", "margin", "gap"):
        element.set(key, _text(getattr(model, f"geom_{key}")[geom]))
    if kind == "hfield":
        field = int(model.geom_dataid[geom])
        rows, columns = int(model.hfield_nrow[field]), int(model.hfield_ncol[field])
        heights = model.hfield_data[model.hfield_adr[field] :][: rows * columns].reshape(rows, columns)
        size = {"nrow": str(rows), "ncol": str(columns), "size": _text(model.hfield_size[field])}
        # The reader takes the first row for the farthest.
        elevation = {"elevation": _text(heights[::-1].ravel())}
        SubElement(assets, "hfield", {"name": f"hfield_{field}"} | size | elevation)
        element.set("hfield", f"hfield_{field}")
        del element.attrib["size"]


def _add_contacts(root: Element, model: mujoco.MjModel) -> None:
    contact = SubElement(root, "contact")
    for signature in model.exclude_signature:
        first, second = int(signature) >> 16, int(signature) & 0xFFFF
        SubElement(contact, "exclude", body1=model.body(first).name, body2=model.body(second).name)
    for p in range(model.npair):
        pair = model.pair_geom1[p], model.pair_geom2[p]
        if not all(model.geom_contype[geom] or model.geom_conaffinity[geom] for geom in pair):
            continue  # a robot's own meshes, which are specks here
        SubElement(
            contact,
            "pair",
            geom1=model.geom(model.pair_geom1[p]).name,
            geom2=model.geom(model.pair_geom2[p]).name,
            condim=str(int(model.pair_dim[p])),
            friction=_text(model.pair_friction[p]),
            solref=_text(model.pair_solref[p]),
            solimp=_text(model.pair_solimp[p]),
        )


def _add_ties(root: Element, model: mujoco.MjModel) -> None:
    ties = SubElement(root, "equality")
    for e in range(model.neq):
        SubElement(
            ties,
            "connect",
            site1=model.site(model.eq_obj1id[e]).name,
            site2=model.site(model.eq_obj2id[e]).name,
            active="true" if model.eq_active0[e] else "false",
            solref=_text(model.eq_solref[e]),
            solimp=_text(model.eq_solimp[e]),
        )


def _add_servo(actuators: Element, model: mujoco.MjModel, u: int) -> None:
    limits = model.actuator_forcelimited[u], model.actuator_ctrllimited[u]
    joint = int(model.actuator_trnid[u, 0])
    SubElement(
        actuators,
        "general",
        name=model.actuator(u).name,
        joint=model.joint(joint).name or f"joint_{joint}",
        gear=_text(model.actuator_gear[u]),
        biastype="affine",
        gainprm=_text(model.actuator_gainprm[u, :3]),
        biasprm=_text(model.actuator_biasprm[u, :3]),
        forcelimited="true" if limits[0] else "false",
        forcerange=_text(model.actuator_forcerange[u]),
        ctrllimited="true" if limits[1] else "false",
        ctrlrange=_text(model.actuator_ctrlrange[u]),
    )
