"""``ringback completion`` prints the script by which a shell completes commands and options."""

from __future__ import annotations

import click

_HOW = {
    "bash": 'eval "$(ringback completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(ringback completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "ringback completion fish | source  # in ~/.config/fish/config.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_HOW)))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    eval "$(ringback completion bash)"       in ~/.bashrc
    eval "$(ringback completion zsh)"        in ~/.zshrc, after compinit
    ringback completion fish | source        in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from ringback.cli.program import VARIABLE, program

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    click.echo(kind(program, {}, "ringback", VARIABLE).source())
