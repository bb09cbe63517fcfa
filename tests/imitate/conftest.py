import pytest

from imitate.locomotion.robot import fetch_go1
from pose.errors import InputError


@pytest.fixture(scope="session")
def go1():
    """The Go1's model; skips where it is not in the cache and cannot be fetched."""
    try:
        return fetch_go1()
    except InputError as error:
        pytest.skip(str(error))
