"""A quadruped that sees: depth camera, scandots and a course (Agarwal et al. 2022)."""
