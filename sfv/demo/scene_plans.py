"""Key poses of motions on things: a step, a chair, a bar, a vaulting box; made up for this project.

As `sfv.demo.plans`, whose signs and units hold here. A contact with a third number is on the object of that index.
"""

from reconstruct.scene_objects import SceneObject
from sfv.demo.plans import Plan

STEP_UP = Plan(
    #      stand shift lift  place over  off   swing place stand stand
    times=(0.00, 0.40, 0.75, 1.05, 1.50, 1.80, 2.10, 2.50, 2.90, 3.30),
    channels={
        "height": (0.895, 0.890, 0.885, 0.865, 0.93, 1.04, 1.13, 1.18, 1.195, 1.195),
        "forward": (0, 0.01, 0.04, 0.10, 0.28, 0.37, 0.43, 0.47, 0.48, 0.48),
        "left": (0, 0.05, 0.07, 0.06, -0.04, -0.07, -0.07, -0.04, 0, 0),
        "pitch": (0, 2, 6, 12, 20, 18, 12, 6, 0, 0),
        "chest": (0, 2, 4, 6, 8, 6, 4, 2, 0, 0),
        "right_hip": (0, 10, 62, 94, 84, 61, 41, 14, 0, 0),
        "right_knee": (0, 12, 85, 87, 92, 69, 50, 20, 2, 0),
        "right_ankle": (0, 0, 0, 5, 28, 26, 21, 8, 0, 0),
        "left_hip": (0, 2, 6, 14, 28, 10, 66, 22, 0, 0),
        "left_knee": (0, 2, 4, 14, 50, 40, 98, 24, 2, 0),
        "left_ankle": (0, 0, 2, 6, -16, -30, -8, 6, 0, 0),
        "left_shoulder": (0, 5, 22, 26, 10, -8, -16, 0, 0, 0),
        "right_shoulder": (0, -4, -16, -18, 0, 14, 22, 4, 0, 0),
        "abduct_shoulder": (6, 8, 10, 10, 10, 10, 10, 8, 6, 6),
        "elbow": (6, 10, 16, 16, 14, 14, 14, 10, 6, 6),
    },
    contacts={
        "right_heel": ((0.0, 0.42), (1.08, 9.0, 0)),
        "right_toe": ((0.0, 0.48), (1.05, 9.0, 0)),
        "left_heel": ((0.0, 1.25), (2.54, 9.0, 0)),
        "left_toe": ((0.0, 1.70), (2.50, 9.0, 0)),
    },
    things=(SceneObject("box", x=0.80, y=0.0, height=0.30, length=1.0, width=0.9),),
    azimuth=104.0,
)
"""Stepping up onto a box, one foot after the other."""

SIT = Plan(
    #      stand ready down  touch upright     lean  off   rise  stand stand
    times=(0.00, 0.35, 0.95, 1.45, 1.95, 2.65, 3.10, 3.35, 3.75, 4.20, 4.50),
    channels={
        "height": (0.895, 0.89, 0.73, 0.555, 0.55, 0.55, 0.56, 0.62, 0.76, 0.89, 0.895),
        "forward": (0, -0.02, -0.20, -0.36, -0.37, -0.37, -0.34, -0.27, -0.14, -0.01, 0),
        "pitch": (0, 4, 36, 28, -4, -4, 40, 44, 30, 4, 0),
        "chest": (0, 2, 12, 10, 0, 0, 14, 14, 10, 2, 0),
        "neck": (0, 0, -14, -10, 0, 0, -16, -18, -12, 0, 0),
        "hip": (0, 6, 90, 112, 80, 80, 122, 116, 76, 8, 0),
        "knee": (0, 6, 68, 86, 88, 88, 88, 82, 56, 6, 0),
        "ankle": (0, 2, 14, 3, 4, 4, 6, 12, 12, 2, 0),
        "shoulder": (0, 4, 40, 36, 22, 22, 40, 48, 34, 4, 0),
        "abduct_shoulder": (5, 6, 8, 8, 8, 8, 8, 8, 8, 6, 5),
        "elbow": (6, 8, 20, 26, 40, 40, 30, 24, 16, 8, 6),
    },
    contacts={"heels": ((0.0, 9.0),), "toes": ((0.0, 9.0),), "seat": ((1.45, 3.20, 0),)},
    things=(SceneObject("box", x=-0.40, y=0.0, height=0.44, length=0.44, width=0.44, thickness=0.08),),
    azimuth=108.0,
)
"""Sitting down on a seat and getting up again."""

