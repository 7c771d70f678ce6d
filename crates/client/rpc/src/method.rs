//! What a method is, and what the table says of each.

use crate::Call;
use crate::error::ErrorCode;
use crate::shape::{Field, Shape};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The parameters of a method, which name the type of its result.
pub trait Method: Serialize + DeserializeOwned + Into<Call> + Send {
    /// What is answered.
    type Reply: Serialize + DeserializeOwned + Send;

    /// The method's row in the table.
    const ROW: Row;

    /// Returns how many things are asked for or sent, where the cost goes by that.
    fn count(&self) -> u64 {
        1
    }
}

/// Who is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Whoever reaches the port for clients; the operator, too.
    Clients,
    /// Whoever may open the operator's socket.
    Operator,
}

impl Door {
    /// Whether who came through this door may call a method that is for another.
    #[must_use]
    pub const fn opens(self, other: Self) -> bool {
        matches!((self, other), (Self::Operator, _) | (Self::Clients, Self::Clients))
    }
}

/// What a call takes of the rate limit of its address, in units of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// So much for each call.
    Each(u32),
    /// One unit for so many things, at least one and at most so many.
    Counted {
        /// What is counted.
        of: &'static str,
        /// How many of them cost one unit.
        per: u64,
        /// Most units for one call.
        most: u32,
    },
}

impl Cost {
    /// Returns the units of a call that asks for, or sends, so many things.
    #[must_use]
    pub fn units(self, count: u64) -> u32 {
        match self {
            Self::Each(units) => units,
            Self::Counted { per, most, .. } => {
                let units = count.checked_div(per).unwrap_or(count);
                u32::try_from(units).unwrap_or(u32::MAX).clamp(1, most)
            }
        }
    }
}

/// What the table says of a method.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name on the wire.
    pub name: &'static str,
    /// What comes back, in one sentence.
    pub summary: &'static str,
    /// What the summary leaves out: units, bounds, what is waited for. Empty if nothing.
    pub details: &'static str,
    /// Who may call it.
    pub door: Door,
    /// Its parameters.
    pub params: &'static [Field],
    /// What its result looks like.
    pub result: Shape,
    /// What shows the result to be true to somebody who trusts no node.
    pub proof: &'static str,
    /// When it is refused, besides what holds for every method: a bad parameter, and a rate limit that is spent.
    pub errors: &'static [(ErrorCode, &'static str)],
    /// What it takes of the rate limit.
    pub cost: Cost,
    /// Calls and their results, as a network gave them; bytes of results are cut.
    pub examples: &'static [Example],
}

/// A call and its result, in JSON.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The parameters.
    pub params: &'static str,
    /// The result.
    pub result: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_costs_at_least_one_unit_and_never_more_than_the_most() {
        let cost = Cost::Counted { of: "submissions", per: 4, most: 2_000 };
        let units = [0, 3, 4, 9, 8_000, 10_000, u64::MAX].map(|count| cost.units(count));
        assert_eq!(units, [1, 1, 1, 2, 2_000, 2_000, 2_000]);
        assert_eq!(Cost::Each(40).units(u64::MAX), 40);
    }

    #[test]
    fn the_operator_calls_all_and_clients_what_is_theirs() {
        assert!(Door::Operator.opens(Door::Operator) && Door::Operator.opens(Door::Clients));
        assert!(Door::Clients.opens(Door::Clients) && !Door::Clients.opens(Door::Operator));
    }
}
