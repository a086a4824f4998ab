"""Detectors: as many false alarms as allowed, delays as they should be, and no crash where a window has no spread."""

from __future__ import annotations

import warnings
from itertools import pairwise
from math import comb, exp, isclose

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from runtime.drift.allowance import Allowance, allowance, chance_of_any
from runtime.drift.anderson import anderson_darling, upper_tail
from runtime.drift.charts import Cusum, PageHinkley, run_length, threshold_of
from runtime.drift.detectors import LEAST, NAMES, WindowDetector, available, detector
from runtime.drift.window_tests import WINDOW_TESTS, p_value
from twin.errors import DriftError
from twin.model.drift import DriftSettings

TESTS = sorted(WINDOW_TESTS)
RUNS = 100
ALLOWED = Allowance(level=0.01, per_value=1e-4)


def exact_interval(count: int, total: int, confidence: float = 0.999) -> tuple[float, float]:
    """Return Clopper and Pearson's bounds of a share."""
    found = stats.binomtest(count, total).proportion_ci(confidence)
    return found.low, found.high


def settings(**changes: object) -> DriftSettings:
    """Return settings of one field, or others."""
    return DriftSettings.model_validate({"metrics": {"accuracy": {"score": {}}}, **changes})


# -- p-values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("sizes", [(120, 80), (192, 24), (240, 61)])
def test_tests_keep_their_level(name: str, sizes: tuple[int, int]) -> None:
    """Among windows of the law of their reference, at most the level's share is rejected, small windows included."""
    rng = np.random.default_rng(7)
    found = np.array([p_value(name, rng.normal(size=sizes[0]), rng.normal(size=sizes[1])) for _ in range(700)])
    for level in (0.05, 0.005):
        low, _ = exact_interval(int((found <= level).sum()), len(found))
        assert low <= level


@pytest.mark.parametrize("name", TESTS)
def test_zeros_and_ones_keep_the_level(name: str) -> None:
    """Right and wrong answers have nothing but ties; no test may take them for a difference."""
    rng = np.random.default_rng(4)
    runs = 300
    rejected = sum(
        p_value(name, 1.0 * (rng.random(150) < 0.8), 1.0 * (rng.random(90) < 0.8)) <= 0.05 for _ in range(runs)
    )
    low, _ = exact_interval(rejected, runs)
    assert low <= 0.05


@pytest.mark.parametrize("name", TESTS)
def test_tests_are_not_idle(name: str) -> None:
    """They see a mean that moved by a standard deviation, though not all at the same level."""
    rng = np.random.default_rng(8)
    found = [p_value(name, rng.normal(size=200), rng.normal(1, 1, size=100)) for _ in range(50)]
    assert np.mean(np.array(found) <= 0.001) > 0.9


@pytest.mark.parametrize("name", TESTS)
def test_no_spread_is_no_crash(name: str) -> None:
    """Constants, equal or not, and windows of few values have a p-value; only real differences a small one."""
    ones, twos, mixed = np.ones(60), np.full(60, 2.0), np.repeat([0.0, 1.0], 30)
    assert p_value(name, ones, ones) == 1.0
    assert p_value(name, ones, twos) < 1e-6
    assert p_value(name, mixed, mixed[::3]) > 0.05
    assert p_value(name, mixed, np.zeros(60)) < 1e-3
    assert 0 <= p_value(name, ones, np.array([1.0, 2.0])) <= 1
    assert 0 <= p_value(name, np.arange(60.0), np.array([3.0])) <= 1


@pytest.mark.parametrize("name", ["anderson-darling", "epps-singleton", "kolmogorov-smirnov", "cramer-von-mises"])
def test_spread_alone_is_seen(name: str) -> None:
    """Twice the standard deviation is a drift, too."""
    rng = np.random.default_rng(9)
    assert p_value(name, rng.normal(size=300), rng.normal(0, 2, size=300)) < 0.01


def test_anderson_meets_the_published_percentage_points() -> None:
    """Stephens' table of the limiting law, to the digits that are printed."""
    for point, level in ((1.248, 0.25), (1.933, 0.10), (2.492, 0.05), (3.070, 0.025), (3.857, 0.01)):
        assert isclose(upper_tail(point), level, rel_tol=0.03)
    # Far out, the largest weight rules: sqrt(3) P(Z^2 > 2 x) is the limit of the tail.
    assert isclose(upper_tail(14.0), np.sqrt(3) * special.chdtrc(1, 28.0), rel_tol=0.06)
    values = [upper_tail(value) for value in np.linspace(0.5, 30, 60)]
    assert all(a >= b > 0 for a, b in pairwise(values))


def test_anderson_goes_beyond_the_table_of_scipy() -> None:
    """Where scipy's p-value ends at 0.001 this one goes on; in between both agree."""
    rng = np.random.default_rng(3)
    assert anderson_darling(rng.normal(size=200), rng.normal(1, 1, 200)) < 1e-8
    grid = special.ndtri((np.arange(200) + 0.5) / 200)
    pair = [grid, grid + 0.25]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a parameter that is about to change its name
        theirs = float(stats.anderson_ksamp(pair).pvalue)
    assert 0.002 < theirs < 0.2
    assert isclose(anderson_darling(*pair), theirs, rel_tol=0.1)


