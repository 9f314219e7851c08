"""The program ``ringback``: its commands by name, and the exit status of each ending."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click

from ringback import __version__
from ringback.cli.console.terminal import visible

# The sentences are here because importing the commands for --help would take much longer.
COMMANDS = {
    "dev": "Run the emulator: any token, webhooks into your own networks.",
    "serve": "Run the server: only issued tokens, only public https webhooks.",
    "worker": "Run a worker alone, beside servers on the same PostgreSQL.",
    "dispatch": "Run a dispatcher alone, beside servers on the same PostgreSQL.",
    "demo": "Watch one job, from its submission to its webhook.",
    "generate": "Submit a job, wait for it, show and save its result.",
    "jobs": "List, show, watch and cancel jobs.",
    "models": "List models, check your own, follow the public API's.",
    "usage": "Show the usage, and the rest of the budgets.",
    "assets": "Upload files for jobs to use; list and delete them.",
    "styles": "Train styles from pictures; list, show and delete them.",
    "apps": "Push, list and run node apps: graphs of steps.",
    "open": "Open a job's result in the browser or viewer.",
    "trigger": "Post a signed event to a URL, without a job.",
    "verify": "Explain why a webhook's signature is wrong.",
    "keys": "Make, list and revoke tokens; show signing secrets; set budgets.",
    "lab": "Examine a receiver; advance the clock; reset a workspace.",
    "deliveries": "List webhook deliveries; redeliver or cancel them.",
    "ledger": "Prove that no accepted job and no owed delivery is missing.",
    "admin": "Show queues and workers; drain, requeue, prune.",
    "backup": "Copy the data directory: database, artifacts, master key.",
    "migrate": "Move a data directory into PostgreSQL and a bucket.",
    "listen": "Print events as they come, or forward webhooks to this machine.",
    "mcp": "Offer a server's tools to a language model's host, over stdio.",
    "doctor": "Check this machine, and suggest a remedy for each problem.",
    "completion": "Print the completion script for a shell.",
}


class _ReaderGone(Exception):
    """The program that read the output has ended."""


@contextmanager
def _watching_the_reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as exc:
        raise _ReaderGone from exc  # click would end with 1, like a command that failed


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in reading order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"ringback.cli.commands.{cmd_name}").command
        return command

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the command line; the help of the program is written meanwhile."""
        with _watching_the_reader():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of the command line."""
        with _watching_the_reader():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


VARIABLE = "_RINGBACK_COMPLETE"  # click's name of the variable by which shells ask for completions


@click.command(cls=LazyGroup)
@click.version_option(__version__, message="ringback %(version)s")
def program() -> None:
    """Ringback: generation jobs that call you back.

    Submit a job, get its id at once, and have your webhook called when it has ended.
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
        with suppress(OSError):  # nobody can read it: the status tells
            exc.show()
        return exc.exit_code
    except click.ClickException as exc:
        return _fail(exc.format_message(), exc.exit_code)
    except click.Abort:
        return 130  # the shell's status of a program that SIGINT ended
    except _ReaderGone:
        from ringback.cli.console.exit_status import Status

        return Status.READER_GONE
    except Exception as exc:
        # Imported here to keep --help fast.
        from ringback.cli.console.exit_status import TRACE, ending_of

        if os.environ.get(TRACE):
            raise
        ending = ending_of(exc)
        return _fail(ending.sentence, ending.status)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int) -> int:
    with suppress(OSError):  # nobody can read it: the status tells
        click.echo(f"ringback: {_lines(sentence)}", err=True)
    return status


def _lines(sentence: str) -> str:
    # It may contain a server's text, in which a list of wrong fields has a line each.
    return "\n".join(visible(line) for line in sentence.split("\n"))
