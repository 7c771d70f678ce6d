"""The module against the program: python3 bits.py NOVATION. Every figure must be the same text."""

import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import novation_risk as risk

TIME = "2026-06-01T00:00:00Z"
MONTH = 30 * 86_400_000
# Until expiry less two thirds of the settlement window.
VARIANCE = MONTH - 20 * 60_000


def market(name, kind, strike=None, vol="0.65"):
    """Returns an option of a month on one unit of BTC, or its perpetual."""
    found = {"name": name, "underlying": "BTC", "kind": kind, "lot": "1"}
    if strike:
        found.update(expires="2026-07-01T00:00:00Z", strike=strike, vol=vol)
    return found


def portfolio(vol, strike):
    return {
        "time": TIME,
        "underlyings": [{"name": "BTC", "index": "60000"}, {"name": "ETH", "index": 3000}],
        "markets": [market("P", "perpetual"), market("C", "call", strike, vol), market("Q", "put", strike, vol)],
        "cash": "50000",
        "collateral": {"ETH": "2.5"},
        "positions": [{"market": "P", "lots": 2, "entry": "58000"}, {"market": "C", "lots": -1}],
    }


ORDERS = {"orders": [{"market": "Q", "side": "buy", "lots": 2, "price": "2500"}, {"market": "P", "side": "sell", "lots": 1, "price": "60000"}]}


def split(book):
    """Returns the markets of a portfolio, and what it holds in them."""
    markets = {key: book[key] for key in ("time", "underlyings", "markets")}
    return markets, {key: book[key] for key in book if key not in markets}


def asked(program, *files):
    """Returns what the program prints for a portfolio, and for orders if they are given."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "whatif", "--json"]
        for flag, content in zip(("--portfolio", "--orders"), files):
            path = Path(folder) / (flag.strip("-") + ".json")
            path.write_text(json.dumps(content))
            command += [flag, str(path)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(program):
    compared = 0
    for vol in ("0.2", "0.65", "1.4321"):
        for strike in ("40000", "60000", "70000.5"):
            book = portfolio(vol, strike)
            full = risk.margin(book, liquidation=True)
            assert full == asked(program, book), (vol, strike)
            assert risk.margin(json.dumps(book)) == {key: full[key] for key in full if key != "liquidation"}
            assert "greeks" not in risk.margin(book, greeks=False)
            markets, holding = split(book)
            short = dict(holding, cash="-7", collateral={})
            many = risk.margin_many(markets, [holding, short], greeks=True, liquidation=True)
            assert many == [full, risk.margin(dict(book, **short), liquidation=True)], (vol, strike)
            assert risk.whatif(book, ORDERS, liquidation=True) == asked(program, book, ORDERS), (vol, strike)
            for right, name in (("call", "C"), ("put", "Q")):
                # With one option and no cash, equity is its mark.
                alone = dict(book, cash="0", collateral={}, positions=[{"market": name, "lots": 1}])
                price = risk.price(right, "60000", strike, vol, VARIANCE)
                assert price == Decimal(asked(program, alone)["equity"]), (right, vol, strike)
                greeks = risk.greeks(right, "60000", strike, vol, VARIANCE)
                implied = risk.implied_vol(right, price, "60000", strike, VARIANCE)
                # Where a micro-dollar spans more than a basis point, no vol is determined; elsewhere it is the one that was given.
                if implied is None:
                    assert greeks["vega"] * Decimal("0.0001") <= Decimal("0.000002"), (right, vol, strike)
                else:
                    assert abs(implied - Decimal(vol)) <= Decimal("0.0001"), (right, vol, strike)
                    back = risk.price(right, 60000, strike, implied, VARIANCE)
                    assert abs(back - price) <= Decimal("0.000002"), (right, vol, strike, back, price)
                assert greeks["vega"] >= 0 >= greeks["theta"]
                compared += 1
            call, put = (risk.price(right, "60000", strike, vol, VARIANCE) for right in ("call", "put"))
            assert call - put == Decimal(60000) - Decimal(strike), "parity"
    return compared


def refused(error, call, *arguments):
    try:
        call(*arguments)
    except error as raised:
        return str(raised)
    raise AssertionError(f"{call} took {arguments}")


def refuse():
    assert "not exact" in refused(TypeError, risk.price, "call", 60000.0, "1", "0.5", 1)
    assert "call or put" in refused(ValueError, risk.price, "cal", "60000", "1", "0.5", 1)
    assert "vol 0.x" in refused(ValueError, risk.price, "call", "60000", "1", "0.x", 1)
    assert "cash" in refused(ValueError, risk.margin, {"time": TIME, "underlyings": [], "markets": [], "cash": 0.5})
    assert "forward -1" in refused(ValueError, risk.price, "call", "-1", "1", "0.5", 1)
    assert "milliseconds -1" in refused(ValueError, risk.price, "call", "1", "1", "0.5", -1)
    assert "portfolio:" in refused(TypeError, risk.margin, {"cash": Decimal(1)})
    assert "portfolio 0: cash" in refused(ValueError, risk.margin_many, split(portfolio("1", "1"))[0], [{"cash": "x"}])
    assert risk.implied_vol("call", "70000", "60000", "60000", VARIANCE) is None
    assert risk.price("call", Decimal("6E+4"), "60000", Decimal("0.65"), VARIANCE) > 4000


if __name__ == "__main__":
    refuse()
    print(f"{compare(sys.argv[1])} options, 9 portfolios and 9 sets of orders: every figure is the program's")
