"""A constant force on both palms: in a draft it stands in for a box that is pushed."""

import mujoco
import numpy as np

from imitate.env.task import Task
from imitate.scene.footprints import name_palms


class Resistance:
    """The force on each hand that a task asks for, in all environments of a batch."""

    def __init__(self, task: Task, model: mujoco.MjModel, batch: mujoco.batch.Batch):
        self._force, self._active = np.array(task.resistance), any(task.resistance)
        if self._active:
            self._palms = np.array([model.site(name).id for name in name_palms(task.character)])
            self._bodies = model.site_bodyid[self._palms]
            self._sites, self._centres = batch.bind("site_xpos"), batch.bind("xipos")
            self._applied = batch.bind("xfrc_applied")

    def act(self) -> None:
        """Lets it act at the palms where they are now; MuJoCo applies forces at centres of mass."""
        if self._active:
            arms = self._sites[:, self._palms] - self._centres[:, self._bodies]
            self._applied[:, self._bodies, :3] = self._force
            self._applied[:, self._bodies, 3:] = np.cross(arms, self._force)
