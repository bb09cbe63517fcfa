"""Where the program's files and the user's own characters lie, in a checkout and installed."""

import pytest

from reconstruct.characters import assets_folder
from reconstruct.characters.assets_folder import find_assets, find_own_characters
from reconstruct.characters.character import find_folders, load_character


def test_a_checkout_keeps_everything_in_assets(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "sfv").mkdir()
    assert find_assets(tmp_path) == tmp_path / "assets"
    assert find_own_characters(tmp_path) == tmp_path / "assets" / "characters"


def test_an_installed_program_keeps_the_users_characters_outside(tmp_path):
    (tmp_path / "sfv" / "assets").mkdir(parents=True)
    (tmp_path / "assets").mkdir()  # another package's
    assert find_assets(tmp_path) == tmp_path / "sfv" / "assets"
    own = find_own_characters(tmp_path)
    assert own.name == "characters" and not own.is_relative_to(tmp_path)


@pytest.fixture
def own_shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(assets_folder, "OWN_CHARACTERS", tmp_path)
    return tmp_path


def test_own_characters_are_found_beside_those_of_the_program(own_shelf):
    (own_shelf / "giant").mkdir()
    (own_shelf / "giant" / "character.toml").write_text('base = "humanoid"\nname = "giant"\nheight = 2.4\n')
    giant = load_character("giant")
    assert giant.height == 2.4 and giant.path == load_character("humanoid").path
    assert giant.scale == pytest.approx(2.4 / load_character("humanoid").height)
    assert "giant/character.toml" in giant.files


def test_the_programs_characters_cannot_be_replaced_by_accident(own_shelf):
    (own_shelf / "humanoid").mkdir()
    (own_shelf / "humanoid" / "character.toml").write_text('name = "humanoid"\n')
    assert find_folders()["humanoid"].parent == assets_folder.CHARACTERS
