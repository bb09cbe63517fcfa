"""Key poses of motions on things: a step, a chair, a bar, a vaulting box, stairs, a bed, a wall, a pushed box, slopes.

As `sfv.demo.plans`, whose signs and units hold here. A contact with a third number is on the object of that index.
"""

from dataclasses import replace

import numpy as np

from reconstruct.scene_objects import SceneObject
from sfv.demo.plans import PUSH, WALK, Channel, Plan

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
    times=(0.00, 0.35, 0.75, 0.98, 1.12, 1.24, 1.42, 1.80, 2.35, 2.80, 3.20),
    channels={
        "height": (0.895, 0.84, 0.66, 0.90, 1.08, 1.15, 0.99, 0.93, 1.20, 1.39, 1.395),
        "forward": (0, -0.04, -0.14, 0.04, 0.17, 0.29, 0.41, 0.45, 0.52, 0.54, 0.54),
        "pitch": (0, 18, 52, 56, 80, 82, 60, 42, 24, 2, 0),
        "chest": (0, 6, 14, 10, 14, 14, 12, 12, 8, 1, 0),
        "neck": (0, -8, -28, -26, -32, -32, -24, -20, -10, 0, 0),
        "hip": (0, 34, 106, 50, 118, 142, 138, 128, 70, 4, 0),
        "knee": (0, 30, 78, 18, 112, 132, 128, 122, 72, 4, 0),
        "ankle": (0, 12, 22, -28, 0, 10, 26, 32, 26, 2, 0),
        "shoulder": (0, 40, 62, 70, 88, 80, 56, 40, 20, 2, 0),
        "abduct_shoulder": (5, 8, 10, 10, 10, 10, 12, 12, 8, 6, 5),
        "elbow": (6, 26, 34, 10, 6, 8, 16, 26, 16, 8, 6),
        "abduct_hip": (0, 0, 2, 2, 2, 2, 2, 2, 1, 0, 0),
    },
    contacts={
        "heels": ((0.0, 0.88), (1.46, 9.0, 0)),
        "toes": ((0.0, 0.98), (1.42, 9.0, 0)),
        "hands": ((0.66, 1.52, 0),),
    },
    things=(SceneObject("box", x=0.85, y=0.0, height=0.50, length=1.0, width=1.0),),
    azimuth=104.0,
)
"""A squat-on: hands on a vaulting box, feet jump up between them, then standing on top."""

STAIRS_UP = Plan(
    #      stand shift lift  1st   push  swing 2nd   push  swing 3rd   push  swing close stand stand
    times=(0.00, 0.35, 0.75, 1.00, 1.30, 1.50, 1.75, 2.05, 2.25, 2.50, 2.80, 3.00, 3.30, 3.70, 4.00),
    channels={
        "height": (0.895, 0.89, 0.89, 0.875, 0.95, 1.03, 1.06, 1.13, 1.20, 1.23, 1.31, 1.38, 1.40, 1.405, 1.405),
        "forward": (0, 0.01, 0.06, 0.14, 0.30, 0.38, 0.50, 0.63, 0.71, 0.82, 0.94, 1.00, 1.025, 1.03, 1.03),
        "left": (0, 0.05, 0.07, 0.05, -0.03, -0.06, -0.04, 0.03, 0.06, 0.04, -0.03, -0.06, -0.02, 0, 0),
        "pitch": (0, 3, 6, 10, 14, 12, 12, 14, 12, 12, 12, 8, 3, 0, 0),
        "right_hip": (5, 11, 73, 68, 53, 31, 6, 2, 51, 67, 48, 26, 11, 5, 5),
        "right_knee": (10, 16, 84, 70, 61, 35, 4, 4, 90, 70, 55, 30, 16, 10, 10),
        "right_ankle": (5, 8, 17, 11, 22, 16, 10, -14, 36, 15, 19, 12, 8, 5, 5),
        "left_hip": (5, 11, 9, 13, -3, 52, 67, 51, 30, 6, 0, 42, 11, 5, 5),
        "left_knee": (10, 16, 14, 26, 4, 90, 70, 59, 35, 4, 4, 75, 16, 10, 10),
        "left_ankle": (5, 8, 11, 22, -10, 36, 15, 22, 17, 10, -15, 36, 8, 5, 5),
        "left_shoulder": (0, 6, 20, 24, 8, -10, -14, 4, 18, 20, 6, -8, -4, 0, 0),
        "right_shoulder": (0, -4, -14, -16, 0, 16, 20, 6, -8, -12, 2, 10, 4, 0, 0),
        "abduct_shoulder": (6, 8, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 8, 6, 6),
        "elbow": (6, 10, 16, 16, 14, 14, 14, 14, 14, 14, 14, 14, 10, 6, 6),
    },
    contacts={
        "right_heel": ((0.0, 0.42), (1.02, 1.90, 0), (2.52, 9.0, 2)),
        "right_toe": ((0.0, 0.48), (1.00, 2.08, 0), (2.50, 9.0, 2)),
        "left_heel": ((0.0, 1.12), (1.77, 2.66, 1), (3.32, 9.0, 2)),
        "left_toe": ((0.0, 1.33), (1.75, 2.83, 1), (3.30, 9.0, 2)),
    },
    things=(
        SceneObject("box", x=1.15, y=0.0, height=0.17, length=1.7, width=1.0),
        SceneObject("box", x=1.31, y=0.0, height=0.34, length=1.38, width=1.0),
        SceneObject("box", x=1.47, y=0.0, height=0.51, length=1.06, width=1.0),
    ),
    azimuth=104.0,
)
"""Three stairs up, a foot on each."""

