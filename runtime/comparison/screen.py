"""How a person sees a comparison in a terminal: the answer first, then a line for each policy, then what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.controlled_figures import SWING_PERIODS
from twin.differences import SAME
from twin.present import REAL, plus_minus

WITHIN = {True: ("within", "green"), False: ("beyond", "red"), None: ("cannot tell", "yellow")}

OFTEN = 1 / 3
"""Share of changes taken back from which on a policy is said to oscillate."""

_REASONS = 6

_WITHOUT_FOLDERS = re.compile(r"^[^:,]*[/\\\\](?=[^/\\\\:]*:)")


def show_comparison(found: Mapping[str, Any], console: Console) -> None:
    """Print the document of a comparison."""
    found = _with_short_names(found)
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


def _with_short_names(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with policies of a user's own files called without their folders, where that is clear."""
    words = [each["policy"] for each in found["policies"]]
    short = {each: _WITHOUT_FOLDERS.sub("", each) for each in words}
    if len(set(short.values())) < len(words):
        return found
    best = {key: short.get(value, value) if isinstance(value, str) else value for key, value in found["best"].items()}
    return {
        **found,
        "policies": [{**each, "policy": short[each["policy"]]} for each in found["policies"]],
        "differences": [
            {**each, "policy": short[each["policy"]], "against": short[each["against"]]}
            for each in found["differences"]
        ],
        "best": best,
    }


def _answer(found: Mapping[str, Any]) -> str:
    """Return who is best, and what is not sure about it."""
    best, limit = found["best"], f"{100 * found['violations_limit']:.3g} %"
    if best["policy"] is None:
        return f"NONE breaks limits for at most {limit} of the requests; closest: {best['closest']}"
    within = next(each["within_limit"] for each in found["policies"] if each["policy"] == best["policy"])
    doubt = "" if within else f"; whether it keeps to {limit} violations is not sure"
    if best["runner_up"] is None:
        return f"BEST {best['policy']}: alone in breaking limits for at most {limit} of the requests{doubt}"
    sure = {True: "and that is real", False: "which may be chance", None: "more replications would tell how surely"}
    saving = _shown({"mean": best["saves"]["difference"], "ci": best["saves"]["ci"]})
    return f"BEST {best['policy']}: {saving} euro cheaper than {best['runner_up']}, {sure[best['real']]}{doubt}"


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
    table = _table("policy", "accuracy", "changes", "undone", "refused", "lost", "left")
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
            word, style = _real(pair)
            cells += [shown({"mean": pair["difference"], "ci": pair["ci"]}) if pair else "–", Text(word, style=style)]
        table.add_row(each["policy"], *cells)
    return table


def _real(pair: Mapping[str, Any] | None) -> tuple[str, str]:
    if pair is None:
        return "–", "dim"
    return REAL[pair["real"]] if pair["difference"] else ("the same", "dim")


def _limits(policies: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return how each limit that was ever broken fared under each policy; None where one limit says it all."""
    names = list(dict.fromkeys(name for each in policies for name in each["constraints"]))
    if len(names) < 2:
        return None
    nothing = {"mean": None, "ci": None}
    table = _table("limit", "", "requests", "windows")
    for name in names:
        for each in policies:
            shares = each["constraints"].get(name, {})
            requests, windows = shares.get("requests", nothing), shares.get("windows", nothing)
            if requests["mean"] or windows["mean"]:
                table.add_row(name, each["policy"], _share(requests), _share(windows))
    return table if table.row_count else None


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
    return plus_minus(figure["mean"], _wide(figure["ci"]))


def _wide(ci: Sequence[float] | None) -> Sequence[float] | None:
    """Return an interval, its ends the same where only rounding parts them."""
    if ci is None or ci[1] - ci[0] > SAME * max(map(abs, ci)):
        return ci
    return [ci[0], ci[0]]


def _share(figure: Mapping[str, Any]) -> str:
    """Return a share, or a difference of shares, in per cent with its interval."""
    mean, ci = figure["mean"], figure["ci"]
    if mean is None:
        return "–"
    return f"{_shown({'mean': 100 * mean, 'ci': ci and [100 * end for end in ci]})} %"


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold", min_width=12)
    for column in columns:
        table.add_column(column, justify="left" if column in ("", "real") else "right", no_wrap=True)
    return table
