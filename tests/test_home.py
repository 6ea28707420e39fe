"""Where home is: the flag, the variable, the checkout."""

from pathlib import Path

import pytest

import localnpm
from localnpm import home
from localnpm.errors import ConfigError


def test_the_flag_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCALNPM_HOME", str(tmp_path / "variable"))
    assert home.find_home(tmp_path / "flag").root == tmp_path / "flag"


def test_the_variable_wins_over_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCALNPM_HOME", str(tmp_path))
    assert home.find_home().memory == tmp_path / "memory.db"


def test_in_a_checkout_home_is_the_checkout_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.delenv("LOCALNPM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home.find_home().root == Path(localnpm.__file__).parents[1]


def test_the_bundled_model_and_embedder_are_there():
    assert home.bundled_model().is_file()
    assert (home.bundled_embedder() / "model.safetensors").is_file()


@pytest.mark.parametrize("place", ["file", "file/inside"])
def test_a_home_that_cannot_be_made_is_an_error_that_names_it(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"{place}: cannot be made.*--home"):
        home.Home(tmp_path / place).prepare()


def test_a_new_home_is_its_owners_alone(tmp_path):
    new = home.Home(tmp_path / "a" / "b")
    new.prepare()
    assert new.root.stat().st_mode & 0o777 == 0o700
