"""A quadruped that sees: depth camera, scandots, terrain course, teacher and student (Agarwal et al. 2022)."""
