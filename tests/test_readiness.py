"""The machine code of the search is waited for once, and that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from design import readiness


def test_what_is_waited_for_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mark the search is called and marked as compiled; with one nothing happens."""
    monkeypatch.setattr(readiness, "code_folder", lambda _kernel: (tmp_path, "here"))
    said: list[str] = []
    assert not readiness.is_warm()
    for _ in range(2):
        readiness.make_ready(said.append)
        assert readiness.is_warm()
    assert said == [readiness.MESSAGE]
