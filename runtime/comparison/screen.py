"""How a person sees a comparison in a terminal: the answer first, then a line for each policy, then what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.controlled_figures import SWING_PERIODS
from twin.present import REAL, plus_minus

WITHIN = {True: ("within", "green"), False: ("beyond", "red"), None: ("cannot tell", "yellow")}

OFTEN = 1 / 3
"""Share of changes taken back from which on a policy is said to oscillate."""

_REASONS = 6


def show_comparison(found: Mapping[str, Any], console: Console) -> None:
    """Print the document of a comparison."""
    console.print(Text.assemble((_answer(found), "bold"), f"  {found['scenario']}"), soft_wrap=True)
    if found["question"]:
        console.print(found["question"], style="italic", highlight=False)
    console.print()
    console.print(_figures(found))
    console.print()
    console.print(_counts(found))
    if found["differences"]:
        console.print()
        console.print(_differences(found))
    limits = _limits(found["policies"])
    if limits:
        console.print()
        console.print(limits)
    console.print()
    for policy in found["policies"]:
        for line in _complaints(policy):
            console.print(Text(f"! {policy['policy']}: {line}", style="red"), soft_wrap=True)
    console.print(
        f"{found['replications']} replications, the same days for all; {found['confidence']:.0%} intervals; "
        f"engine {found['engine']}; seed {found['seed']}",
        highlight=False,
    )
    for note in found["notes"]:
        console.print(f"note: {note}", style="dim", highlight=False)


def _answer(found: Mapping[str, Any]) -> str:
    best, limit = found["best"], f"{100 * found['violations_limit']:.3g} %"
    if best["policy"] is None:
        return f"NONE breaks limits for at most {limit} of the requests; closest: {best['closest']}"
    if best["runner_up"] is None:
        return f"BEST {best['policy']}: alone in breaking limits for at most {limit} of the requests"
    sure = {True: "and that is real", False: "which may be chance", None: "more replications would tell how surely"}
    saving = plus_minus(best["saves"]["difference"], best["saves"]["ci"])
    return f"BEST {best['policy']}: {saving} euro cheaper than {best['runner_up']}, {sure[best['real']]}"


def _figures(found: Mapping[str, Any]) -> Table:
    table = _table("policy", "euro", "violations", "", "of windows")
    for each in found["policies"]:
        word, style = WITHIN[each["within_limit"]]
        table.add_row(
            each["policy"],
            _shown(each["cost"]),
            _share(each["violations"]),
            Text(word, style=style),
            _share(each["figures"]["violation_windows"]),
        )
    return table


def _counts(found: Mapping[str, Any]) -> Table:
    """Return means of what was counted in a replication, and the accuracy."""
    names = ("accuracy", "reconfigurations", "reversals", "refused", "lost", "unfinished")
    table = _table("policy", "accuracy", "changes", "taken back", "refused", "lost", "unfinished")
    for each in found["policies"]:
        table.add_row(each["policy"], *(plus_minus(each[name], None) for name in names))
    return table


def _differences(found: Mapping[str, Any]) -> Table:
    first = found["differences"][0]["against"]
    table = _table(f"against {first}", "euro", "real", "violations", "real")
    for each in found["differences"]:
        cells: list[str | Text] = []
        for name, shown in (("cost", _shown), ("violations", _share)):
            pair = each["figures"].get(name)
            word, style = REAL[pair["real"]] if pair else ("–", "dim")
            cells += [shown({"mean": pair["difference"], "ci": pair["ci"]}) if pair else "–", Text(word, style=style)]
        table.add_row(each["policy"], *cells)
    return table


def _limits(policies: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the share of requests beyond each limit, or of windows where no time is limited."""
    names = list(dict.fromkeys(name for each in policies for name in each["constraints"]))
    if len(names) < 2:
        return None
    table = _table("beyond limit", *(each["policy"] for each in policies))
    for name in names:
        shares = [each["constraints"].get(name, {}) for each in policies]
        table.add_row(name, *(_share(_requests_or_windows(each)) for each in shares))
    return table


def _requests_or_windows(shares: Mapping[str, Any]) -> Mapping[str, Any]:
    nothing = {"mean": None, "ci": None}
    requests = shares.get("requests", nothing)
    return requests if requests["mean"] is not None else shares.get("windows", nothing)


def _complaints(policy: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the user should know of a policy before trusting its figures."""
    words = {"refused": "answer refused", "failed": "failed to decide"}
    for each in policy["reasons"][:_REASONS]:
        times = "once" if each["count"] == 1 else f"{each['count']} times, first"
        place = f"at {each['time']:g} s of replication {each['replication']}"
        yield f"{words[each['kind']]} {times} {place}: {each['reason']}"
    for name, what in (("refused", "answers refused"), ("policy_errors", "failed decisions")):
        if policy[name]:
            yield f"{policy[name]:g} {what} in a replication on average; the plan stayed as it was"
    if policy["failed_actuations"]:
        yield f"{policy['failed_actuations']:g} changes failed in a replication on average"
    if policy["reversals"] >= 1 and policy["reversals"] > OFTEN * policy["reconfigurations"]:
        yield (
            f"oscillates: takes back {policy['reversals']:g} of {policy['reconfigurations']:g} changes within "
            f"{SWING_PERIODS} decisions"
        )


def _shown(figure: Mapping[str, Any]) -> str:
    return plus_minus(figure["mean"], figure["ci"])


def _share(figure: Mapping[str, Any]) -> str:
    """Return a share, or a difference of shares, in per cent with its interval."""
    mean, ci = figure["mean"], figure["ci"]
    if mean is None:
        return "–"
    return f"{plus_minus(100 * mean, [100 * end for end in ci] if ci else None)} %"


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold", min_width=12)
    for column in columns:
        table.add_column(column, justify="left" if column in ("", "real") else "right", no_wrap=True)
    return table
