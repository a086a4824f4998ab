"""Write the table of all cases: ``python -m twin.validation --out VALIDATION.md``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from twin.errors import TwinError
from twin.files import write_text
from twin.validation import CASES, ESTIMATES, Case, Row, validate
from twin.validation.headline import update_readme


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Markdown file to write.")
@click.option("--readme", type=click.Path(path_type=Path, exists=True), help="Also put the short table there.")
@click.option("--scale", type=click.FloatRange(min=0.001), default=1.0, show_default=True, help="Factor on requests.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all cases.")
def main(out: Path, readme: Path | None, scale: float, seed: int) -> None:
    """Simulate every case, write the table, and fail if the twin misses theory."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("simulating", total=len(CASES) + len(ESTIMATES))

        def simulated(cases: Iterable[Case]) -> list[Row]:
            rows = []
            for case in cases:
                progress.update(task, description=case.name)
                rows.append(validate(case, seed, scale))
                progress.advance(task)
            return rows

        exact, estimated = simulated(CASES), simulated(ESTIMATES)
    command = f"python -m twin.validation --out {out.name} --scale {scale:g} --seed {seed}"
    try:
        page = to_markdown(exact, estimated, command)
        write_text(out, page)
        if readme:
            update_readme(readme, page)
    except TwinError as error:
        raise click.ClickException(str(error)) from error
    missed = [row.name for row in exact if not row.passed]
    if missed:
        raise click.ClickException(f"{len(missed)} of {len(exact)} cases do not prove the twin: {'; '.join(missed)}")


def to_markdown(exact: list[Row], estimated: list[Row], command: str) -> str:
    """Return the page: what was run, the table of exact cases, the table of estimates."""
    passed = sum(row.passed for row in exact)
    return "\n".join(
        [
            "# Validation of the twin against theory",
            "",
            f"Made by `{command}` with continuum-twin {version('continuum-twin')}, SimPy {version('simpy')}, "
            f"NumPy {version('numpy')}.",
            "",
            f"{passed} of {len(exact)} cases pass. A case passes if the 99 % confidence interval of the simulated "
            "figure (Student's t over 20 replications) covers the theoretical value and is narrower than ±2 %. "
            f"{sum(row.covered for row in exact)} of {len(exact)} intervals cover; of correct ones, one in a hundred "
            "would miss.",
            "",
            *_table(exact, "Verdict", [_verdict(row) for row in exact]),
            "",
            "## Estimates",
            "",
            "These closed forms are approximations in the literature too. The last column is their error as the twin "
            "measures it: how far the estimate lies from the simulated figure.",
            "",
            *_table(
                estimated, "Error of the estimate", [f"{row.expected / row.simulated - 1:+.1%}" for row in estimated]
            ),
            "",
        ]
    )


def _table(rows: list[Row], last: str, verdicts: list[str]) -> list[str]:
    lines = [
        f"| Case | Theory | Simulated, 99 % | {last} | Formula and source | Requests | Seed |",
        "| --- | ---: | ---: | --- | --- | ---: | ---: |",
    ]
    for row, verdict in zip(rows, verdicts, strict=True):
        width = f"±{row.relative_half_width:.2%}"
        simulated = f"{row.simulated:.5g} {width}"
        # A bar would end the cell.
        name, theory = (text.replace("|", "\\|") for text in (row.name, row.theory))
        lines.append(
            f"| {name} | {row.expected:.5g} | {simulated} | {verdict} | {theory} | {row.requests:,} | {row.seed} |"
        )
    return lines


def _verdict(row: Row) -> str:
    if row.passed:
        return "covered"
    return "too wide" if row.covered else "missed"


if __name__ == "__main__":
    main()
