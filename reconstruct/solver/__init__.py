"""Non-linear least squares over a whole trajectory.

tangent           poses as points of a manifold: steps, differences, their derivatives
blocks            residuals of one kind, with their Jacobian
normal_equations  J^T W J in blocks of a frame by those that follow
solve             Levenberg-Marquardt on the banded, bordered system
"""
