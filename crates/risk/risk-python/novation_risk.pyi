"""Margin and option arithmetic of the Novation clearing house, bit for bit."""

from decimal import Decimal
from typing import Any, Dict, List, Literal, Optional, Sequence, Union

Number = Union[str, int, Decimal]
"""An exact number. A float raises TypeError."""

Right = Literal["call", "put"]
Json = Union[str, Dict[str, Any]]

__version__: str

def price(right: Right, forward: Number, strike: Number, vol: Number, milliseconds: int) -> Decimal:
    """Black-76 value of an option on one unit, undiscounted, in dollars, rounded down to a micro-dollar."""

def greeks(right: Right, forward: Number, strike: Number, vol: Number, milliseconds: int) -> Dict[str, Decimal]:
    """"delta" in units, "gamma" in dollars of delta for 1 %, "vega" in dollars for 1.00 of vol, "theta" in dollars a year."""

def implied_vol(right: Right, price: Number, forward: Number, strike: Number, milliseconds: int) -> Optional[Decimal]:
    """The vol that the price determines to 0.0001, or None if it determines none."""

def margin(portfolio: Json, *, greeks: bool = True, liquidation: bool = False) -> Dict[str, Any]:
    """Equity, initial and maintenance margin, liquidation target and standing of one portfolio."""

def margin_many(
    markets: Json,
    portfolios: Union[str, Sequence[Dict[str, Any]]],
    *,
    greeks: bool = False,
    liquidation: bool = False,
) -> List[Dict[str, Any]]:
    """The same of each of many portfolios in one set of markets, whose scenario matrices are made once."""

def whatif(portfolio: Json, orders: Json, *, greeks: bool = True, liquidation: bool = False) -> Dict[str, Any]:
    """A portfolio before orders, with them open and with all of them filled, and what margin says to each."""