def test_fisher_is_that_of_a_table() -> None:
    """Shares of right answers: the hypergeometric law, counted by hand."""
    reference, window = np.repeat([0.0, 1.0], [8, 2]), np.repeat([0.0, 1.0], [1, 9])
    ways = [comb(11, k) * comb(9, 10 - k) / comb(20, 10) for k in range(11)]
    expected = sum(way for way in ways if way <= ways[2] * (1 + 1e-9))
    assert isclose(p_value("fisher-exact-test", reference, window), expected, rel_tol=1e-9)


def test_chi_squared_compares_categories() -> None:
    """Three categories: the sum over observed and expected counts, and its tail exp(-x/2) at two degrees."""
    reference, window = np.repeat([1.0, 2.0, 3.0], [100, 100, 100]), np.repeat([1.0, 2.0, 3.0], [50, 30, 20])
    table = np.array([[100, 100, 100], [50, 30, 20]])
    expected = table.sum(0) * table.sum(1, keepdims=True) / table.sum()
    tail = exp(-float(((table - expected) ** 2 / expected).sum()) / 2)
    assert isclose(p_value("chi-squared", reference, window), tail, rel_tol=1e-9)
    assert p_value("chi-squared", reference, np.full(50, 9.0)) < 1e-6  # a category that was never there


# -- repeated looks ---------------------------------------------------------------------------------------------------


def runs_with_alarm(level: float, *, runs: int = RUNS, looks: int = 50) -> int:
    """Return how many driftless runs of so many looks at fresh windows raise an alarm."""
    rng = np.random.default_rng(11)
    alarmed = 0
    for _ in range(runs):
        watcher = WindowDetector("kolmogorov-smirnov")
        watcher.learn(rng.normal(size=2000), Allowance(level=level, per_value=1e-4))
        alarmed += any(watcher.look(rng.normal(size=50), 50) for _ in range(looks))
    return alarmed


def test_fifty_uncorrected_looks_cry_wolf() -> None:
    """At level 0.01, 50 looks alarm in about 40 % of the runs; with a level for 0.05 alarms per 50 looks, in 5 %.

    Without drift at all: that is what a stated rate of false alarms is for.
    """
    assert isclose(chance_of_any(0.01, 50), 0.395, abs_tol=0.001)
    low, high = exact_interval(runs_with_alarm(0.01), RUNS)
    assert low < 0.395 < high
    assert low > 0.2
    corrected = settings(detection_interval=24 / 50, false_alarms_per_day=0.05)
    (field,) = corrected.metrics["accuracy"].values()
    level = allowance(corrected, field, values_per_day=2500).level
    assert isclose(level, 0.001)
    low, high = exact_interval(runs_with_alarm(level), RUNS)
    assert low <= 0.05
    assert high < 0.2


def test_allowances_add_up_to_what_was_stated() -> None:
    """Looks times level is the stated rate, shared by the fields; confirmations allow so many rejections more."""
    metrics = {"accuracy": {"score": {}, "recall": {}}}
    stated = settings(false_alarms_per_day=0.2, metrics=metrics)
    field = stated.metrics["accuracy"]["score"]
    one = allowance(stated, field, values_per_day=1000)
    assert isclose(one.level * 24 * 2, 0.2)
    assert isclose(one.per_value * 1000 * 2, 0.2)
    confirmed = stated.model_copy(update={"confirmations": (2, 3)})
    assert isclose(allowance(confirmed, field, values_per_day=1000).level, 2 * one.level)
    uncorrected = stated.model_copy(update={"false_alarms_per_day": None})
    assert allowance(uncorrected, field, values_per_day=1000).level == field.test_threshold
    loose = stated.model_copy(update={"false_alarms_per_day": 24.0})
    assert allowance(loose, field, values_per_day=1000).level == field.test_threshold


def test_confirmation_waits_for_its_second() -> None:
    """Two of three: one rejection alone is no alarm, one that another follows is."""
    rng = np.random.default_rng(2)
    same, other = rng.normal(size=60), rng.normal(5, 1, 60)
    watcher = WindowDetector("anderson-darling")
    watcher.learn(rng.normal(size=100), Allowance(level=0.001, per_value=1e-4, confirmations=(2, 3)))
    looks = [watcher.look(window, 60) for window in (other, same, same, other, same, other)]
    assert looks == [False, False, False, False, False, True]


def test_a_window_of_few_values_is_not_tested() -> None:
    """Below the least number of values nothing is decided, even if they differ."""
    watcher = WindowDetector("kolmogorov-smirnov")
    watcher.learn(np.zeros(100), ALLOWED)
    assert not watcher.look(np.ones(LEAST - 1), LEAST - 1)
    assert watcher.look(np.ones(LEAST), 1)


# -- charts -----------------------------------------------------------------------------------------------------------


