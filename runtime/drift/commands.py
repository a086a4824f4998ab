"""``ctwin drift``: how good drift detectors are, on a recorded series or on a drift that is described."""

from __future__ import annotations

from pathlib import Path

import click

from twin.commands.options import PATH, Rate


@click.command("drift")
@click.argument("source")
@click.option("--detector", "detectors", multiple=True, metavar="NAME", help="Give it several times; absent: all.")
@click.option("--metric", help="Metric (measurement) of the series.")
@click.option("--field", help="Field of the metric; a column of a table.")
@click.option("--time", "time_column", help="Column of the times in a table.")
@click.option("--config", type=PATH, help="Settings: a drift_detector_config.yaml of AI-SPRINT, or one with our keys.")
@click.option(
    "--false-alarms-per-day",
    type=Rate(),
    help="Largest expected rate of false alarms.  [default: 0.1, once in 10 days]",
)
@click.option("--uncorrected", is_flag=True, help="Use the threshold at every look as it is, like AI-SPRINT.")
@click.option("--threshold", type=Rate(), help="Largest p-value that says drift.")
@click.option("--detection-interval", type=Rate(), metavar="HOURS", help="From one look to the next.  [default: 1]")
@click.option("--monitoring-period", type=Rate(), metavar="HOURS", help="Length of the window.  [default: 24]")
@click.option("--reference-period", type=Rate(), metavar="HOURS", help="What stands for no drift.")
@click.option("--data-collection-period", type=Rate(), metavar="HOURS", help="After an alarm.  [default: 48]")
@click.option("--confirm", metavar="K/M", help="A test must say drift at K of the last M looks.")
@click.option("--drift-at", type=float, metavar="SECONDS", help="When the drift of a recorded series really began.")
@click.option(
    "--inject",
    metavar="KIND:SIZE[:HOURS]",
    help="Draw new days from a recorded series and let them drift: step:1, ramp:2:24 or variance:1.5.",
)
@click.option("--replications", type=click.IntRange(1, 10_000), help="Independent series.  [default: 20]")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Equal seeds, equal series.")
@click.option("--database", help="Database of an InfluxDB 1.")
@click.option("--bucket", help="Bucket of an InfluxDB 2; its token stands in DRIFT_DETECTOR_INFLUXDB_TOKEN.")
@click.option("--org", default="ai-sprint", show_default=True, help="Organisation of an InfluxDB 2.")
@click.option("--hours", type=Rate(), default=720.0, show_default=True, help="How far back to ask an InfluxDB.")
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as one JSON document.")
@click.option("--plot", type=PATH, metavar="FILE.svg", help="Draw the (first) series with all alarms.")
@click.option("--state", type=PATH, metavar="FILE", help="Write drift_state.yaml as it is at the end of the series.")
def drift_command(source: str, as_json: bool, plot: Path | None, state: Path | None, **options: object) -> None:
    """Evaluate drift detectors on SOURCE: how often they are wrong, how long they take, what they miss.

    SOURCE is a recorded series (.csv or .parquet with a column of times, .lp with InfluxDB's line protocol, or the
    http address of an InfluxDB) or a description of a drift (.yaml: sampling_interval, mean, standard_deviation,
    correlation, missing, days_before, days_after, drift with kind, size, over; all of them have defaults).

    Each look tests the values of the monitoring period against the reference, the first hours of the series. The
    level of a look follows from the rate of false alarms that you state, so that many looks do not add up to many
    alarms. After an alarm data is collected, the model retrained, and a new reference taken.

    \b
    Tests of windows:   kolmogorov-smirnov cramer-von-mises fisher-exact-test chi-squared anderson-darling
                        epps-singleton
    At every value:     cusum page-hinkley adwin kswin     (the last two need the extra 'drift')

    Without --drift-at a recorded series says how often alarms come, not whether they are right.

    Exit status: 0 done, 2 bad input.

    \b
    Examples:
      ctwin drift scenarios/drift/camera-at-dusk.yaml --plot drift.svg
      ctwin drift accuracy.csv --field score --detector cusum --detector anderson-darling
      ctwin drift accuracy.csv --inject step:1 --replications 50
      ctwin drift http://localhost:8086 --database app --metric accuracy --field score
    """
    # Imported here, because the help of a command should not wait for scipy.
    from runtime.drift.asking import Asked
    from runtime.drift.running import run
    from runtime.drift.screen import show_evaluation

    done = run(Asked.from_options(source, options), show_progress=not as_json)
    if plot is not None:
        done.save_picture(plot)
    if state is not None:
        done.save_state(state)
    if as_json:
        click.echo(done.to_json())
        return
    from rich.console import Console

    show_evaluation(done.found, done.settings, title=done.title, notes=done.notes, console=Console())
