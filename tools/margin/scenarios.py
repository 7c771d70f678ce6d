#!/usr/bin/env python3
"""Writes what a lot gains in each of the 48 scenarios, computed from spec/0019-margin.md and from nothing else.

    python3 tools/margin/scenarios.py > crates/core/margin/tests/scenarios.txt

Needs mpmath 1.3. Nothing is shared with the Rust crate: forty digits, logarithms and normal probabilities of mpmath, a put by its
own formula and not by parity, scenarios written out as the table of 0019-MARG-001 lists them.

A row: index and forward in micro-dollars, scan range in millionths, number of the parameters, milliseconds to expiry (-1: never), part of
the settlement price that is fixed in micro-dollars, strike in micro-dollars (0: none), C or P or F, vol in hundredths of a percent, how far
a number may be off in micro-dollars, then 48 profits of a lot of one unit, weighted, in micro-dollars to the nearest.
"""

from mpmath import mp, mpf, ceil, floor, log, ncdf, nint, npdf, sqrt

mp.dps = 40
DAY = 86400000
HALF_HOUR = 1800000
YEAR = 365 * DAY
MILLION = 1000000

# Numbers of 0019-MARG-002, and others within their bounds, so that none can stand for another.
PARAMETERS = [
    dict(up="0.5", down="0.25", floor="0.45", near="0.3", far="0.13", cap="0.25", decline="0.1", width="2.4",
         width_floor="0.01", front_up=("1.2", "0.9"), front_down=("0.85", "1.1")),
    dict(up="0.8", down="0.35", floor="0.3", near="0.5", far="0.21", cap="0.4", decline="0.03", width="1.3",
         width_floor="0.05", front_up=("1.35", "0.75"), front_down=("0.65", "1.25")),
]


def scenarios():
    """The table of 0019-MARG-001: (kind of move, size, vols, weight)."""
    out = []
    for j in range(-5, 6):
        for vols in ("down", "same", "up"):
            out.append(("range", mpf(j) / 5, vols, mpf(1)))
    for tenths, weight in ((-15, "0.5"), (15, "0.5"), (-20, "0.35"), (20, "0.35")):
        out.append(("range", mpf(tenths) / 10, "up", mpf(weight)))
    for ratio, weight in (("-0.66", "0.21"), ("-0.33", "0.42"), ("0.5", "0.2772"), ("1", "0.1386"), ("3", "0.0462")):
        out.append(("ratio", mpf(ratio), "up", mpf(weight)))
    for vols in ("skew up", "skew down", "wings up", "wings down", "front up", "front down"):
        out.append(("range", mpf(0), vols, mpf(1)))
    return out


def black(right, F, K, sd):
    """What an option is worth; without variance, what it would pay."""
    if K <= 0:
        return F - K if right == "C" else mpf(0)
    if F <= 0 or sd <= 0:
        return max(F - K, mpf(0)) if right == "C" else max(K - F, mpf(0))
    up = (log(F / K) + sd * sd / 2) / sd
    down = up - sd
    if right == "C":
        return F * ncdf(up) - K * ncdf(down)
    return K * ncdf(-down) - F * ncdf(-up)


def vega(F, K, sd, root):
    if K <= 0 or F <= 0 or sd <= 0:
        return mpf(0)
    return F * npdf((log(F / K) + sd * sd / 2) / sd) * root


