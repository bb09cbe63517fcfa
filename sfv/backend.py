"""Settings of the process that must be in force before numerical libraries are imported."""

import ctypes.util
import os
import sys
from contextlib import suppress

GL_BACKENDS = ("egl", "osmesa", "glfw", "glx", "enable", "enabled", "on", "true", "1", "")
NO_GL = ("disable", "disabled", "off", "false", "0")
"""Values of MUJOCO_GL that MuJoCo knows on Linux."""
GL_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}
"""Ways to draw without a screen, the better one first, and the library of each."""
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
    return next((name for name, library in GL_LIBRARIES.items() if has_library(library)), "glfw")


def has_library(name: str) -> bool:
    """Whether this machine has a shared library."""
    if ctypes.util.find_library(name):
        return True
    for file in (f"lib{name}.so.1", f"lib{name}.so"):  # slim systems lack the programs by which the name is looked up
        with suppress(OSError):
            ctypes.CDLL(file)
            return True
    return False


def check_gl() -> str:
    """Why MuJoCo could not even be imported with the GL backend that the user has chosen, in a line; '' if it can."""
    chosen = os.environ.get("MUJOCO_GL", "").lower().strip()
    if not sys.platform.startswith("linux") or chosen in NO_GL:
        return ""
    if chosen not in GL_BACKENDS:
        return f"MUJOCO_GL={chosen}: no such way to draw; choose egl, osmesa or glfw, or unset it"
    if chosen in GL_LIBRARIES and not has_library(GL_LIBRARIES[chosen]):
        return f"MUJOCO_GL={chosen}: this machine has no {GL_LIBRARIES[chosen]} library; install it, or unset MUJOCO_GL"
    return ""


def remedy_of_gl() -> str:
    """What makes a machine draw that does not."""
    if sys.platform.startswith("linux"):
        return "sudo apt install libegl1 libgl1-mesa-dri    (Debian, Ubuntu; or set MUJOCO_GL=osmesa)"
    return "install the graphics driver, or log in on the screen: OpenGL needs a desktop session here"
