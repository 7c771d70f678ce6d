// Prices options with QuantLib's Black formula, in C++: a peer for the kernel of crates/core/pricing.
//
// Usage: quantlib SEED COUNT ROUNDS. The options are those of crates/dev/testkit/benches/quantlib.rs, drawn from the
// same generator. Prints the version, the nanoseconds of one price in the fastest round, from forward, strike, vol and
// time (`cold_ns`) and from the standard deviation (`prepared_ns`), then each value in micro-dollars.
//
// Build: g++ -std=c++17 -O3 quantlib.cpp -lQuantLib (Debian: libquantlib0-dev).
#include <ql/pricingengines/blackformula.hpp>
#include <ql/version.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct SplitMix {
    std::uint64_t state;
    std::uint64_t next() {
        state += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
};

struct Terms {
    QuantLib::Option::Type type;
    double forward, strike, vol, years, deviation;
};

std::vector<Terms> draw(std::uint64_t seed, std::size_t count) {
    SplitMix random{seed};
    std::vector<Terms> all;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t forward = 10'000'000'000u + random.next() % 100'000'000'000u;
        const std::uint64_t strike = forward * (500 + random.next() % 1'500) / 1'000;
        const std::uint64_t points = 500 + random.next() % 19'500;
        const std::uint64_t millis = 3'600'000u + random.next() % 63'072'000'000u;
        const auto type = random.next() % 2 == 0 ? QuantLib::Option::Call : QuantLib::Option::Put;
        const double vol = double(points) / 10'000, years = double(millis) / 31'536'000'000.0;
        all.push_back({type, double(forward), double(strike), vol, years, vol * std::sqrt(years)});
    }
    return all;
}

template <typename Price>
double fastest(const std::vector<Terms>& all, std::vector<double>& values, int rounds, Price price) {
    double best = HUGE_VAL;
    for (int round = 0; round < rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < all.size(); ++i) values[i] = price(all[i]);
        const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
        best = std::min(best, spent.count() / double(all.size()));
    }
    return best;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "usage: quantlib SEED COUNT ROUNDS\n");
        return 2;
    }
    const auto all = draw(std::strtoull(arguments[1], nullptr, 10), std::strtoull(arguments[2], nullptr, 10));
    const int rounds = std::atoi(arguments[3]);
    std::vector<double> values(all.size());
    // The price of the forward in micro-dollars is the value in micro-dollars: the formula has no other unit.
    const double cold = fastest(all, values, rounds, [](const Terms& terms) {
        return QuantLib::blackFormula(terms.type, terms.strike, terms.forward, terms.vol * std::sqrt(terms.years));
    });
    const double prepared = fastest(all, values, rounds, [](const Terms& terms) {
        return QuantLib::blackFormula(terms.type, terms.strike, terms.forward, terms.deviation);
    });
    std::printf("version %s\ncold_ns %.3f\nprepared_ns %.3f\n", QL_VERSION, cold, prepared);
    for (const double value : values) std::printf("value %.4f\n", value);
}
