"""A model written for older versions of MuJoCo has the same physics, to the last digit."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.env.task import Task
from imitate.scene.scene import Scene
from pose.errors import InputError
from sfv.live.mjcf import write_mjcf
from sfv.skill import skills_named

LOOKS = ("mat_", "tex_", "skin_", "name", "geom_rgba", "geom_group", "site_rgba", "site_group", "site_size")
"""What is only seen."""
OWN = ("actuator_ctrlspec", "dof_damping")
"""Of newer versions alone; set after compiling (a box's damping), which `skill_data` does not take."""


def walk(kind: str) -> Task:
    skill = next(skill for skill in skills_named("walk") if skill.body == "humanoid")
    return replace(skill, scene=Scene(kind)).task


@pytest.mark.parametrize("kind", ["flat", "slippery", "stairs", "box"])
def test_every_number_of_the_physics_stays(kind):
    model = walk(kind).model
    read = mujoco.MjModel.from_xml_string(write_mjcf(model))
    compared = 0
    for name in dir(model):
        value = getattr(model, name, None)
        if name.startswith(("_", *LOOKS, *OWN)) or not isinstance(value, np.ndarray):
            continue
        np.testing.assert_allclose(getattr(read, name), value, rtol=0, atol=1e-12, err_msg=name)
        compared += value.size
    assert compared > 2000
    for name in ("timestep", "integrator", "iterations", "ls_iterations", "cone", "solver", "tolerance", "gravity"):
        np.testing.assert_array_equal(getattr(read.opt, name), getattr(model.opt, name), err_msg=name)


def test_what_is_not_written_is_refused():
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body><joint name="a"/><geom size=".1"/></body></worldbody>'
        '<tendon><fixed><joint joint="a" coef="1"/></fixed></tendon></mujoco>'
    )
    with pytest.raises(InputError, match="tendons, which a live page does not simulate"):
        write_mjcf(model)