STAIRS_DOWN = Plan(
    #      stand shift swing lower 1st   off   swing lower 2nd   off   swing lower ground off  swing close stand stand
    times=(0.0, 0.35, 0.7, 1.05, 1.3, 1.5, 1.75, 2.0, 2.2, 2.4, 2.65, 2.9, 3.1, 3.3, 3.55, 3.8, 4.2, 4.7),
    channels={
        "height": (
            1.405,
            1.40,
            1.385,
            1.29,
            1.235,
            1.235,
            1.21,
            1.12,
            1.065,
            1.065,
            1.04,
            0.95,
            0.895,
            0.89,
            0.89,
            0.893,
            0.895,
            0.895,
        ),
        "forward": (
            0,
            0.015,
            0.07,
            0.19,
            0.27,
            0.37,
            0.47,
            0.56,
            0.62,
            0.70,
            0.81,
            0.91,
            0.98,
            1.03,
            1.06,
            1.07,
            1.07,
            1.07,
        ),
        "left": (0, 0.05, 0.07, 0.05, 0.01, -0.04, -0.06, -0.04, 0, 0.04, 0.06, 0.04, 0, -0.04, -0.05, -0.02, 0, 0),
        "pitch": (0, 2, 4, 5, 6, 6, 5, 5, 6, 6, 5, 5, 6, 5, 3, 0, 0, 0),
        "right_hip": (5, 9, 38, 22, 17, 13, 15, 22, 25, 28, 50, 29, 14, 15, 11, 6, 4, 4),
        "right_knee": (10, 16, 34, 4, 4, 9, 28, 57, 72, 86, 73, 26, 4, 16, 16, 13, 10, 10),
        "right_ankle": (5, 9, 0, -28, -7, 2, 19, 36, 36, 36, 23, -13, -4, 5, 8, 7, 5, 5),
        "left_hip": (5, 9, 12, 19, 21, 24, 50, 29, 15, 12, 13, 19, 20, 26, 31, 6, 4, 4),
        "left_knee": (10, 16, 25, 55, 71, 83, 73, 25, 4, 9, 27, 55, 68, 85, 63, 13, 10, 10),
        "left_ankle": (5, 9, 17, 36, 36, 36, 22, -14, -5, 3, 20, 36, 36, 36, 30, 7, 5, 5),
        "left_shoulder": (0, 6, 16, 18, 10, 0, -8, -10, -4, 4, 12, 14, 8, 0, -4, 0, 0, 0),
        "right_shoulder": (0, -4, -10, -10, -4, 4, 12, 14, 8, 0, -8, -10, -4, 2, 6, 2, 0, 0),
        "abduct_shoulder": (6, 8, 12, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 12, 10, 8, 6, 6),
        "elbow": (6, 10, 16, 18, 16, 16, 16, 18, 16, 16, 16, 18, 16, 14, 12, 8, 6, 6),
    },
    contacts={
        "right_heel": ((0.0, 0.40, 0), (1.34, 2.10, 1), (3.14, 9.0)),
        "right_toe": ((0.0, 0.46, 0), (1.30, 2.36, 1), (3.10, 9.0)),
        "left_heel": ((0.0, 1.10, 0), (2.24, 2.96, 2), (3.82, 9.0)),
        "left_toe": ((0.0, 1.46, 0), (2.20, 3.26, 2), (3.80, 9.0)),
    },
    things=(
        SceneObject("box", x=-0.20, y=0.0, height=0.51, length=1.0, width=1.0),
        SceneObject("box", x=-0.04, y=0.0, height=0.34, length=1.32, width=1.0),
        SceneObject("box", x=0.12, y=0.0, height=0.17, length=1.64, width=1.0),
    ),
    azimuth=104.0,
)
"""Three stairs down, a foot on each."""

