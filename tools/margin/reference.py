#!/usr/bin/env python3
"""Writes the vectors that the margin profiles are tested against.

Random portfolios from a seed, and what they need under each rule book, computed in fifty digits straight from the
formulas of docs/margin-profiles.md. Nothing here is shared with the Rust crate: an expiry is a list of cash flows, a
scenario a function of (expiry, strike, vol), a put is priced by parity.

    python3 tools/margin/reference.py > crates/risk/profiles/tests/vectors.json

Needs mpmath 1.3. Equal seeds give equal files.
"""

import json
import random
import sys
from mpmath import mp, mpf, exp, log, ncdf, sqrt, nstr

mp.dps = 50
YEAR = mpf(31536000)
DAY = mpf(86400)
SEED = 20260119
CASES = 200
LINEAR_CASES = 200

PMRM = {
    "initial_factor": "1", "maintenance_factor": "0.8",
    "vol": {"up": "0.5", "down": "0.3", "up_floor": "0.4", "power_short": "0.3", "power_long": "0.13",
            "floor_seconds": "86400"},
    "skew": {"cap_base": "0.25", "cap_slope": "-0.1", "width_floor": "0.01", "width": "4", "width_a": "0.6",
             "width_b": "0"},
    "discount_long": {"base": "0.95", "rate_multiple": "0", "rate_add": "0.16"},
    "discount_short": {"base": "1.04", "rate_multiple": "0", "rate_add": "0.16"},
    "basis": {"up": "0.045", "down": "-0.045", "add": "0.5", "multiple": "2"},
    "contingency": {"perpetual_maintenance": "0.03", "perpetual_initial": "0.01", "option_maintenance": "0.003",
                    "option_initial": "0.002", "collateral_maintenance": "0.05", "collateral_initial": "0.05"},
    "oracle": {"threshold": "0.55", "perpetual": "1", "option": "1", "collateral": "1"},
    "peg": {"threshold": "0.99", "factor": "4"},
}
REGULAR = ["0.18", "0.135", "0.09", "0.045", "0", "-0.045", "-0.09", "-0.135", "-0.18"]
TAILS = [("-0.66", "0.21"), ("-0.33", "0.42"), ("0.5", "0.2772"), ("1", "0.1386"), ("2", "0.0693"), ("3", "0.0462"),
         ("4", "0.03465"), ("5", "0.02772")]
SRM = {"perpetual_initial": "0.1", "perpetual_maintenance": "0.065", "option_initial": "0.15",
       "option_initial_floor": "0.13", "option_maintenance": "0.09", "put_initial_over_maintenance": "1.05",
       "unpaired_initial": "1.2", "unpaired_maintenance": "1.1", "collateral_initial": "0.3025",
       "collateral_maintenance": "0.25"}
SPAN = {"price_scan": "0.16", "vol_scan": "0.1", "extreme_multiple": "2", "extreme_cover": "0.35",
        "lookahead_seconds": "86400", "short_option_minimum": "0.003", "initial_ratio": "1.1"}
LINEAR = {"others": {"tiers": [{"initial": "0.1", "maintenance": "0.065"}]}}


def numbers(tree):
    """Turns every text of a tree of parameters into a number."""
    if isinstance(tree, dict):
        return {key: numbers(value) for key, value in tree.items()}
    return mpf(tree)


def merged(base, over):
    out = dict(base)
    for key, value in (over or {}).items():
        out[key] = merged(base[key], value) if isinstance(value, dict) else value
    return out


def black(right, F, K, sd, D):
    """Black-76; the put by parity."""
    if F <= 0:
        call = mpf(0)
    elif sd <= 0:
        call = max(F - K, mpf(0))
    elif sd >= 24:
        return D * (F if right == "call" else K)
    else:
        up = (log(F) - log(K) + sd * sd / 2) / sd
        call = F * ncdf(up) - K * ncdf(up - sd)
    return D * (call if right == "call" else call - F + K)


