"""Settings of the process that must be in force before numerical libraries are imported."""

import ctypes.util
import os
import sys

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare_process() -> None:
    """One BLAS thread a process and a GL backend for MuJoCo, unless the user chose otherwise.

    With two threads on two shared cores SciPy's solver and torch's small networks were measured 10 to 70 times slower
    than with one; parallelism here comes from processes. Child processes inherit the settings.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    if sys.platform.startswith("linux"):
        os.environ.setdefault("MUJOCO_GL", choose_gl())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "3")


def choose_gl() -> str:
    """`egl` renders without a screen and without a GPU; `osmesa` does so in software; `glfw` needs a screen."""
    if ctypes.util.find_library("EGL"):
        return "egl"
    if ctypes.util.find_library("OSMesa"):
        return "osmesa"
    return "glfw"