LIE_DOWN = Plan(
    #      stand ready down  touch upright back  lower low   lies  lies
    times=(0.00, 0.35, 0.95, 1.45, 1.95, 2.35, 2.75, 3.15, 3.60, 4.30),
    channels={
        "height": (0.895, 0.89, 0.73, 0.555, 0.55, 0.55, 0.55, 0.55, 0.545, 0.545),
        "forward": (0, -0.02, -0.20, -0.36, -0.37, -0.37, -0.38, -0.38, -0.38, -0.38),
        "pitch": (0, 4, 36, 28, -2, -18, -44, -72, -88, -88),
        "chest": (0, 2, 12, 10, 4, 14, 20, 12, 0, 0),
        "neck": (0, 0, -14, -10, 0, 10, 16, 14, 0, 0),
        "hip": (0, 6, 90, 112, 82, 70, 46, 18, 2, 2),
        "knee": (0, 6, 68, 86, 88, 88, 88, 88, 88, 88),
        "ankle": (0, 2, 14, 3, 4, 4, 4, 4, 4, 4),
        "shoulder": (0, 4, 40, 36, 30, 44, 50, 36, 20, 20),
        "abduct_shoulder": (5, 6, 8, 8, 8, 10, 10, 12, 14, 14),
        "elbow": (6, 8, 20, 26, 40, 50, 50, 40, 30, 30),
    },
    contacts={
        "heels": ((0.0, 9.0),),
        "toes": ((0.0, 9.0),),
        "seat": ((1.45, 9.0, 0),),
        "back": ((3.40, 9.0, 0),),
    },
    things=(SceneObject("box", x=-1.20, y=0.0, height=0.44, length=2.04, width=1.5),),
    azimuth=108.0,
)
"""Sitting down on a bed and lying back on it."""

WALL_PUSH = Plan(
    #      stand reach lean  touch bend  low   push  off   back  stand stand
    times=(0.00, 0.50, 0.90, 1.10, 1.55, 1.95, 2.35, 2.62, 3.05, 3.50, 3.80),
    channels={
        "height": (0.895, 0.894, 0.885, 0.867, 0.832, 0.825, 0.852, 0.872, 0.89, 0.895, 0.895),
        "forward": (0, 0.02, 0.12, 0.21, 0.31, 0.33, 0.26, 0.19, 0.07, 0.01, 0),
        "pitch": (0, 2, 9, 15, 22.5, 24, 18.5, 13.5, 5, 0, 0),
        "ankle": (0, 2, 9, 15, 22.5, 24, 18.5, 13.5, 5, 0, 0),
        "neck": (0, 0, -6, -10, -14, -14, -12, -10, -4, 0, 0),
        "shoulder": (0, 60, 68, 65, 45, 40, 56, 66, 50, 10, 0),
        "abduct_shoulder": (5, 8, 8, 8, 12, 12, 10, 8, 8, 6, 5),
        "elbow": (6, 40, 44, 45, 98, 107, 66, 34, 30, 10, 6),
    },
    contacts={"heels": ((0.0, 9.0),), "toes": ((0.0, 9.0),), "hands": ((1.10, 2.62, 0),)},
    things=(SceneObject("box", x=1.02, y=0.0, height=2.4, length=0.14, width=2.4),),
    azimuth=100.0,
)
"""Leaning on a wall with both hands, and pushing off."""

