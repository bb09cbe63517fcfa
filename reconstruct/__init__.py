"""From keypoints to a smooth, physically sound reference motion on a character (SciPy, MuJoCo kinematics)."""
