"""JUnit's XML, the form in which CI services read results: a suite for each scenario, a case for each expectation."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

from twin.checking import ScenarioCheck
from twin.expectations import Answer

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def to_junit(checks: Iterable[ScenarioCheck]) -> str:
    """Return the results as a JUnit XML document."""
    root = ElementTree.Element("testsuites", name="ctwin check")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    seconds = 0.0
    for check in checks:
        suite = _suite(check)
        root.append(suite)
        seconds += check.seconds
        for key in totals:
            totals[key] += int(suite.get(key, "0"))
    for key, count in totals.items():
        root.set(key, str(count))
    root.set("time", f"{seconds:.3f}")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(check: ScenarioCheck) -> ElementTree.Element:
    name = check.scenario or check.file.as_posix()
    suite = ElementTree.Element("testsuite", name=_clean(name), file=_clean(check.file.as_posix()))
    if check.outcome == "skipped":
        ElementTree.SubElement(_case(suite, check, "expect"), "skipped", message="nothing expected")
    elif check.error:
        _complain(_case(suite, check, "run"), "error", check.error.splitlines()[0], check.error)
    for answer in check.answers:
        _add_answer(suite, check, answer)
    cases = suite.findall("testcase")
    for key, inner in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{inner}"))))
    suite.set("tests", str(len(cases)))
    suite.set("time", f"{check.seconds:.3f}")
    # The run belongs to all expectations alike.
    for case in cases:
        case.set("time", f"{check.seconds / len(cases):.3f}")
    return suite


def _case(suite: ElementTree.Element, check: ScenarioCheck, name: str, line: int | None = None) -> ElementTree.Element:
    case = ElementTree.SubElement(
        suite, "testcase", name=_clean(name), classname=suite.get("name", ""), file=_clean(check.file.as_posix())
    )
    if line is not None:
        case.set("line", str(line))
    return case


def _add_answer(suite: ElementTree.Element, check: ScenarioCheck, answer: Answer) -> None:
    case = _case(suite, check, f"{answer.figure} {answer.asked}", answer.line)
    if answer.status == "holds":
        return
    if answer.status == "error":
        _complain(case, "error", f"{answer.figure}: {answer.why}", f"asked: {answer.asked}\n{answer.why}")
        return
    lines = [
        f"figure: {answer.figure}",
        f"asked: {answer.asked}",
        f"found: {answer.shown}",
        *([f"interval: {answer.ci[0]:.6g} to {answer.ci[1]:.6g}"] if answer.ci else []),
        *([f"why: {answer.why}"] if answer.why else []),
        f"seed: {check.seed}",
        f"file: {check.file.as_posix()}" + (f", line {answer.line}" if answer.line else ""),
    ]
    _complain(case, "failure", f"{answer.figure}: asked {answer.asked}, found {answer.shown}", "\n".join(lines))


def _complain(case: ElementTree.Element, kind: str, message: str, text: str) -> None:
    element = ElementTree.SubElement(case, kind, message=_clean(message), type=kind)
    element.text = _clean(text)


def _clean(text: str) -> str:
    """Replace what XML cannot hold by its code."""
    return _FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