VAULT = Plan(
    #      stand bend  hands push  spread over past  reach land  absorb rise stand
    times=(0.00, 0.34, 0.76, 0.96, 1.05, 1.15, 1.26, 1.35, 1.44, 1.70, 2.25, 2.80),
    channels={
        "height": (0.895, 0.86, 0.76, 0.91, 0.96, 0.98, 0.97, 0.94, 0.88, 0.66, 0.87, 0.895),
        "forward": (0, -0.04, -0.06, 0.11, 0.24, 0.39, 0.55, 0.68, 0.80, 0.95, 1.02, 1.02),
        "pitch": (0, 14, 44, 52, 54, 52, 44, 34, 24, 32, 4, 0),
        "chest": (0, 6, 10, 8, 10, 12, 10, 8, 8, 14, 2, 0),
        "neck": (0, -8, -24, -26, -28, -28, -24, -18, -12, -20, -2, 0),
        "hip": (0, 30, 84, 38, 62, 98, 94, 72, 46, 100, 8, 0),
        "knee": (0, 24, 60, 12, 34, 44, 36, 28, 26, 96, 10, 0),
        "ankle": (0, 10, 18, -28, -16, 0, 4, 4, 4, 28, 3, 0),
        "abduct_hip": (0, 0, 2, 4, 24, 46, 46, 30, 14, 8, 3, 0),
        "shoulder": (0, 40, 66, 76, 66, 46, 24, 20, 36, 40, 8, 0),
        "abduct_shoulder": (5, 6, 4, 4, 4, 6, 10, 22, 20, 12, 6, 5),
        "elbow": (6, 30, 46, 18, 12, 8, 8, 20, 24, 24, 10, 6),
    },
    contacts={
        "heels": ((0.0, 0.84), (1.48, 9.0)),
        "toes": ((0.0, 0.96), (1.44, 9.0)),
        "hands": ((0.66, 1.26, 0),),
    },
    things=(SceneObject("box", x=0.68, y=0.0, height=0.74, length=0.30, width=0.50),),
    azimuth=104.0,
)
"""A vault astride: both hands on a box, the legs pass it on both sides, landing behind it."""

WALL_KICK = Plan(
    #      stand ready crouch push  off   wall  deep  push  back  land  absorb rise stand
    times=(0.00, 0.30, 0.68, 0.84, 0.92, 1.08, 1.20, 1.27, 1.45, 1.67, 1.90, 2.30, 2.65),
    channels={
        "height": (0.895, 0.895, 0.64, 0.78, 0.93, 1.08, 1.14, 1.18, 1.14, 0.92, 0.68, 0.87, 0.895),
        "forward": (0, 0, -0.04, 0.08, 0.18, 0.36, 0.42, 0.32, 0.14, -0.08, -0.16, -0.14, -0.14),
        "pitch": (0, 0, 36, 20, 8, -6, -12, -14, -6, 6, 26, 4, 0),
        "chest": (0, 0, 14, 6, 0, 4, 8, 6, 6, 8, 14, 2, 0),
        "neck": (0, 0, -18, -10, -6, -6, -6, -4, -4, -6, -12, 0, 0),
        "right_hip": (0, 2, 92, 50, 20, 92, 88, 62, 36, 40, 92, 10, 0),
        "right_knee": (0, 4, 94, 64, 20, 74, 92, 42, 40, 28, 98, 12, 0),
        "right_ankle": (0, 2, 28, 6, -20, 28, 30, 10, -8, 0, 30, 4, 0),
        "left_hip": (0, 2, 92, 50, 8, 18, 24, 20, 22, 38, 92, 10, 0),
        "left_knee": (0, 4, 94, 64, 10, 36, 50, 46, 40, 28, 98, 12, 0),
        "left_ankle": (0, 2, 28, 6, -34, -20, -16, -16, -12, 0, 30, 4, 0),
        "shoulder": (0, 40, -40, 30, 80, 90, 80, 66, 50, 44, 40, 8, 0),
        "abduct_shoulder": (5, 6, 8, 10, 14, 20, 24, 26, 26, 22, 12, 6, 5),
        "elbow": (6, 10, 10, 16, 30, 40, 44, 40, 34, 30, 26, 10, 6),
    },
    contacts={
        "heels": ((0.0, 0.83), (1.71, 9.0)),
        "toes": ((0.0, 0.92), (1.67, 9.0)),
        "right_toe": ((1.08, 1.26, 0),),
    },
    things=(SceneObject("box", x=1.12, y=0.0, height=2.4, length=0.14, width=2.4),),
    azimuth=100.0,
)
"""A jump at a wall, pushed off by one foot, back to where it began."""

