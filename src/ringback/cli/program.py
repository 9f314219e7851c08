"""The program ``ringback``: its commands by name, and how each of them may end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click

from ringback import __version__

FAILED = 1
INTERRUPTED = 130  # what a shell says of a program that SIGINT ended

# The sentences are here so that --help need not load the commands, which takes much longer.
COMMANDS = {
    "dev": "Run the emulator: any token, loopback webhooks, no network.",
    "serve": "Run the server: made tokens, public https webhooks alone.",
    "worker": "Run a worker alone, beside servers on the same PostgreSQL.",
    "dispatch": "Run a dispatcher alone, beside servers on the same PostgreSQL.",
    "demo": "Watch one job, from its submission to its webhook.",
    "keys": "Make, list and revoke tokens; show signing secrets.",
    "lab": "Examine a receiver; move the emulator's clock.",
    "deliveries": "Look at webhooks; send them again, or stop them.",
    "ledger": "Prove that all that was accepted and owed is there.",
    "admin": "See what waits and who works; drain, requeue, tidy up.",
    "migrate": "Move a data directory into PostgreSQL and a bucket.",
    "listen": "Print events as they come, from where you left off.",
    "doctor": "Check this machine, and say what to do.",
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
            list(arguments), prog_name="ringback", standalone_mode=False, color=color
        )
    except click.UsageError as exc:
        exc.show()
        return exc.exit_code
    except click.ClickException as exc:
        return _fail(exc.format_message())
    except click.Abort:
        return INTERRUPTED
    except Exception as exc:
        # Imported here because --help should not pay for it.
        import apsw

        from ringback.errors import RingbackError

        if isinstance(exc, RingbackError):
            return _fail(str(exc))
        if isinstance(exc, apsw.CorruptError | apsw.NotADBError):
            return _fail(f"The database is damaged ({exc}); ringback doctor says what to do.")
        raise
    return status if isinstance(status, int) else 0


def _fail(sentence: str) -> int:
    click.echo(f"ringback: {sentence}", err=True)
    return FAILED
