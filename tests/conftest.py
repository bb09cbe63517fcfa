"""The tests run as the command line does: one BLAS thread a process, and a GL backend that needs no screen."""

from sfv.backend import prepare_process

prepare_process()  # before any test module imports mujoco
