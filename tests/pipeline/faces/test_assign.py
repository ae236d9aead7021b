"""Assignment one to one: whatever is cheaper in total is found."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.faces.assign import assign


@st.composite
def cost_tables(draw: st.DrawFn) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Up to 4 x 6 costs with ties, some pairs forbidden."""
    rows = draw(st.integers(0, 4))
    columns = draw(st.integers(rows, 6))
    cost = st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, np.inf])
    cells = draw(st.lists(cost, min_size=rows * columns, max_size=rows * columns))
    return np.array(cells).reshape(rows, columns)


@settings(deadline=None)
@given(cost_tables())
def test_no_other_assignment_is_cheaper(costs: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    rows, columns = costs.shape
    every = itertools.permutations(range(columns), rows)
    least = min(float(costs[np.arange(rows), list(choice)].sum()) for choice in every)
    if np.isinf(least):
        with pytest.raises(ValueError, match="no column"):
            assign(costs)
        return
    chosen = assign(costs)
    assert len(set(chosen.tolist())) == rows
    assert costs[np.arange(rows), chosen].sum() == pytest.approx(least)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_hidden_permutation_of_many_is_found(seed: int) -> None:
    """Each row's own column is not its cheapest, only the sum is: a greedy choice would miss it."""
    rng = np.random.default_rng(seed)
    hidden = rng.permutation(64)
    row_prices, column_prices = rng.uniform(0, 9, 64), rng.uniform(0, 9, 64)
    extra = rng.uniform(0.1, 3, (64, 64))
    extra[np.arange(64), hidden] = 0
    assert (assign(row_prices[:, None] + column_prices + extra) == hidden).all()


def test_more_rows_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        assign(np.zeros((3, 2)))
