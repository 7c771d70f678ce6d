#!/usr/bin/env python3
"""Prices options with QuantLib's Black formula, from Python: a peer for the kernel of crates/core/pricing.

Usage: quantlib.py SEED COUNT ROUNDS. Options and output are those of quantlib.cpp beside it. QuantLib offers no price
of many options in one call, so every figure includes a call from Python; quantlib.cpp is the fair peer.

Needs: python3 -m pip install --target target/quantlib QuantLib, and PYTHONPATH=target/quantlib.
"""

import math
import sys
import time

import QuantLib

MASK = 2**64 - 1


def split_mix(state):
    """Yields the numbers of SplitMix64."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def draw(seed, count):
    """Returns type, forward, strike, vol and years of each option."""
    random = split_mix(seed)
    options = []
    for _ in range(count):
        forward = 10_000_000_000 + next(random) % 100_000_000_000
        strike = forward * (500 + next(random) % 1_500) // 1_000
        vol = (500 + next(random) % 19_500) / 10_000
        years = (3_600_000 + next(random) % 63_072_000_000) / 31_536_000_000
        kind = QuantLib.Option.Call if next(random) % 2 == 0 else QuantLib.Option.Put
        options.append((kind, float(forward), float(strike), vol, years))
    return options


def fastest(rounds, count, price_all):
    """Returns nanoseconds an option in the fastest round, and the values."""
    best = math.inf
    for _ in range(rounds):
        start = time.perf_counter_ns()
        values = price_all()
        best = min(best, (time.perf_counter_ns() - start) / count)
    return best, values


def main():
    """Prints the figures and the values."""
    seed, count, rounds = (int(argument) for argument in sys.argv[1:])
    options = draw(seed, count)
    deviations = [(k, f, x, vol * math.sqrt(t)) for k, f, x, vol, t in options]
    black, sqrt = QuantLib.blackFormula, math.sqrt
    cold, _ = fastest(rounds, count, lambda: [black(k, x, f, v * sqrt(t)) for k, f, x, v, t in options])
    prepared, values = fastest(rounds, count, lambda: [black(k, x, f, s) for k, f, x, s in deviations])
    print(f"version {QuantLib.__version__}\ncold_ns {cold:.3f}\nprepared_ns {prepared:.3f}")
    for value in values:
        print(f"value {value:.4f}")


if __name__ == "__main__":
    main()
