"""`localnpm completion`: the script that teaches a shell to complete commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  localnpm completion bash > ~/.local/share/bash-completion/completions/localnpm
    zsh:   localnpm completion zsh > "${fpath[1]}/_localnpm"
    fish:  localnpm completion fish > ~/.config/fish/completions/localnpm.fish
    """
    from localnpm.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "localnpm", "_LOCALNPM_COMPLETE").source())
