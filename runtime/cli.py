"""``ctwin``: one program that gathers the commands of all packages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from twin.errors import TwinError

COMMANDS = {
    "run": ("twin.commands.run:run_command", "Simulate a scenario and judge its plan."),
    "policies": ("runtime.comparison.command:policies_command", "Compare policies that reconfigure, on the same days."),
    "sweep": ("twin.commands.sweep:sweep_command", "Run a scenario at every point of a grid."),
    "check": ("twin.commands.check:check_command", "Run scenarios against what they expect, for CI."),
    "convert": ("twin.formats.commands:convert_command", "Turn one file format into another."),
    "schema": ("twin.formats.commands:schema_command", "Print the JSON Schema of scenario files."),
    "evaluate": ("design.commands_optimise:evaluate_command", "Say what a plan costs and whether it holds."),
    "optimise": ("design.commands_optimise:optimise_command", "Find the best plan that holds, with a proof."),
    "pareto": ("design.commands_pareto:pareto_command", "Find plans of which none is better in everything."),
    "new": ("design.commands_designs:new_command", "Start an application folder of annotated components."),
    "designs": ("design.commands_designs:designs_command", "Write designs and deployments of annotated components."),
    "drift": ("runtime.drift.commands:drift_command", "Say how good drift detectors are on your metrics."),
    "calibrate": ("design.commands:calibrate_command", "Time ONNX models with onnxruntime."),
}
"""Command → where it lives, and its line in the help; a module is imported only when its command is called."""

BAD_INPUT = 2
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed, so that ``ctwin --help`` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (as click calls it)
        """Return the names in the order of a first walk through the program."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command called *cmd_name*."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="continuum-twin", prog_name="ctwin")
@click.pass_context
def program(context: click.Context) -> None:
    """Simulate an AI application on the computing continuum before it is deployed.

    \b
    First steps:
      ctwin run scenarios/mask-detection        run a scenario and judge its plan
      ctwin check scenarios/                    run all scenarios against their expectations
      ctwin COMMAND --help                      what a command does, with examples

    Exit status: 0 done, 1 an expectation does not hold, 2 bad input.
    """
    context.obj = open_containers


def open_containers() -> Any:
    """Return the Docker engine; imported here, because only ``calibrate --emulate`` needs it."""
    from runtime.containers import open_docker

    return open_docker()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; what a user can cause ends in one message and status 2."""
    try:
        status = program.main(args=arguments, standalone_mode=False)  # what a command raised as Exit is returned
        if status:
            sys.exit(status)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except TwinError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