class Term:
    """An expiry: its time, its forward as a function of a multiplier, its flows."""

    def __init__(self, market, flows):
        self.id = market["id"]
        self.s = mpf(market["expires_in_seconds"])
        self.tau = self.s / YEAR
        self.F = mpf(market["forward"])
        self.r = max(mpf(market.get("rate", "0")), mpf(0))
        self.D = exp(-self.r * self.tau)
        self.feeds = [mpf(market.get(name, "1"))
                      for name in ("forward_confidence", "rate_confidence", "vol_confidence")]
        self.flows = [(f["right"], mpf(f["strike"]), mpf(f["vol"]), mpf(f["amount"])) for f in flows]

    def moved(self, by):
        share = min(self.s, mpf(1800)) / 1800
        return self.F * (1 - share) + self.F * share * by

    def price(self, right, F, K, vol, seconds=None, discount=None):
        seconds = self.s if seconds is None else seconds
        if seconds <= 0:
            return max(F - K, mpf(0)) if right == "call" else max(K - F, mpf(0))
        return black(right, F, K, vol * sqrt(seconds / YEAR), self.D if discount is None else discount)

    def worth(self, by=1, vol_of=lambda K, vol: vol):
        F = self.moved(mpf(by))
        return sum((n * self.price(right, F, K, vol_of(K, vol)) for right, K, vol, n in self.flows), mpf(0))


class Book:
    """A portfolio, its names resolved."""

    def __init__(self, portfolio):
        market, held = portfolio["market"], portfolio["positions"]
        self.cash = mpf(portfolio["cash"])
        self.S = mpf(market["spot"])
        self.spot_feed = mpf(market.get("spot_confidence", "1"))
        self.stable = mpf(market.get("stable_price", "1"))
        perpetual = market.get("perpetual")
        mine = held.get("perpetual") or {"amount": "0"}
        self.P = mpf(perpetual["price"]) if perpetual else mpf(0)
        self.perpetual_feed = mpf(perpetual.get("confidence", "1")) if perpetual else mpf(1)
        self.q = mpf(mine["amount"])
        self.unrealised = mpf(mine.get("unrealised", "0"))
        self.pledges = [(mpf(c["amount"]) * mpf(c["price"]) / self.stable, mpf(c.get("confidence", "1")),
                         c["risk_cancelling"]) for c in held.get("collateral", [])]
        self.pledge_assets = [(c["asset"], mpf(c["amount"]) * mpf(c["price"])) for c in held.get("collateral", [])]
        self.pledged = sum((value for value, _, _ in self.pledges), mpf(0))
        options = held.get("options", [])
        self.terms = [Term(e, [o for o in options if o["expiry"] == e["id"]]) for e in market.get("expiries", [])]
        self.terms = [t for t in self.terms if t.flows]
        self.options = sum((t.worth() for t in self.terms), mpf(0))
        self.mtm = self.options + self.unrealised + self.pledged


def pmrm_shift(kind, p, t):
    """Returns how a vol moves at a strike."""
    month = 30 * DAY
    power = p["vol"]["power_short"] if t.s <= month else p["vol"]["power_long"]
    m = (month / max(t.s, p["vol"]["floor_seconds"])) ** power
    if kind == "none":
        return lambda K, vol: vol
    if kind == "up":
        return lambda K, vol: max(p["vol"]["up_floor"], vol * (1 + p["vol"]["up"] * m))
    if kind == "down":
        return lambda K, vol: vol * max(mpf(0), 1 - p["vol"]["down"] * m)
    root = sqrt(t.tau)
    cap = p["skew"]["cap_base"] + p["skew"]["cap_slope"] * root
    width = max(p["skew"]["width_floor"], root * p["skew"]["width"] * (p["skew"]["width_a"] + p["skew"]["width_b"] * root))

    def skewed(K, vol):
        k = log(K / t.F)
        k = abs(k) if kind == "abs" else k
        x = k * cap / width
        x = min(x, cap) if k >= 0 else max(x, -cap)
        return vol * max(mpf(0), 1 + x)
    return skewed