LEAN = 34.0
"""Lean of the trunk of someone who pushes a heavy box [deg]."""
PUSH_BEHIND = 18.0
"""How far the legs lean as well, so that the feet are behind the hips [deg]."""


def follow_lean(hip: Channel) -> Channel:
    """Shortens a walk's steps, behind a trunk that leans forward: flexion of a hip [deg] -> [deg]."""
    return tuple(0.75 * angle + LEAN - PUSH_BEHIND for angle in hip)


PUSH_BOX = replace(
    PUSH,
    channels=PUSH.channels
    | {
        "right_hip": follow_lean(WALK.channels["right_hip"]),
        "left_hip": follow_lean(WALK.channels["left_hip"]),
        "right_ankle": tuple(angle + PUSH_BEHIND for angle in WALK.channels["right_ankle"]),
        "left_ankle": tuple(angle + PUSH_BEHIND for angle in WALK.channels["left_ankle"]),
        "height": tuple(height - 0.01 for height in WALK.channels["height"]),
        "pitch": (LEAN,) * 13,
        "chest": (6.0,) * 13,
        "neck": (-26.0,) * 13,
        "shoulder": (92.0,) * 13,
    },
    contacts=WALK.contacts | {"hands": ((0.0, 9.0, 0),)},
    azimuth=104.0,
    things=(SceneObject("box", x=1.70, y=0.0, height=1.16, length=1.6, width=0.8, thickness=1.16, mass=25.0),),
)
"""Pushing a box: both hands on it, the body leans on them."""


SHORT_STEP = 0.75
"""Length of a step on a slope, as a share of that on level ground: a leg that is left behind would not reach."""

LEGS_LEAN = 22.0
"""By how much more than the trunk legs lean on a slope, over its sine [deg]: the centre of mass is above the feet on
average then, as on level ground."""


def walk_on_slope(rise: float) -> Plan:
    """A walk of somebody who stands plumb on ground that rises by so much over 4 m [m]; its world's z is the normal."""
    slope = SceneObject("slope", x=0.0, y=0.0, height=rise, length=4.0, width=2.0)
    angle, lean, walk = float(np.degrees(slope.incline)), np.sin(slope.incline), dict(WALK.channels)
    legs = LEGS_LEAN * lean
    walk |= {name: tuple(SHORT_STEP * flexion - legs for flexion in walk[name]) for name in ("right_hip", "left_hip")}
    walk |= {name: tuple(angle + legs + lift for lift in walk[name]) for name in ("right_ankle", "left_ankle")}
    walk["pitch"] = tuple(angle + pitch for pitch in walk["pitch"])
    walk["height"] = tuple(np.cos(slope.incline) * height - 0.1 * abs(lean) for height in walk["height"])
    return replace(WALK, channels=walk, stride=SHORT_STEP * WALK.stride, things=(slope,))


WALK_UP, WALK_DOWN = walk_on_slope(0.70), walk_on_slope(-0.56)
"""Walking up a slope of 10 degrees, and down one of 8."""

SCENE_PLANS: dict[str, Plan] = {
    "step_up": STEP_UP,
    "sit": SIT,
    "pull_up": PULL_UP,
    "squat_on": SQUAT_ON,
    "stairs_up": STAIRS_UP,
    "stairs_down": STAIRS_DOWN,
    "lie_down": LIE_DOWN,
    "wall_push": WALL_PUSH,
    "vault": VAULT,
    "wall_kick": WALL_KICK,
    "push_box": PUSH_BOX,
    "walk_up": WALK_UP,
    "walk_down": WALK_DOWN,
}
"""Motions that something other than level ground carries."""