PULL_UP = Plan(
    #      stand ready reach grip  hang  up    held  down  feet  hold  let go  stand
    times=(0.00, 0.35, 0.85, 1.15, 1.55, 2.25, 2.55, 3.20, 3.60, 3.90, 4.40, 4.70),
    channels={
        "height": (0.895, 0.895, 0.895, 0.895, 0.885, 1.24, 1.26, 0.89, 0.893, 0.895, 0.895, 0.895),
        "forward": (0, 0, 0, 0, 0, -0.08, -0.08, 0, 0, 0, 0, 0),
        "pitch": (0, 0, -2, -2, 2, -8, -8, 2, -2, -2, 0, 0),
        "neck": (0, 0, -14, -14, -10, -12, -12, -10, -10, -8, 0, 0),
        "hip": (0, 0, -2, -2, 10, 16, 16, 10, 0, 0, 0, 0),
        "knee": (0, 0, 0, 0, 72, 84, 84, 70, 4, 0, 0, 0),
        "ankle": (0, 0, 0, 0, -24, -28, -28, -20, 0, 0, 0, 0),
        "shoulder": (0, 30, 172, 172, 174, 62, 58, 174, 172, 172, 40, 0),
        "abduct_shoulder": (5, 8, 8, 8, 8, 16, 16, 8, 8, 8, 8, 5),
        "elbow": (6, 16, 12, 8, 6, 124, 130, 6, 8, 10, 18, 6),
    },
    contacts={
        "heels": ((0.0, 1.22), (3.62, 9.0)),
        "toes": ((0.0, 1.28), (3.58, 9.0)),
        "hands": ((0.95, 4.00, 0),),
    },
    things=(SceneObject("bar", x=0.0, y=0.0, height=2.0, length=1.2, yaw=90.0),),
    azimuth=100.0,
)
"""A pull-up on a bar, from standing under it to standing under it."""

SQUAT_ON = Plan(
    #      stand bend  hands push  tuck  over  land  crouch rise stand stand
    times=(0.00, 0.30, 0.68, 0.92, 1.12, 1.28, 1.42, 1.75, 2.20, 2.60, 3.00),
    channels={
        "height": (0.895, 0.86, 0.76, 0.93, 1.10, 1.18, 1.19, 1.14, 1.40, 1.59, 1.595),
        "forward": (0, -0.04, -0.14, 0.02, 0.14, 0.22, 0.28, 0.38, 0.46, 0.48, 0.48),
        "pitch": (0, 14, 42, 40, 56, 58, 52, 42, 24, 2, 0),
        "chest": (0, 6, 10, 6, 12, 14, 12, 12, 8, 1, 0),
        "neck": (0, -8, -24, -22, -28, -28, -24, -20, -10, 0, 0),
        "hip": (0, 30, 86, 36, 112, 136, 138, 128, 70, 4, 0),
        "knee": (0, 24, 60, 14, 112, 128, 114, 122, 72, 4, 0),
        "ankle": (0, 10, 16, -28, -8, 4, 24, 32, 26, 2, 0),
        "shoulder": (0, 40, 52, 58, 50, 44, 46, 46, 20, 2, 0),
        "abduct_shoulder": (5, 8, 8, 8, 8, 8, 12, 12, 8, 6, 5),
        "elbow": (6, 30, 52, 10, 6, 12, 22, 26, 16, 8, 6),
        "abduct_hip": (0, 0, 2, 2, 2, 2, 2, 2, 1, 0, 0),
    },
    contacts={
        "heels": ((0.0, 0.80), (1.46, 9.0, 0)),
        "toes": ((0.0, 0.92), (1.42, 9.0, 0)),
        "hands": ((0.60, 1.30, 0),),
    },
    things=(SceneObject("box", x=0.85, y=0.0, height=0.70, length=1.0, width=1.0),),
    azimuth=104.0,
)
"""A squat-on: hands on a vaulting box, feet jump up between them, then standing on top."""

SCENE_PLANS: dict[str, Plan] = {"step_up": STEP_UP, "sit": SIT, "pull_up": PULL_UP, "squat_on": SQUAT_ON}
"""Motions that something besides the ground carries."""
