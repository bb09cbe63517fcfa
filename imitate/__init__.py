"""From a reference motion to a policy that performs it in simulation (PyTorch, MuJoCo).

    from imitate import EvaluateConfig, Task, TrainConfig, evaluate_policy, train_policy

    task = Task(load_character("humanoid"), motion)
    policy = train_policy(task, TrainConfig(minutes=3), Path("out")).policy
    print(evaluate_policy(policy, task, EvaluateConfig()).metrics)

Nouns:
  Task            what is performed, by whom and where
  Scene           the ground, and what else there is: stairs, gaps, wind, a box to push
  ImitationEnv    N environments in one batch; EnvConfig: its reward, endings, starts and pushes
  Policy          actor, critic and normaliser, with the layout of what goes in and comes out
  Draft           the motion as tracking control performs it, before any learning
  Rollout         one simulated performance
  Evaluation      metrics of a policy, and a rollout

Verbs:
  track_motion    performs a task by tracking control
  train_policy    learns it (training starts processes: call it under `if __name__ == "__main__":`)
  evaluate_policy measures a policy
  run_episodes    one rollout in each environment
  write_onnx      writes a policy for other programs

Names are imported from their modules when they are first used: `import imitate` alone loads neither PyTorch nor MuJoCo.
"""

from typing import TYPE_CHECKING

from pose.lazy import make_lazy_getattr

if TYPE_CHECKING:
    from imitate.env.env import EnvConfig as EnvConfig
    from imitate.env.env import ImitationEnv as ImitationEnv
    from imitate.env.task import Task as Task
    from imitate.export_onnx import write_onnx as write_onnx
    from imitate.policy import Policy as Policy
    from imitate.rollout import EvaluateConfig as EvaluateConfig
    from imitate.rollout import Evaluation as Evaluation
    from imitate.rollout import Rollout as Rollout
    from imitate.rollout import evaluate_policy as evaluate_policy
    from imitate.rollout import run_episodes as run_episodes
    from imitate.scene.scene import Scene as Scene
    from imitate.tracking.draft import Draft as Draft
    from imitate.tracking.track import TrackConfig as TrackConfig
    from imitate.tracking.track import track_motion as track_motion
    from imitate.training.config import TrainConfig as TrainConfig
    from imitate.training.train import train_policy as train_policy

_MODULES = {
    "Draft": "tracking.draft",
    "EnvConfig": "env.env",
    "EvaluateConfig": "rollout",
    "Evaluation": "rollout",
    "ImitationEnv": "env.env",
    "Policy": "policy",
    "Rollout": "rollout",
    "Scene": "scene.scene",
    "Task": "env.task",
    "TrackConfig": "tracking.track",
    "TrainConfig": "training.config",
    "evaluate_policy": "rollout",
    "run_episodes": "rollout",
    "track_motion": "tracking.track",
    "train_policy": "training.train",
    "write_onnx": "export_onnx",
}
__all__ = list(_MODULES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__ = make_lazy_getattr(__name__, _MODULES)