def pmrm(book, over):
    p = numbers(merged(PMRM, over))
    scenarios = []
    for spot in REGULAR:
        for kind in (["up"] if spot in ("0.18", "-0.18") else ["up", "none", "down"]):
            scenarios.append((mpf(spot), kind, mpf(1)))
    scenarios += [(mpf(spot), "up", mpf(damp)) for spot, damp in TAILS]
    scenarios += [(mpf(0), "linear", mpf(1)), (mpf(0), "abs", mpf(1))]
    gains = []
    for spot, kind, damp in scenarios:
        total = book.q * book.P * spot * damp
        total += sum((value * spot * damp for value, _, cancels in book.pledges if cancels), mpf(0))
        for t in book.terms:
            shocked = t.worth(1 + spot, pmrm_shift(kind, p, t))
            side = p["discount_long"] if shocked >= 0 else p["discount_short"]
            fade = exp(-t.tau * (t.r * side["rate_multiple"] + side["rate_add"]))
            factor = side["base"] * fade if shocked >= 0 else min(1 / t.D, side["base"] / fade)
            gain = (factor * shocked - t.worth()) * damp
            total += -abs(gain) if kind in ("linear", "abs") else gain
        gains.append(total)
    basis = mpf(0)
    for t in book.terms:
        loss = min([mpf(0)] + [t.worth(1 + p["basis"][way]) - t.worth() for way in ("up", "down")])
        basis += loss * (p["basis"]["add"] + p["basis"]["multiple"] * t.tau)
    worst = min(gains + [basis])
    naked = mpf(0)
    for t in book.terms:
        for strike in {K for _, K, _, _ in t.flows}:
            naked += max(mpf(0), -sum(n for _, K, _, n in t.flows if K == strike))
    c = p["contingency"]
    held = lambda purpose: (abs(book.q) * book.S * c["perpetual_" + purpose] + naked * book.S * c["option_" + purpose]
                            + book.pledged * c["collateral_" + purpose])
    o = p["oracle"]
    doubts = [(min(book.spot_feed, book.perpetual_feed), o["perpetual"], abs(book.q) * book.S)]
    whole = [book.spot_feed] + ([book.perpetual_feed] if book.q != 0 else [])
    for t in book.terms:
        feed = min(t.feeds + whole)
        doubts.append((feed, o["option"], sum(abs(n) for _, _, _, n in t.flows) * book.S))
    doubts += [(min(feed, book.spot_feed), o["collateral"], value) for value, feed, _ in book.pledges]
    oracle = sum(((1 - feed) * share * size for feed, share, size in doubts if feed < o["threshold"]), mpf(0))
    factor = p["initial_factor"] + max(mpf(0), p["peg"]["threshold"] - book.stable) * p["peg"]["factor"]
    im = worst * factor - held("initial") - oracle - held("maintenance") + book.mtm + book.cash
    mm = worst * p["maintenance_factor"] - held("maintenance") + book.mtm + book.cash
    return im, mm, book.mtm, worst, gains


def srm(book, over):
    p = numbers(merged(SRM, over))

    def alone(purpose, right, K, mark):
        mm = p["option_maintenance"] * (book.S if right == "call" else max(book.S, mark)) + mark
        if purpose == "maintenance":
            return mm
        out = max(mpf(0), K - book.S if right == "call" else book.S - K) / book.S
        im = max(p["option_initial"] - out, p["option_initial_floor"]) * book.S + mark
        return im if right == "call" else max(im, p["put_initial_over_maintenance"] * mm)

    undiscounted = {t.id: [(right, K, t.price(right, t.F, K, vol, discount=mpf(1)), n) for right, K, vol, n in t.flows]
                    for t in book.terms}
    options = sum((mark * n for flows in undiscounted.values() for _, _, mark, n in flows), mpf(0))
    results, payoffs = [], []
    for purpose in ("initial", "maintenance"):
        total = book.cash + book.unrealised - abs(book.q) * book.P * p["perpetual_" + purpose]
        total += sum((worth * (1 - p["collateral_" + purpose]) for _, worth in book.pledge_assets), mpf(0))
        payoffs = []
        for t in book.terms:
            isolated = sum((n * alone(purpose, right, K, mark) for right, K, mark, n in undiscounted[t.id] if n < 0),
                           mpf(0))
            ends = sorted({K for _, K, _, _ in t.flows} | {mpf(0)})
            at = lambda x: sum((n * max(mpf(0), x - K if right == "call" else K - x) for right, K, _, n in t.flows),
                               mpf(0))
            paid = [at(x) for x in ends]
            payoffs += paid
            open_calls = max(mpf(0), -sum((n for right, _, _, n in t.flows if right == "call"), mpf(0)))
            together = min(paid + [mpf(0)]) - open_calls * t.F * p["unpaired_" + purpose]
            total += max(isolated, together)
        results.append(total)
    mtm = options + book.unrealised + book.pledged
    return results[0], results[1], mtm, min(payoffs, default=mpf(0)), payoffs


