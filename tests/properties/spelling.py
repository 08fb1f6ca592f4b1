"""Texts that are nearly right, made on purpose: the near misses of a grammar."""

from hypothesis import strategies as st

# Each looks like, or counts as, a character of the grammars here, and is none of them.
LOOKALIKES = {
    "0": "\u0660\uff10\U0001d7ce\u041e",
    "1": "\u0661\uff11\u00b9\u217c",
    "a": "\u0430\uff41\u00e0\u1d00",
    "c": "\u0441\uff43",
    "e": "\u0435\uff45",
    "f": "\uff46\u017f",
    "s": "\u0455\uff53\u017f",
    "x": "\u0445\uff58",
    ".": "\uff0e\u3002\u2024",
    ":": "\uff1a\u02d0\ua789",
}
AROUND = [
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\x00",
    "\u00a0",
    "\u2028",
    "\u200b",
    "\ufeff",
    "\x0b",
    "\x1f",
    '"',
    "'",
]


def _swapped(text, place):
    letter = text[place]
    return st.sampled_from(
        LOOKALIKES.get(letter.lower(), "\u0661\uff21\u0430") + letter.swapcase() + "\u0130"
    )


@st.composite
def near_misses(draw, valid):
    """One small mistake in a valid text. It may still be valid; ask the oracle."""
    text = draw(valid)
    place = draw(st.integers(0, len(text) - 1))
    mistakes = [
        _swapped(text, place).map(lambda other: text[:place] + other + text[place + 1 :]),
        st.sampled_from(AROUND).map(lambda space: text + space),
        st.sampled_from(AROUND).map(lambda space: space + text),
        st.sampled_from(AROUND).map(lambda space: text[:place] + space + text[place:]),
        st.just(text[:place] + text[place + 1 :]),
        st.just(text[:place] + text[place] + text[place:]),
        st.just(text[:place]),
        st.just(text[place:]),
        st.just(text + text),
        st.just(text.upper()),
        st.just(text[::-1]),
        st.characters(codec="utf-8").map(lambda other: text[:place] + other + text[place + 1 :]),
        st.just(""),
    ]
    return draw(st.one_of(mistakes))
