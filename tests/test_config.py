"""Settings: precedence, errors that help, and a file that keeps what the user wrote."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm import config, config_file
from localnpm.config import KEYS, PermissionRule
from localnpm.errors import ConfigError
from localnpm.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_without_a_file_all_settings_have_their_defaults(home):
    assert config.load(home, {}) == config.Settings()


def test_the_environment_wins_over_the_file(home):
    home.config.write_text("[engine]\ncontext = 4096\nthreads = 3\n")
    settings = config.load(home, {"LOCALNPM_ENGINE_CONTEXT": "512"})
    assert (settings.engine.context, settings.engine.threads) == (512, 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[engine]\ncontxt = 1\n", ["engine.contxt", "engine.context"]),
        ("[engine]\ncontext = -5\n", ["engine.context", "-5", "0 to 1048576"]),
        ('[engine]\nkv_type = "q3"\n', ["engine.kv_type", "q3", "q8_0"]),
        ('[engine]\nmmap = "yes"\n', ["engine.mmap", "yes", "true or false"]),
        ("[nonsense]\nx = 1\n", ["nonsense"]),
        ("model = 3\n", ["model", "3", "text"]),
        ("engine = 3\n", ["engine"]),
        ("this is not toml", ["TOML"]),
        ('[[permissions.always]]\nworkspace = "/w"\nallow = "delete"\n', ["delete", "run:PATTERN"]),
        ('permissions.always = "write"\n', ["permissions.always"]),
    ],
)
def test_a_wrong_file_is_an_error_that_names_file_key_and_what_is_allowed(home, text, told):
    home.config.write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(home, {})
    assert all(word in str(error.value) for word in [str(home.config), *told])


def test_a_wrong_variable_is_named(home):
    with pytest.raises(ConfigError, match=r"LOCALNPM_AGENT_STEPS.*'many'.*a whole number from 1 to 1000"):
        config.load(home, {"LOCALNPM_AGENT_STEPS": "many"})


def test_a_file_that_is_not_text_is_an_error(home):
    home.config.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(home, {})


def test_the_default_file_is_valid_and_changes_nothing(home):
    config_file.write_default(home)
    assert config.load(home, {}) == config.Settings()


def test_every_default_in_the_commented_file_can_be_uncommented(home):
    lines = [
        line.removeprefix("# ") if " = " in line and "..." not in line and "always" not in line else line
        for line in config_file.default_file().split("# What needs no question")[0].splitlines()
    ]
    home.config.write_text("\n".join(lines))
    assert config.load(home, {}) == config.Settings()
    assert tomllib.loads(home.config.read_text())["engine"]["mmap"] is True


def test_the_default_file_does_not_replace_one_that_is_there(home):
    home.config.write_text("# mine\n")
    with pytest.raises(ConfigError, match="is there already"):
        config_file.write_default(home)
    assert home.config.read_text() == "# mine\n"


def test_setting_one_value_keeps_the_rest_of_the_file(home):
    home.config.write_text("# my words\n[engine]\nthreads = 2  # quiet\n")
    config_file.set_value(home, "model", "big")
    config_file.set_value(home, "engine.context", 4096)
    text = home.config.read_text()
    assert "# my words" in text and "threads = 2  # quiet" in text
    settings = config.load(home, {})
    assert (settings.model, settings.engine.context, settings.engine.threads) == ("big", 4096, 2)


def test_a_value_that_is_not_allowed_is_not_written(home):
    with pytest.raises(ConfigError):
        config_file.set_value(home, "engine.context", -1)
    assert not home.config.exists()


def test_a_rule_is_kept_once(home):
    rule = PermissionRule("/work", "run:pytest *")
    config_file.add_rule(home, rule)
    config_file.add_rule(home, rule)
    config_file.add_rule(home, PermissionRule("/work", "write"))
    assert config.load(home, {}).permissions.always == (rule, PermissionRule("/work", "write"))


@given(st.sampled_from(sorted(KEYS)), st.text(max_size=20))
def test_any_text_for_any_key_is_a_value_or_a_clear_error(name, text):
    key = KEYS[name]
    try:
        value = key.parse(text, "test")
    except ConfigError as error:
        assert name in str(error) and key.describe_allowed() in str(error)
    else:
        assert key.check(value, "test") == value
