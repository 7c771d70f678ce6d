//! The properties, family by family.

mod clearing;
mod custody;
mod debts;
mod kernel;
mod ledger;
mod liquidation;
mod units;

use super::world::{self, Claim, Exact, Prover, number};

/// Every property.
pub const ALL: &[&[symx::Harness<Prover>]] = &[
    kernel::ALL,
    units::ALL,
    ledger::ALL,
    clearing::ALL,
    liquidation::ALL,
    debts::ALL,
    custody::ALL,
];

/// What an operation on numbers returns.
type Outcome<T> = Result<T, world::units::ArithmeticError>;

/// A quantity with a unit: any of them, for properties that all units share.
trait Unit: Copy + Ord {
    /// The largest value that the unit decodes.
    const LIMIT: i128;

    fn of(number: world::units::Num) -> Self;
    fn inside(self) -> world::units::Num;

    fn plus(self, other: Self) -> Outcome<Self>;
    fn minus(self, other: Self) -> Outcome<Self>;
    fn negated(self) -> Outcome<Self>;
    fn magnitude(self) -> Outcome<Self>;
    fn within_limit(self) -> Outcome<Self>;
    fn lesser(self, other: Self) -> Self;
    fn greater(self, other: Self) -> Self;

    /// Returns the value without its bounds.
    fn exact(self) -> Exact {
        world::exact(self.inside())
    }

    /// Returns any value of 128 bits.
    fn any(prover: &mut Prover, name: &str) -> Self {
        Self::between(prover, name, i128::MIN, i128::MAX)
    }

    /// Returns any value inside the unit's limit.
    fn limited(prover: &mut Prover, name: &str) -> Self {
        Self::between(prover, name, -Self::LIMIT, Self::LIMIT)
    }

    /// Returns any value in a range.
    fn between(prover: &mut Prover, name: &str, lowest: i128, highest: i128) -> Self {
        Self::of(number(prover.any(name, lowest, highest)))
    }
}

macro_rules! unit {
    ($($name:ident),*) => {
        $(impl Unit for world::units::$name {
            const LIMIT: i128 = Self::LIMIT;

            fn of(number: world::units::Num) -> Self {
                Self::from_number(number)
            }
            fn inside(self) -> world::units::Num {
                self.number()
            }
            fn plus(self, other: Self) -> Outcome<Self> {
                self.plus(other)
            }
            fn minus(self, other: Self) -> Outcome<Self> {
                self.minus(other)
            }
            fn negated(self) -> Outcome<Self> {
                self.negated()
            }
            fn magnitude(self) -> Outcome<Self> {
                self.magnitude()
            }
            fn within_limit(self) -> Outcome<Self> {
                self.within_limit()
            }
            fn lesser(self, other: Self) -> Self {
                self.lesser(other)
            }
            fn greater(self, other: Self) -> Self {
                self.greater(other)
            }
        })*
    };
}
unit!(
    Price,
    Quantity,
    Notional,
    Amount,
    Lots,
    Bps,
    Ppm,
    Ppb,
    Vol,
    BlockTime,
    BlockSpan,
    BlockHeight
);

/// Claims that an integer fits in 128 bits.
fn fits(value: Exact) -> Claim {
    value.within(Exact::new(i128::MIN), Exact::new(i128::MAX))
}

/// Returns a small number for a specification.
fn whole(value: i128) -> Exact {
    Exact::new(value)
}

/// Returns whether an input bit is set, exploring both.
fn flip(prover: &mut Prover, name: &str) -> bool {
    let bit = prover.any(name, 0, 1);
    prover.decide(&bit.equals(whole(1)))
}
