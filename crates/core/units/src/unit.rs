//! The shape that every unit shares: hidden number, checked sums, exact text, bounded encoding.

/// Declares a unit: a hidden [`num::Num`], its accessors, its decimals in text and its width on the wire.
macro_rules! unit {
    (
        $(#[$doc:meta])*
        $name:ident, $get:ident, $from:ident, decimals $decimals:literal, wire $wire:ty, limit $limit:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[must_use]
        pub struct $name($crate::Num);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self($crate::Num::new(0));
            /// The largest value that is decoded or parsed, either sign.
            pub const LIMIT: i128 = $limit;

            #[doc = concat!("Returns the value of a whole number of ", stringify!($get), ".")]
            pub const fn $from(value: i128) -> Self {
                Self($crate::Num::new(value))
            }

            #[doc = concat!("Returns the whole number of ", stringify!($get), ", for codecs, text and bounded kernels.")]
            #[must_use]
            pub const fn $get(self) -> i128 {
                self.0.raw()
            }

            /// Wraps a closed number, for proofs and for the operations of this crate.
            pub const fn from_number(number: $crate::Num) -> Self {
                Self(number)
            }

            /// Returns the closed number inside, for proofs and for the operations of this crate.
            #[must_use]
            pub const fn number(self) -> $crate::Num {
                self.0
            }

            /// Returns `self + other`.
            ///
            /// # Errors
            ///
            /// [`ArithmeticError`](crate::ArithmeticError) if the sum does not fit.
            pub fn plus(self, other: Self) -> Result<Self, $crate::ArithmeticError> {
                self.0.plus(other.0).map(Self)
            }

            /// Returns `self − other`.
            ///
            /// # Errors
            ///
            /// [`ArithmeticError`](crate::ArithmeticError) if the difference does not fit.
            pub fn minus(self, other: Self) -> Result<Self, $crate::ArithmeticError> {
                self.0.minus(other.0).map(Self)
            }

            /// Returns `−self`.
            ///
            /// # Errors
            ///
            /// [`ArithmeticError`](crate::ArithmeticError) if the negation does not fit.
            pub fn negated(self) -> Result<Self, $crate::ArithmeticError> {
                Self::ZERO.minus(self)
            }

            /// Returns the absolute value.
            ///
            /// # Errors
            ///
            /// [`ArithmeticError`](crate::ArithmeticError) if it does not fit.
            pub fn magnitude(self) -> Result<Self, $crate::ArithmeticError> {
                self.negated().map(|negated| self.greater(negated))
            }

            /// Returns the smaller of two values.
            pub fn lesser(self, other: Self) -> Self {
                Self(self.0.lesser(other.0))
            }

            /// Returns the greater of two values.
            pub fn greater(self, other: Self) -> Self {
                Self(self.0.greater(other.0))
            }

            /// Returns `self` if its magnitude is within the limit of the unit.
            ///
            /// # Errors
            ///
            /// [`ArithmeticError::OutOfLimits`](crate::ArithmeticError::OutOfLimits) if it is not.
            pub fn within_limit(self) -> Result<Self, $crate::ArithmeticError> {
                let limit = Self::$from(Self::LIMIT);
                if self > limit || self.plus(limit)? < Self::ZERO {
                    return Err($crate::ArithmeticError::OutOfLimits);
                }
                Ok(self)
            }
        }

        // By hand, so that a comparison forks a prover once: the derived form compares twice.
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
            fn lt(&self, other: &Self) -> bool {
                self.0 < other.0
            }
            fn le(&self, other: &Self) -> bool {
                self.0 <= other.0
            }
            fn gt(&self, other: &Self) -> bool {
                self.0 > other.0
            }
            fn ge(&self, other: &Self) -> bool {
                self.0 >= other.0
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.cmp(&other.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::decimal::write(f, self.0.raw(), $decimals)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::decimal::parse(text, $decimals, Self::LIMIT).map(Self::$from)
            }
        }

        impl borsh::BorshSerialize for $name {
            fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
                <$wire>::try_from(self.0.raw())
                    .map_err(|_| $crate::decimal::out_of_limits(stringify!($name)))?
                    .serialize(writer)
            }
        }

        impl borsh::BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                let raw = <$wire as borsh::BorshDeserialize>::deserialize_reader(reader)?;
                Self::$from(i128::from(raw))
                    .within_limit()
                    .map_err(|_| $crate::decimal::out_of_limits(stringify!($name)))
            }
        }
    };
}

pub(crate) use unit;
