"""`localnpm config`: see the settings and where each comes from, write the commented file, set one value."""

import click

from localnpm import config as settings_of
from localnpm import config_file
from localnpm.cli.context import Context


@click.group()
def config() -> None:
    """Show and change settings."""


@config.command()
@click.pass_obj
def init(context: Context) -> None:
    """Write HOME/config.toml with every setting as a comment."""
    click.echo(f"Wrote {config_file.write_default(context.home)}")


@config.command()
@click.pass_obj
def path(context: Context) -> None:
    """Print where the settings file is, or would be."""
    click.echo(str(context.home.config))


@config.command()
@click.pass_obj
def show(context: Context) -> None:
    """Print every setting, its value, and where the value comes from."""
    settings = context.settings
    in_file = config_file.keys_in_file(context.home)
    for key in settings_of.KEYS.values():
        value = settings_of.get(settings, key.name)
        source = "environment" if key.from_environment else "file" if key.name in in_file else "default"
        shown = "as the model recommends" if value is None else "" if value == "" else str(value)
        click.echo(f"{key.name:24} {shown:24} {source:12} {key.meaning}")
    for rule in settings.permissions.always:
        click.echo(f"{'permissions.always':24} {rule.allow:24} {'file':12} in {rule.workspace}")


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_obj
def set_(context: Context, key: str, value: str) -> None:
    """Set KEY to VALUE in HOME/config.toml; the rest of the file stays as it is."""
    config_file.set_value(context.home, key, settings_of.find_key(key, "config set").parse(value, "config set"))
    click.echo(f"{key} = {value}")
