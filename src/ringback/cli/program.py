"""The program ``ringback``: its commands by name, and how each of them may end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click

from ringback import __version__
from ringback.cli.terminal import visible

# The sentences are here so that --help need not load the commands, which takes much longer.
COMMANDS = {
    "dev": "Run the emulator: any token, loopback webhooks, no network.",
    "serve": "Run the server: made tokens, public https webhooks alone.",
    "worker": "Run a worker alone, beside servers on the same PostgreSQL.",
    "dispatch": "Run a dispatcher alone, beside servers on the same PostgreSQL.",
    "demo": "Watch one job, from its submission to its webhook.",
    "generate": "Submit a job, wait for it, show and save its result.",
    "jobs": "List, show, watch and cancel jobs.",
    "models": "List models; show what one takes; check your own.",
    "usage": "See what was spent, and what is left of the budgets.",
    "assets": "Upload files for jobs to use; list and delete them.",
    "styles": "Train styles from pictures; list, show and delete them.",
    "apps": "Push graphs of steps, look at them, and run them.",
    "open": "Open a job's result in the browser or viewer.",
    "trigger": "Post a signed event to a URL, without a job.",
    "verify": "Say what is wrong with a webhook's signature.",
    "keys": "Make, list and revoke tokens; show signing secrets; set budgets.",
    "lab": "Examine a receiver; move the emulator's clock.",
    "deliveries": "Look at webhooks; send them again, or stop them.",
    "ledger": "Prove that all that was accepted and owed is there.",
    "admin": "See what waits and who works; drain, requeue, tidy up.",
    "migrate": "Move a data directory into PostgreSQL and a bucket.",
    "listen": "Print events as they come, or forward webhooks to this machine.",
    "mcp": "Offer a server's verbs to a language model's host, over stdio.",
    "doctor": "Check this machine, and say what to do.",
    "completion": "Print what a shell needs to complete commands.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in reading order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ringback.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


VARIABLE = "_RINGBACK_COMPLETE"  # by which a shell asks for completions; click's own name for it


@click.command(cls=LazyGroup)
@click.version_option(__version__, message="ringback %(version)s")
def program() -> None:
    """Ringback: generation jobs that call you back.

    Submit a job, get its id at once, and have your webhook called when it is over.
    """


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status; errors become one sentence."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        status = program.main(
            list(arguments),
            prog_name="ringback",
            complete_var=VARIABLE,
            standalone_mode=False,
            color=color,
        )
    except click.UsageError as exc:
        exc.show()
        return exc.exit_code
    except click.ClickException as exc:
        return _fail(exc.format_message(), exc.exit_code)
    except click.Abort:
        return 130  # what a shell says of a program that SIGINT ended
    except Exception as exc:
        # Imported here because --help should not pay for it.
        from ringback.cli.endings import ending_of

        ending = ending_of(exc)
        if ending is None:
            raise
        return _fail(ending.sentence, ending.status)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int) -> int:
    click.echo(f"ringback: {_lines(sentence)}", err=True)
    return status


def _lines(sentence: str) -> str:
    # What a server says is in it; a list of wrong fields has a line each.
    return "\n".join(visible(line) for line in sentence.split("\n"))
