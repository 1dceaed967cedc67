"""Words that go with numbers."""

import pytest

from izwi.wording import agreed, count


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "class", "2 classes"),
        (1, "class", "1 class"),
    ],
)
def test_a_noun_has_the_number_that_stands_before_it(number, noun, text):
    assert count(number, noun) == text


def test_a_verb_follows_its_number():
    assert count(1, "row has", "rows have") == "1 row has"
    assert count(3, "row has", "rows have") == "3 rows have"
    assert (agreed(1, "is", "are"), agreed(0, "is", "are")) == ("is", "are")
