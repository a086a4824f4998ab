"""YAML is read as plain values with lines, and everything else is refused in words."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import ScenarioError
from twin.formats.scenario.writing import to_yaml
from twin.formats.yaml_source import MAX_NODES, load_yaml, parse_yaml


def refusal(text: str) -> str:
    """Return the message with which *text* is refused."""
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("2e-2", 0.02),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("010", 10),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("~", None),
        ("", None),
        ("null", None),
        ("True", True),
        ("false", False),
        ("'1'", "1"),
        ('"no"', "no"),
        ('"\\u00e9\\/"', "é/"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """What surprises in YAML 1.1 is a string here, and numbers are numbers."""
    found = parse_yaml(f"key: {text}", "x").data["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", ".inf", "-.INF", "1e999", "9" * 5000])
def test_numbers_without_end_are_readable(text: str) -> None:
    """Validation refuses them with a line; reading must not stumble."""
    assert not math.isfinite(parse_yaml(f"key: {text}", "x").data["key"])


def test_keys_are_names_as_they_are_written() -> None:
    """A key that looks like a number or a truth value stays a name."""
    assert list(parse_yaml("010: 1\nno: 2\ntrue: 3\n1.50: 4\n~: 5\n'<<': 6", "x").data) == [
        "010",
        "no",
        "true",
        "1.50",
        "~",
        "<<",
    ]


def test_each_value_knows_its_line_and_column() -> None:
    """Keys lead to the key's place, positions to the item's, unknown ones to the nearest ancestor."""
    source = parse_yaml("a:\n  b: 1\n  c:\n  - x\n  - {d: 2, e: 3}\n", "x")
    places = {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "c", 1): (5, 5),
        ("a", "c", 1, "e"): (5, 12),
        ("a", "c", 7): (3, 3),
        ("a", "b", "deeper"): (2, 3),
        ("nowhere",): (1, 1),
    }
    assert {keys: (source.line(keys), source.column(keys)) for keys in places} == places


def test_aliases_and_merge_keys_are_filled_in() -> None:
    """Own keys win over merged ones, earlier mappings over later ones; lines are those of the origin."""
    source = parse_yaml("a: &a {k: 1, l: 2}\nb:\n  <<: [*a, {m: 3, k: 4}]\n  l: 5\nc: *a", "x")
    assert source.data == {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 5, "m": 3}, "c": {"k": 1, "l": 2}}
    assert source.line(("b", "k")) == 1
    assert source.line(("b", "l")) == 4
    assert source.line(("c",)) == 5


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["the file is empty"]),
        ("# only a comment\n", ["the file is empty"]),
        ("---\n...\n", ["the file is empty"]),
        ("- 1", ["line 1", "expected a mapping", "a list"]),
        ("5", ["expected a mapping", "got 5"]),
        ("a: 1\nb: 2\na: 3", ["line 3", "'a' appears twice", "line 1"]),
        ("a: {x: 1, y: 2,\n x: 3}", ["line 2", "'x' appears twice"]),
        ("a: 1\nb: !!python/object/apply:os.system ['ls']", ["line 2", "tags", "!!python/object/apply:os.system"]),
        ("a: !mine 1", ["line 1", "'!mine'"]),
        ("a: &x [*x]", ["'x' contains itself"]),
        ("a: &anchor 1\nb: *anchr", ["line 2", "unknown alias 'anchr'; did you mean 'anchor'?"]),
        ("a: {<<: 5}", ["'<<' merges mappings, got 5"]),
        ("a: {<<: [5]}", ["'<<' merges mappings, got 5"]),
        ("[a, b]: 1", ["a key must be a name, got a list"]),
        ("a:\n\tb: 1", ["line 2", "tab"]),
        ("a: @b", ["line 1", "'@'", "quotes"]),
        ("a: [1, 2", ["not YAML"]),
        ("a: b: c", ["line 1", "mapping values are not allowed"]),
        ("a: 1\n---\nb: 2", ["line 2", "one document"]),
        ("a: 1\nb: \x00", ["line 2", "U+0000"]),
        ("a: \x07", ["U+0007"]),
        ("a: \ud800", ["U+D800"]),
        ("a: " + "[" * 5000, ["nested more than 100 levels"]),
        ("a: " + "{b: " * 5000, ["nested more than 100 levels"]),
        ('a: "\\ud83d"', ["not YAML"]),
    ],
)
def test_what_is_no_plain_yaml_is_refused_in_words(text: str, parts: list[str]) -> None:
    """The message names line and fault, and is never a traceback."""
    message = refusal(text)
    assert [part for part in parts if part not in message] == []


def test_all_duplicates_and_tags_are_listed_at_once() -> None:
    """One reading shows every fault of content; a file full of them is cut short."""
    assert refusal("a: 1\na: !x 2\nb: {c: 1, c: 2}").count("  - line") == 3
    assert refusal("a: 1\n" * 5000).count("  - line") == 100


def test_alias_bombs_are_refused() -> None:
    """Ten levels of ten aliases each would unfold to ten thousand million values."""
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    assert "aliases unfold to more than" in refusal(bomb)


def test_more_values_than_any_scenario_has_are_refused() -> None:
    """Sixteen megabytes of short lines end at the limit, not in memory."""
    text = "a:\n" + "- 1\n" * 4_000_000
    assert f"more than {MAX_NODES} values" in refusal(text)


def test_a_large_value_is_no_obstacle(tmp_path: Path) -> None:
    """Sixteen megabytes in one string are read."""
    path = tmp_path / "x.yaml"
    path.write_text(f"a: '{'x' * 16_000_000}'")
    assert len(load_yaml(path).data["a"]) == 16_000_000


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """Absent, folder, device, too large, no UTF-8: each has its message."""
    (tmp_path / "scenario.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (tmp_path / "utf16.yaml").write_bytes("a: 1".encode("utf-16"))
    os.mkfifo(tmp_path / "pipe")
    cases = {
        "scenaro.yaml": "no such file; did you mean 'scenario.yaml'?",
        "nowhere/x.yaml": "there is no folder",
        ".": "is a folder",
        "pipe": "not a regular file",
        "a\0b": "cannot be read",
        "x" * 300: "cannot be read",
        "scenario.yaml": "line 2: not UTF-8 text: byte 0xff",
        "utf16.yaml": "not UTF-8 text",
    }
    for name, part in cases.items():
        with pytest.raises(ScenarioError) as caught:
            load_yaml(tmp_path / name)
        assert part in str(caught.value)
    with pytest.raises(ScenarioError, match=r"has 0\.0 MB; at most 1e-06 MB"):
        load_yaml(tmp_path / "scenario.yaml", max_bytes=1)


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is in the message."""

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.yaml"
    path.write_text("a: 1")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ScenarioError, match="cannot be read: Permission denied"):
        load_yaml(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Windows editors put it there."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert load_yaml(path).data == {"a": 1, "b": 2}


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["1e3", "0o7", "<<", "=", "no", "1_0", "1:30", "0b1", ".5e1", "- a", "a: b", " x", "x\n"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_PLAIN)
def test_what_is_written_reads_the_same(value: object) -> None:
    """Strings that either version of YAML takes for something else are quoted; figures are exact."""
    assert parse_yaml(to_yaml({"key": value}), "x").data == {"key": value}


@given(st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"#%@`? \n\t0."), max_size=40))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    """Any text is either a mapping or a ScenarioError."""
    with contextlib.suppress(ScenarioError):
        assert isinstance(parse_yaml(text, "x").data, dict)


def test_sources_are_frozen() -> None:
    """Like all values that travel."""
    with pytest.raises(AttributeError):
        parse_yaml("a: 1", "x").name = "y"  # type: ignore[misc]
