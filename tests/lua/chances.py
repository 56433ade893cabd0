"""What may happen to a sale, and how likely: few of everything, so that they meet again."""

from hypothesis import strategies as st
from model import Settled, Wish
from selling import HOUR_MS, LAMP, MUG

from lua.lines import Line
from lua.terms import Late


def _line(sku: str, quantity: int, price: int) -> Line:
    return Line(sku=sku, quantity=quantity, unit_price=price)


CARTS = [
    (_line(LAMP, 1, 500),),
    (_line(LAMP, 3, 500),),
    (_line(MUG, 1, 90),),
    (_line(MUG, 2, 90),),
    (_line(LAMP, 1, 500), _line(MUG, 1, 90)),
    (_line(LAMP, 1, 500), _line(LAMP, 2, 500)),
]
BAD_CARTS = [(_line(LAMP, 1, 499),), (_line(LAMP, 1, 500), _line("GONE", 1, 1))]
CUSTOMERS = ["ada", "bob", "eve"]
WISHES = st.builds(
    Wish,
    number=st.integers(0, 11),
    customer=st.sampled_from(CUSTOMERS),
    lines=st.sampled_from(CARTS * 2 + BAD_CARTS),
    terms=st.sampled_from([None, None, None, Late()]),
)
# Under which number, whose cart, what is put in before, and whether its version is the newest.
CART_CHECKOUTS = st.lists(
    st.tuples(
        st.integers(6, 60),
        st.sampled_from(CUSTOMERS),
        st.sampled_from([LAMP, MUG, None]),
        st.sampled_from([0, 0, 0, -1]),
    ),
    min_size=1,
    max_size=4,
)
SETTLED: st.SearchStrategy[Settled] = st.sampled_from(["expired", "released"])
SKUS = st.sampled_from([LAMP, MUG, "GONE"])
BATCHES = st.lists(WISHES, min_size=1, max_size=8)
# Which of those that were sent; the same one may stand twice.
WHICH = st.lists(st.integers(0, 40), min_size=1, max_size=8)
# How a recovery goes on.
AGAIN = st.sampled_from(["adopt", "adopt", "rebuild", "later"])
# These are relative to what is: mostly that, sometimes older, or what only the caller knows.
WITNESSES = st.sampled_from([0, 0, 0, -1, 1])
EPOCHS = st.sampled_from([0] * 8 + [-1, 1])
REVISIONS = st.sampled_from([1, 1, 1, 2, 0, -1])
STATES = st.sampled_from(["open"] * 6 + ["paused", "closed"])
WINDOWS = st.sampled_from(
    [(0, 0)] * 4 + [(1, 9_999 * HOUR_MS), (9_999_999 * HOUR_MS, 0), (1, 2)],
)
