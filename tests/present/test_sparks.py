"""Sparklines and curves: fixed ranges, gaps that stay gaps."""

from __future__ import annotations

from app.present.braille import curve, plain_canvas
from app.present.glyphs import ASCII
from app.present.sparks import area, sparkline


def test_a_constant_hundred_is_full_and_nought_is_low_but_there() -> None:
    """The range is fixed: what the data looks like does not change it."""
    assert "▇▇▇▇" == sparkline([100.0] * 4, 4, 0, 100)
    assert "▁▁▁▁" == sparkline([0.0] * 4, 4, 0, 100)


def test_a_wobble_at_the_top_stays_at_the_top() -> None:
    """97 and 98 % do not fill the height."""
    assert "▇▇▇▇" == sparkline([97.0, 98.0, 97.0, 98.0], 4, 0, 100)


def test_gaps_are_gaps_and_the_time_before_is_blank() -> None:
    """A missing value is a dot; before the first value there is nothing."""
    assert "  ▇·▇" == sparkline([100.0, None, 100.0], 5, 0, 100)


def test_the_newest_values_win() -> None:
    """What does not fit is the oldest."""
    assert "▁▇" == sparkline([100.0, 100.0, 0.0, 100.0], 2, 0, 100)


def test_taller_charts_have_eight_heights_a_line() -> None:
    """Half the range fills one of two lines."""
    assert (" █", "██") == area([50.0, 100.0], 2, 2, 0, 100)


def test_ascii_has_no_other_signs() -> None:
    """The fallback is plain ASCII."""
    shown = sparkline([0.0, 30.0, 60.0, None, 100.0], 5, 0, 100, ASCII)

    assert shown.isascii()
    assert 5 == len(shown)


def test_a_curve_joins_its_points_but_not_over_a_gap() -> None:
    """Two points far apart are joined by dots between; a gap leaves its column blank."""
    assert ("⢸", "⡸") == curve([0.0, 100.0], 1, 2, 0, 100)
    assert ("⠉ ⣀",) == curve([100.0, 100.0, None, None, 0.0, 0.0], 3, 1, 0, 100)


def test_the_plain_curve_is_ascii() -> None:
    """Without braille a curve has three heights a line."""
    assert ("' ", " _") == plain_canvas([(100.0, 100.0), (0.0, 0.0)], 2, 2, 0, 100)
