"""The tests run as the command line does: one BLAS thread a process, and a GL backend that needs no screen."""

import signal

from sfv.backend import prepare_process

prepare_process()  # before any test module imports mujoco

# What a shell starts in its background ignores Ctrl-C, and under nohup hanging up; so would the processes tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
