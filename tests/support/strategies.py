"""What a hostile OP or browser sends, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
documents = st.dictionaries(st.text(), values)
# What browsers and Python disagree about in a URL, among text.
url_texts = st.text(st.sampled_from("/\\:@?#.%\t\n\r \0;&=-x1[]\u2028\u3002\uff0f") | st.characters(), max_size=30)


def some_of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Members by these names, with any values: what is changed in a message that was valid."""
    return st.dictionaries(st.sampled_from(names), values, max_size=4)