def span(book, over):
    p = numbers(merged(SPAN, over))
    grid = [(mpf(i) / 3 * p["price_scan"], way * p["vol_scan"], mpf(1)) for i in (0, 1, -1, 2, -2, 3, -3)
            for way in (1, -1)]
    far = p["price_scan"] * p["extreme_multiple"]
    grid += [(far, mpf(0), p["extreme_cover"]), (-far, mpf(0), p["extreme_cover"])]
    gains = []
    for move, shift, cover in grid:
        gain = book.q * book.P * move
        for t in book.terms:
            F, left = t.moved(max(mpf(0), 1 + move)), max(mpf(0), t.s - p["lookahead_seconds"])
            for right, K, vol, n in t.flows:
                gain += n * (t.price(right, F, K, max(mpf(0), vol + shift), left) - t.price(right, t.F, K, vol))
        gains.append(gain * cover)
    shorts = sum((max(mpf(0), -n) for t in book.terms for _, _, _, n in t.flows), mpf(0))
    need = max(-min(gains), shorts * book.S * p["short_option_minimum"], mpf(0))
    return need * p["initial_ratio"], need, book.mtm, min(gains), gains


def linear(portfolio, over):
    by_name = {m["market"]: m["rules"] for m in (over or {}).get("markets", [])}
    others = (over or {}).get("others", LINEAR["others"])
    im = mm = mtm = mpf(0)
    for position in portfolio["positions"]:
        rules = by_name.get(position["market"], others)
        left = abs(mpf(position["amount"])) * mpf(position["price"])
        lo, hi = mpf(rules.get("open_interest_lower", "0")), mpf(rules.get("open_interest_upper", "0"))
        crowd = min(mpf(1), max(mpf(0), (mpf(position.get("open_interest", "0")) - lo) / (hi - lo))) if hi > lo else 0
        start = mpf(0)
        for tier in rules.get("tiers", LINEAR["others"]["tiers"]):
            end = mpf(tier["up_to"]) if "up_to" in tier else mpf("inf")
            part = min(left, end - start)
            base = mpf(tier["initial"])
            im += part * (base + (1 - base) * crowd)
            mm += part * mpf(tier["maintenance"])
            left, start = left - part, end
        mtm += mpf(position.get("unrealised", "0"))
    return im, mm, mtm, mpf(0), []


