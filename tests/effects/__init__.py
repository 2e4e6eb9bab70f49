"""Effects of documented parameters, observed on a real engine through the real gateway process."""

import pytest

# Their assertions are the tests', so a failure must show the values.
pytest.register_assert_rewrite("tests.effects.answers", "tests.effects.checks", "tests.effects.endpoint")