class Contract:
    def __init__(self, parameters, millis, fixed, forward, strike, right, vol):
        p = {k: mpf(v) if isinstance(v, str) else tuple(map(mpf, v)) for k, v in PARAMETERS[parameters].items()}
        self.right, self.vol = right, vol
        in_window = 0 <= millis < HALF_HOUR
        self.fixed = mpf(fixed)
        self.moving = mpf(forward) * millis / HALF_HOUR if in_window else mpf(forward)
        variance = mpf(millis) / 3 if in_window else mpf(millis) - mpf(HALF_HOUR) * 2 / 3
        tau = max(variance, mpf(0)) / YEAR
        self.root = sqrt(tau)
        self.K = mpf(strike) - self.fixed
        near = millis <= 30 * DAY
        m = (mpf(30 * DAY) / max(millis, DAY)) ** (p["near"] if near else p["far"])
        cap = max(p["cap"] - p["decline"] * self.root, mpf(0))
        width = max(p["width_floor"], p["width"] * self.root)
        k = 2 * (self.K - self.moving) / (self.K + self.moving) if right in "CP" and self.K > 0 else mpf(0)
        x = min(max(cap * k / width, -cap), cap)
        pick = 0 if near else 1
        self.vols = {
            "same": vol,
            "up": max(vol * (1 + p["up"] * m), p["floor"]),
            "down": vol * max(mpf(0), 1 - p["down"] * m),
            "skew up": vol * (1 + x),
            "skew down": vol * (1 - x),
            "wings up": vol * (1 + abs(x)),
            "wings down": vol * (1 - abs(x)),
            "front up": vol * p["front_up"][pick],
            "front down": vol * p["front_down"][pick],
        }
        # What rounding to millionths may move a vol by, relative to it: m, and k, cap and width of x.
        of_x = (cap + abs(x) * (p["width"] + 1) + p["decline"] * width) / width + 1
        self.unsure = max(of_x, mpf(3)) / MILLION

    def value(self, vols, ratio):
        if self.right == "F":
            return self.moving * ratio + self.fixed
        return black(self.right, self.moving * ratio, self.K, self.vols[vols] * self.root)

    def slack(self, moves):
        """How far rounding may carry a profit: a micro-dollar each for value, mark and forward, and what vols are unsure of."""
        if self.right == "F":
            return 3
        greatest = max(weight * vega(self.moving * ratio, self.K, self.vols[vols] * self.root, self.root) * self.vols[vols]
                       for ratio, vols, weight in moves)
        return int(ceil(4 + greatest * 2 * self.unsure))


def moved(kind, size, range_ppm):
    """An index move: away from zero to a millionth, at least -99 %."""
    parts = size * range_ppm if kind == "range" else size * MILLION
    whole = nint(parts)
    if abs(parts - whole) > mpf(10) ** -9:
        whole = ceil(abs(parts)) * (1 if parts > 0 else -1)
    return max(whole, mpf(-990000)) / MILLION


def row(index, range_ppm, parameters, millis, forward, strike, right, vol):
    fixed = 0
    if 0 <= millis < HALF_HOUR:
        # As if the index had stood a hundredth lower so far.
        fixed = int(index * 99 // 100 * (HALF_HOUR - millis) // HALF_HOUR)
    contract = Contract(parameters, millis, fixed, forward, strike, right, mpf(vol) / 10000)
    mark = floor(contract.value("same", 1))
    profits = []
    moves = []
    for kind, size, vols, weight in scenarios():
        ratio = 1 + moved(kind, size, range_ppm)
        moves.append((ratio, vols, weight))
        gained = contract.value(vols, ratio) - mark
        profits.append(int(nint(gained * weight)))
    numbers = [index, forward, range_ppm, parameters, millis, fixed, strike, right, vol, contract.slack(moves), *profits]
    return " ".join(str(number) for number in numbers)


def main():
    print("# Made by tools/margin/scenarios.py (mpmath, forty digits) from spec/0019-margin.md, 0019-MARG-001, 002, 005: do not edit.")
    dollar = MILLION
    for index, range_ppm in ((60000 * dollar, 160000), (3141 * dollar, 213337)):
        print(row(index, range_ppm, 0, -1, index, 0, "F", 0))
        for days in (1, 30, 400):
            print(row(index, range_ppm, 0, days * DAY, index + index * days // 3650, 0, "F", 0))
    for parameters in (0, 1):
        for millis in (20 * 60000, 2 * 3600000, DAY, 7 * DAY, 30 * DAY, 30 * DAY + 1, 90 * DAY, 365 * DAY, 900 * DAY):
            index, range_ppm = (60000 * dollar, 160000) if parameters == 0 else (3141 * dollar, 213337)
            forward = index + index * millis // (3650 * DAY)
            for percent, right in ((55, "P"), (85, "P"), (97, "C"), (100, "C"), (100, "P"), (104, "C"), (130, "C"), (220, "C")):
                vol = 5500 + (percent - 100) ** 2 // 3
                print(row(index, range_ppm, parameters, millis, forward, index * percent // 100, right, vol))


main()
