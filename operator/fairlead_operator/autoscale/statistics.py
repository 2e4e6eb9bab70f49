"""Small numeric helpers: least squares, counters, quantiles.

The operator needs no numeric library for them. Least squares with few unknowns that cannot be negative is
solved by trying which unknowns are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

Vector = tuple[float, ...]
Matrix = Sequence[Sequence[float]]


def solve(matrix: Matrix, right: Sequence[float]) -> Vector | None:
    """The solution of matrix · x = right by elimination with pivots; None if there is not exactly one."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < 1e-12:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return tuple(rows[i][size] / rows[i][i] for i in range(size))


def nonnegative_least_squares(normal: Matrix, right: Sequence[float]) -> Vector:
    """The x >= 0 that minimises x'·normal·x - 2·right·x, for a symmetric positive definite `normal`."""
    size = len(right)
    best: Vector = (0.0,) * size
    least = 0.0
    for count in range(size, 0, -1):
        for kept in combinations(range(size), count):
            part = solve([[normal[i][j] for j in kept] for i in kept], [right[i] for i in kept])
            if part is None or min(part) < 0:
                continue
            # At the minimum over these unknowns the objective is -right·x.
            objective = -sum(right[i] * x for i, x in zip(kept, part, strict=True))
            if objective < least:
                values = dict(zip(kept, part, strict=True))
                best, least = tuple(values.get(i, 0.0) for i in range(size)), objective
        if count == size and least < 0:
            break
    return best


def rise(before: float, now: float) -> float:
    """Increase of a counter. A counter that fell was reset, as in Prometheus."""
    return now - before if now >= before else now


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie, in proportion between neighbours (numpy's default)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