class Draw:
    """Random portfolios. Every number is decimal text from the start."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, least, most, decimals):
        scaled = self.random.randint(round(least * 10 ** decimals), round(most * 10 ** decimals))
        text = f"{abs(scaled):0{decimals + 1}d}"
        text = text[:-decimals] + "." + text[-decimals:] if decimals else text
        text = text.rstrip("0").rstrip(".") if decimals else text
        return ("-" if scaled < 0 else "") + text

    def feed(self, into, name):
        if self.random.random() < 0.15:
            into[name] = self.text(0, 1, 2)

    def portfolio(self):
        r = self.random
        spot = r.choice([0.5, 30, 3000, 60000])
        decimals = 4 if spot < 1 else 2
        market = {"spot": self.text(spot * 0.8, spot * 1.2, decimals)}
        self.feed(market, "spot_confidence")
        if r.random() < 0.3:
            market["stable_price"] = self.text(0.9, 1.02, 3)
        self.feed(market, "stable_confidence")
        positions = {}
        now = float(market["spot"])
        if r.random() < 0.6:
            market["perpetual"] = {"price": self.text(now * 0.98, now * 1.02, decimals)}
            self.feed(market["perpetual"], "confidence")
            positions["perpetual"] = {"amount": self.text(-5, 5, 2)}
            if r.random() < 0.5:
                positions["perpetual"]["unrealised"] = self.text(-1000, 1000, 2)
        market["expiries"], options = [], []
        for number in range(r.choice([0, 1, 1, 1, 1, 2, 2, 4])):
            seconds = r.choice([r.randint(0, 1800), r.randint(1, 86400), 86400 * r.randint(1, 30), 2592000,
                                86400 * r.randint(31, 400), 86400 * r.randint(31, 1500)])
            forward = self.text(now * 0.95, now * 1.08, decimals)
            expiry = {"id": str(number), "expires_in_seconds": str(seconds), "forward": forward}
            if r.random() < 0.6:
                expiry["rate"] = self.text(-0.05, 0.15, 3)
            for name in ("forward_confidence", "rate_confidence", "vol_confidence"):
                self.feed(expiry, name)
            market["expiries"].append(expiry)
            self.options(number, float(forward), decimals, options)
        if options:
            positions["options"] = options
        if r.random() < 0.4:
            asset = {"asset": "A", "amount": self.text(0, 5, 2), "price": market["spot"], "risk_cancelling": True}
            self.feed(asset, "confidence")
            positions["collateral"] = [asset]
            if r.random() < 0.5:
                positions["collateral"].append({"asset": "B", "amount": self.text(0, 900, 1), "price": "1.01",
                                                "risk_cancelling": False})
        return {"cash": self.text(-5000, 90000, 2), "market": market, "positions": positions}

    def options(self, expiry, forward, decimals, options):
        r = self.random
        strikes = {}
        seen = set()
        for _ in range(r.choice([1, 1, 2, 2, 3, 4])):
            strike = self.text(forward * 0.6, forward * 1.6, min(decimals, 2))
            if strikes and r.random() < 0.4:
                strike = r.choice(sorted(strikes))
            if float(strike) <= 0:
                continue
            vol = strikes.setdefault(strike, self.text(0.1, 1.6, 3) if r.random() < 0.95 else r.choice(["0", "60"]))
            right = r.choice(["call", "put"])
            if (strike, right) not in seen:
                seen.add((strike, right))
                options.append({"expiry": str(expiry), "right": right, "strike": strike, "vol": vol,
                                "amount": self.text(-5, 5, 1)})

    def over(self, base):
        """Parameters that differ from the defaults here and there."""
        out = {}
        for key, value in base.items():
            if isinstance(value, dict):
                inner = self.over(value)
                if inner:
                    out[key] = inner
            elif self.random.random() < 0.25:
                number = float(value)
                if key == "initial_ratio":
                    out[key] = self.text(1, 1.5, 3)
                elif key in ("width_floor", "floor_seconds"):
                    out[key] = self.text(number * 0.5, number * 2, 3)
                elif key == "width_b":
                    out[key] = self.text(0, 0.5, 3)
                elif key in ("rate_add",):
                    out[key] = self.text(0, 0.2, 3)
                else:
                    out[key] = self.text(min(number * 0.5, number * 1.5), max(number * 0.5, number * 1.5), 4)
        return out

    def linear(self):
        r = self.random
        positions = []
        for name in r.sample(["BTC", "ETH", "SOL", "XRP"], r.randint(0, 4)):
            position = {"market": name, "amount": self.text(-90, 90, 3), "price": self.text(1, 70000, 2)}
            if r.random() < 0.5:
                position["open_interest"] = self.text(0, 2000000, 0)
            if r.random() < 0.5:
                position["unrealised"] = self.text(-500, 500, 2)
            positions.append(position)
        rules = {"tiers": [{"up_to": self.text(1, 100000, 0), "initial": "0.02", "maintenance": "0.01"},
                           {"up_to": self.text(100001, 900000, 0), "initial": "0.05", "maintenance": "0.03"},
                           {"initial": self.text(0.1, 1, 2), "maintenance": "0.1"}],
                 "open_interest_lower": self.text(0, 1000000, 0), "open_interest_upper": self.text(1000000, 2000000, 0)}
        params = r.choice([None, {"others": rules}, {"markets": [{"market": "BTC", "rules": rules}]}])
        return {"cash": self.text(-500, 500, 2), "positions": positions}, params


def result(margins):
    """Fourteen digits of each margin, and of the scenarios one weighted sum: Σ i·pnl, counted from one."""
    im, mm, mtm, worst, gains = margins
    mixed = sum(((number + 1) * gain for number, gain in enumerate(gains)), mpf(0))
    return [nstr(value, 14, strip_zeros=True, min_fixed=-100, max_fixed=100) for value in (im, mm, mtm, worst, mixed)]


def main():
    draw = Draw(SEED)
    lines = []
    for _ in range(CASES):
        portfolio = draw.portfolio()
        book = Book(portfolio)
        entry = {"portfolio": portfolio, "expected": {}}
        for name, rules, base in (("derive-pmrm2", pmrm, PMRM), ("derive-srm", srm, SRM), ("span16", span, SPAN)):
            over = draw.over(base) if draw.random.random() < 0.4 else None
            if over:
                entry.setdefault("params", {})[name] = over
            entry["expected"][name] = result(rules(book, over))
        lines.append(entry)
    for _ in range(LINEAR_CASES):
        portfolio, params = draw.linear()
        entry = {"portfolio": portfolio, "expected": {"linear": result(linear(portfolio, params))}}
        if params:
            entry["params"] = {"linear": params}
        lines.append(entry)
    text = ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    sys.stdout.write(f'{{"seed":{SEED},"cases":[\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
