"""What the package exports."""

import subprocess
import sys

import pytest

import imitate


def test_every_name_is_there_and_no_other():
    for name in imitate.__all__:
        assert getattr(imitate, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        imitate.nothing  # noqa: B018


def test_the_package_alone_loads_no_library():
    program = "import sys, imitate; print(sorted({'torch', 'mujoco', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
