//! The forty-eight scenarios: which way the index, the vols, the skew and the term structure move, and with what weight.
//!
//! **Invariant:** every scenario values each contract on its own, so an account's loss in a scenario is linear in its
//! positions. The order of the set is fixed, because scenario numbers appear in proofs and reports. Two kinds more have
//! no place in the set: [`ScenarioId::BASIS`], which is not linear (see [`crate::basis`]), and [`ScenarioId::STRIKE`], whose places
//! are not the same in every block (see [`crate::strikes`]).

use units::Ppm;

/// How many scenarios there are.
pub const SCENARIOS: usize = 48;

/// How the index, and every forward with it, moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpotMove {
    /// By a share of the underlying's scan range.
    Range(Ppm),
    /// By a fixed ratio of the price.
    Ratio(Ppm),
}

/// How implied vols move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VolMove {
    /// Down, more for near expiries.
    Down,
    /// Not at all.
    Same,
    /// Up, more for near expiries, and at least to a floor.
    Up,
    /// High strikes dearer, low strikes cheaper.
    SkewUp,
    /// High strikes cheaper, low strikes dearer.
    SkewDown,
    /// Both wings dearer.
    WingsUp,
    /// Both wings cheaper.
    WingsDown,
    /// Near expiries dearer, far expiries cheaper.
    FrontUp,
    /// Near expiries cheaper, far expiries dearer.
    FrontDown,
}

/// One scenario: moves, and the share of its loss that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scenario {
    /// The index.
    pub spot: SpotMove,
    /// The vols.
    pub vol: VolMove,
    /// The share, in (0, 1].
    pub weight: Ppm,
}

/// The number of a scenario: below [`SCENARIOS`], [`Self::BASIS`], or [`Self::STRIKE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScenarioId(u8);

impl ScenarioId {
    /// The scenario beside the set: each basis moves by itself, against the account (0019-MARG-040).
    pub const BASIS: Self = Self(48);
    /// All scenarios beside the set in which the index stands at a strike of the day (0019-MARG-042).
    pub const STRIKE: Self = Self(49);

    /// Wraps the number of a scenario of the set; `None` if there is no such scenario.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        if number >= SCENARIOS {
            return None;
        }
        u8::try_from(number).ok().map(Self)
    }

    /// Returns the scenario of the lowest sum: of the set, with its number, in the basis scenario, or at a strike; the first of
    /// equals.
    pub(crate) fn worst<T: Ord>((of_set, number): (T, usize), basis: T, strike: T) -> Self {
        match (basis < of_set, strike < of_set, strike < basis) {
            (_, true, true) => Self::STRIKE,
            (true, ..) => Self::BASIS,
            _ => Self::new(number).unwrap_or_default(),
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for ScenarioId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of the scenario with the index one fifth of the scan range down and nothing else moved.
pub(crate) const DOWN_ONE_FIFTH: usize = 13;
/// Number of the scenario with the index one fifth of the scan range up and nothing else moved.
pub(crate) const UP_ONE_FIFTH: usize = 19;
/// Number of the scenario with vols down and nothing else moved.
pub(crate) const VOLS_DOWN: usize = 15;
/// Number of the scenario with vols up and nothing else moved.
pub(crate) const VOLS_UP: usize = 17;

const fn moved(spot: SpotMove, vol: VolMove, weight_parts: i128) -> Scenario {
    Scenario { spot, vol, weight: Ppm::from_parts(weight_parts) }
}

const fn of_range(tenths: i128) -> SpotMove {
    SpotMove::Range(Ppm::from_parts(tenths.saturating_mul(100_000)))
}

const fn grid(tenths: i128) -> [Scenario; 3] {
    let spot = of_range(tenths);
    [
        moved(spot, VolMove::Down, 1_000_000),
        moved(spot, VolMove::Same, 1_000_000),
        moved(spot, VolMove::Up, 1_000_000),
    ]
}

const fn tail(ratio_parts: i128, weight_parts: i128) -> Scenario {
    moved(SpotMove::Ratio(Ppm::from_parts(ratio_parts)), VolMove::Up, weight_parts)
}

const fn extreme(tenths: i128, weight_parts: i128) -> Scenario {
    moved(of_range(tenths), VolMove::Up, weight_parts)
}

const fn still(vol: VolMove) -> Scenario {
    moved(of_range(0), vol, 1_000_000)
}

/// The standard set (0019-MARG-001).
#[rustfmt::skip]
pub const STANDARD: [Scenario; SCENARIOS] = {
    let [a0, a1, a2] = grid(-10); // 0–2
    let [b0, b1, b2] = grid(-8);
    let [c0, c1, c2] = grid(-6);
    let [d0, d1, d2] = grid(-4);
    let [e0, e1, e2] = grid(-2); // 12–14
    let [f0, f1, f2] = grid(0); // 15–17
    let [g0, g1, g2] = grid(2); // 18–20
    let [h0, h1, h2] = grid(4);
    let [i0, i1, i2] = grid(6);
    let [j0, j1, j2] = grid(8);
    let [k0, k1, k2] = grid(10); // 30–32
    [
        a0, a1, a2, b0, b1, b2, c0, c1, c2, d0, d1, d2, e0, e1, e2, f0, f1, f2,
        g0, g1, g2, h0, h1, h2, i0, i1, i2, j0, j1, j2, k0, k1, k2,
        extreme(-15, 500_000), extreme(15, 500_000), extreme(-20, 350_000), extreme(20, 350_000), // 33–36
        tail(-660_000, 210_000), tail(-330_000, 420_000), // 37–38
        tail(500_000, 277_200), tail(1_000_000, 138_600), tail(3_000_000, 46_200), // 39–41
        still(VolMove::SkewUp), still(VolMove::SkewDown), // 42–43
        still(VolMove::WingsUp), still(VolMove::WingsDown), // 44–45
        still(VolMove::FrontUp), still(VolMove::FrontDown), // 46–47
    ]
};