def lengths(kind: type, draw: object, *, runs: int, allowed: float, longest: int) -> NDArray[np.float64]:
    """Return after how many values each run alarmed, infinite where it did not."""
    found = np.full(runs, np.inf)
    for i in range(runs):
        rng = np.random.default_rng([5, i])
        chart = kind()
        chart.learn(draw(rng, 200), Allowance(level=0.01, per_value=allowed))  # type: ignore[operator]
        for j, value in enumerate(draw(rng, longest)):  # type: ignore[operator]
            if chart.look(np.array([value]), 1):
                found[i] = j + 1
                break
    return found


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        (Cusum, lambda rng, n: rng.normal(3, 0.1, n)),
        (Cusum, lambda rng, n: rng.pareto(1.5, n)),
        (PageHinkley, lambda rng, n: rng.normal(-7, 4.0, n)),
    ],
    ids=["cusum-normal", "cusum-pareto", "page-hinkley-normal"],
)
def test_charts_alarm_as_often_as_theory_says(kind: type, draw: object) -> None:
    """The rate of false alarms over 400 values lies in the interval around the stated one, heavy tails included."""
    rate, longest, runs = 1 / 300, 400, 250
    found = lengths(kind, draw, runs=runs, allowed=rate, longest=longest)
    exposure = np.minimum(found, longest).sum()
    count = int(np.isfinite(found).sum())
    low = special.gammaincinv(count, 0.0005) / exposure
    high = special.gammaincinv(count + 1, 0.9995) / exposure
    assert low <= rate * 1.05
    assert high >= rate * 0.75  # nor is it much rarer: sums begin at 0, ranks are a little less spread than scores


def test_run_length_meets_the_tables() -> None:
    """Two sums, slack 0.5: 168 at threshold 4 and 465 at 5 (J. M. Lucas, Technometrics 18, 1976; Montgomery)."""
    assert isclose(run_length(4.0, 0.5), 168, rel_tol=0.02)
    assert isclose(run_length(5.0, 0.5), 465, rel_tol=0.02)
    assert isclose(threshold_of(run_length(6.5, 0.25), 0.25), 6.5, rel_tol=1e-6)
    assert threshold_of(1.0, 0.5) == 0.0


@pytest.mark.parametrize("name", available())
def test_a_shift_is_found_and_no_shift_is_not(name: str) -> None:
    """One standard deviation, values one at a time: soon; without it, hardly ever within 600 values."""
    found = {0.0: 0, 1.0: 0}
    for shift in found:
        for i in range(12):
            rng = np.random.default_rng([6, i])
            one = detector(name)
            one.learn(rng.normal(size=300), Allowance(level=0.001, per_value=1e-5))
            values = rng.normal(shift, 1, 600)
            found[shift] += any(one.look(values[max(end - 200, 0) : end], 50) for end in range(50, 601, 50))
    assert found[1.0] == 12
    assert found[0.0] <= 2  # 12 runs of 12 looks at 0.001 expect 0.14 alarms at most


@pytest.mark.parametrize("name", available())
def test_detectors_bear_a_constant(name: str) -> None:
    """A constant reference, a constant window: no drift; another constant: drift."""
    one = detector(name)
    one.learn(np.ones(120), ALLOWED)
    assert not one.look(np.ones(60), 60)
    moved = np.full(200, 0.5)
    assert any(one.look(moved[:end], 20) for end in range(20, 201, 20))


def test_unknown_detectors_hear_of_their_neighbours() -> None:
    """A misspelt name is answered with the right one."""
    with pytest.raises(DriftError, match="did you mean 'kolmogorov-smirnov'"):
        detector("kolmogorov-smirnof")
    assert set(available()) <= set(NAMES)


def test_without_river_its_detectors_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on working."""
    monkeypatch.setattr("runtime.drift.river_detectors.has_river", lambda: False)
    monkeypatch.setattr("runtime.drift.detectors.has_river", lambda: False)
    with pytest.raises(DriftError, match=r"continuum-twin\[drift\]"):
        detector("adwin")
    assert "adwin" not in available()
    assert "cusum" in available()


@pytest.mark.parametrize("name", [name for name in available() if name in ("cusum", "adwin", "kswin")])
def test_ranks_do_not_see_the_scale(name: str) -> None:
    """Values and their exponentials alarm at the same look: nothing but their order counts."""
    alarms = []
    for turned in (lambda values: values, lambda values: np.exp(3 * values)):
        rng = np.random.default_rng(12)
        one = detector(name)
        one.learn(turned(rng.normal(size=300)), Allowance(level=0.001, per_value=1e-4))
        values = turned(rng.normal(0.8, 1, 800))
        alarms.append(next(end for end in range(5, 801, 5) if one.look(values[:end], 5)))
    assert alarms[0] == alarms[1]


def test_kolmogorov_and_smirnov_say_nothing_on_their_way(recwarn: pytest.WarningsRecorder) -> None:
    """Where the exact law fails scipy takes the limiting one; no warning reaches the user."""
    rng = np.random.default_rng(0)
    found = [p_value("kolmogorov-smirnov", np.round(rng.random(n), 2), np.ones(k)) for n, k in ((100, 20), (97, 64))]
    assert max(found) < 1e-6
    assert not recwarn.list
