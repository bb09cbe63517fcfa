"""Residuals of the body's motion, each with its Jacobian; those of things and surfaces lie in `scene`.

residuals       kinematics: image, smoothness, posture, contact with the ground
dynamics        gravity and spin in flight, support and moments on the ground
contact_wrench  forces and moments against what contacts anywhere can give
rolling         trunk, knees, elbows and head on the ground
slope           the angle of ground that rises or falls
"""
