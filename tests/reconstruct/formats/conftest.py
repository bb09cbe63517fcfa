"""What several tests of formats share."""

import pytest

from pose.errors import InputError
from reconstruct.characters.character import Character, load_character


@pytest.fixture(scope="module")
def g1() -> Character:
    """Unitree's G1; skipped where its model is not on this machine."""
    try:
        return load_character("g1")
    except InputError as error:
        pytest.skip(str(error))
