"""The cursor's geometry."""

from __future__ import annotations

from app.present.places import Box, Places

# 0 1 2
# 3 4
#     5  (four lines further down)
GRID = Places(tuple(Box(x, y, 4, 1, y) for x, y in ((0, 0), (5, 0), (10, 0), (0, 1), (5, 1), (10, 5))))


def test_arrows_go_to_the_neighbour() -> None:
    """Right, left, down and up, by place on the screen."""
    assert [1, 0, 3, 1] == [GRID.step(0, "right"), GRID.step(1, "left"), GRID.step(0, "down"), GRID.step(4, "up")]


def test_rows_go_on_into_each_other() -> None:
    """Right of a row's end is the next row's beginning."""
    assert (3, 2) == (GRID.step(2, "right"), GRID.step(3, "left"))


def test_edges_hold() -> None:
    """Nothing lies beyond the first and the last."""
    assert (0, 0, 5, 5) == (
        GRID.step(0, "left"),
        GRID.step(0, "up"),
        GRID.step(5, "right"),
        GRID.step(5, "down"),
    )


def test_a_shorter_row_takes_the_nearest() -> None:
    """Down from the third of a row of three into a row of two is the second."""
    assert 4 == GRID.step(2, "down")


def test_pages_leap_and_stop_at_the_edge() -> None:
    """A page down goes to the last row within reach, and stays where there is none."""
    assert (5, 3, 5) == (GRID.leap(2, 8), GRID.leap(0, 2), GRID.leap(5, 9))


def test_points_find_their_gpu() -> None:
    """A click hits the box it is in, and nothing between boxes."""
    assert (1, None, None, 5) == (GRID.at(6, 0), GRID.at(4, 0), GRID.at(0, 3), GRID.at(13, 5))
