"""Quantities are rendered in the form in which the API server stores them."""

from __future__ import annotations

import pytest

from fairlead_operator.render.quantity import canonical_quantity


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (2, "2"),
        ("0", "0"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("4000m", "4"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("0Gi", "0"),
        ("1e3", "1e3"),
        ("1e9", "1e9"),
        ("1500e3", "1500e3"),
        ("1E", "1E"),
        ("100n", "100n"),
        ("0.1n", "1n"),
        ("-1", "-1"),
        (".5", "500m"),
        ("1.", "1"),
    ],
)
def test_quantities_get_the_canonical_form_of_kubernetes(given: int | str, stored: str) -> None:
    assert canonical_quantity(given) == stored


@pytest.mark.parametrize("given", ["", "abc", "1Zi", "1 Gi", "--1"])
def test_an_invalid_quantity_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|unit"):
        canonical_quantity(given)


@pytest.mark.parametrize(
    "given", ["0.5", "1000m", "1024Mi", "0.5Gi", "1e9", "1500", "1000", "0.1n", "1536Mi"]
)
def test_the_canonical_form_of_a_quantity_is_stable(given: str) -> None:
    once = canonical_quantity(given)
    assert canonical_quantity(once) == once
