"""`python -m sfv.bench.campaign.learn_to_see FOLDER`: teacher and student of `sfv see --skill walk`, in seconds.

One course, and the skill itself in place of a guide that was trained for it: a guide's training is that of any skill,
which other commands of the campaign go through. Evaluation and film are left out: they take minutes.
"""

import sys
from dataclasses import replace
from pathlib import Path

from imitate.training.ppo import PPOConfig
from imitate.vision.guide import extend_to_ground
from imitate.vision.imitation import ImitationConfig
from imitate.vision.regression import StudentConfig
from imitate.vision.train import train_student, train_teacher
from imitate.vision.walking_setting import WalkingSetting
from sfv.parent import end_with_parent
from sfv.run_folder import lock_folder, make_folder
from sfv.sight.walk import WalkSightConfig, find_walk, make_task

STEPS = 4
"""Control steps of each environment between updates."""
ENVS = 8


def main(folder: Path) -> None:
    """Learns; what the folder has is gone on with."""
    config = WalkSightConfig(courses=1)
    skill = find_walk(config.skill)
    make_folder(folder)
    with lock_folder(folder):
        setting = WalkingSetting(make_task(config, skill, folder), extend_to_ground(skill.plain_policy))
        training = replace(
            config.to_training(setting.make_env(1, 0)),
            num_envs=ENVS,
            num_steps=STEPS,
            samples=20 * ENVS * STEPS,
            imitation=ImitationConfig(samples=40 * ENVS * STEPS, updates=2, sequences=4),
            ppo=PPOConfig(update_epochs=1, minibatch_size=4),
            student=StudentConfig(samples=60 * ENVS * STEPS, num_envs=ENVS, num_steps=STEPS, updates=2, sequences=4),
            checkpoint_seconds=0.2,
        )
        teacher = train_teacher(training, folder, setting=setting)
        train_student(training, teacher, folder, setting=setting)


if __name__ == "__main__":
    end_with_parent()
    main(Path(sys.argv[1]))
