"""Settings of the process that must be in force before numerical libraries are imported."""

import ctypes.util
import os
import sys

GL_BACKENDS = ("egl", "osmesa", "glfw", "glx", "enable", "enabled", "on", "true", "1", "")
NO_GL = ("disable", "disabled", "off", "false", "0")
"""Values of MUJOCO_GL that MuJoCo knows on Linux."""
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


def check_gl() -> str:
    """Why MuJoCo could not even be imported with the GL backend that the user has chosen, in a line; '' if it can."""
    chosen = os.environ.get("MUJOCO_GL", "").lower().strip()
    if not sys.platform.startswith("linux") or chosen in NO_GL:
        return ""
    if chosen not in GL_BACKENDS:
        return f"MUJOCO_GL={chosen}: no such way to draw; choose egl, osmesa or glfw, or unset it"
    libraries = {"egl": "EGL", "osmesa": "OSMesa"}
    if chosen in libraries and not ctypes.util.find_library(libraries[chosen]):
        return f"MUJOCO_GL={chosen}: this machine has no {libraries[chosen]} library; install it, or unset MUJOCO_GL"
    return ""


def remedy_of_gl() -> str:
    """What makes a machine draw that does not."""
    if sys.platform.startswith("linux"):
        return "sudo apt install libegl1 libgl1-mesa-dri    (Debian, Ubuntu; or set MUJOCO_GL=osmesa)"
    return "install the graphics driver, or log in on the screen: OpenGL needs a desktop session here"
