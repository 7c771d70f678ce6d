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
            assert risk.margin(book) == asked(program, book), (vol, strike)
            assert risk.margin(json.dumps(book)) == risk.margin(book)
            assert risk.whatif(book, ORDERS) == asked(program, book, ORDERS), (vol, strike)
            for right, name in (("call", "C"), ("put", "Q")):
                # With one option and no cash, equity is its mark.
                alone = dict(book, cash="0", collateral={}, positions=[{"market": name, "lots": 1}])
                price = risk.price(right, "60000", strike, vol, VARIANCE)
                assert price == Decimal(asked(program, alone)["equity"]), (right, vol, strike)
                implied = risk.implied_vol(right, price, "60000", strike, VARIANCE)
                # A price rounded down may lie at what no vol gives; the vol of any other gives it back, roundings apart.
                intrinsic = max(Decimal(0), (Decimal(60000) - Decimal(strike)) * (1 if right == "call" else -1))
                if implied is None:
                    assert price <= intrinsic, (right, vol, strike)
                else:
                    back = risk.price(right, 60000, strike, implied, VARIANCE)
                    assert abs(back - price) <= Decimal("0.000002"), (right, vol, strike, back, price)
                greeks = risk.greeks(right, "60000", strike, vol, VARIANCE)
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
    assert risk.implied_vol("call", "70000", "60000", "60000", VARIANCE) is None
    assert risk.price("call", Decimal("6E+4"), "60000", Decimal("0.65"), VARIANCE) > 4000


if __name__ == "__main__":
    refuse()
    print(f"{compare(sys.argv[1])} options, 9 portfolios and 9 sets of orders: every figure is the program's")
