"""From 2D landmarks to depth.

lifter            a small temporal network: the depth of every bone, and its doubt
lifter_input      what it sees of a clip
lifted_landmarks  3D landmarks of a clip, in the lengths of the character's bones
depth_density     its answer: a density with two modes
open_limbs        limbs that may be in front or behind: what to ask a person
detector_habits   habits of the pose network's own 3D, and how they are taken out
person_ray        the line of sight that its 3D is relative to
"""
