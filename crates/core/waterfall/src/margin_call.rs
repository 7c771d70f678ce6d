//! When an account is called for margin: what it lacks of initial margin, and whether it has had its time.

use protocol::Fault;
use units::{BlockSpan, Notional};

/// What an account has, and the levels that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// Equity.
    pub equity: Notional,
    /// Initial margin.
    pub initial: Notional,
    /// Maintenance margin.
    pub maintenance: Notional,
}

impl Levels {
    /// Returns what equity lacks of initial margin, if anything.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0021-FALL-002.
    pub fn short_by(&self) -> Result<Option<Notional>, Fault> {
        let short_by = self.initial.minus(self.equity).map_err(Fault::at("margin call"))?;
        Ok((short_by > Notional::ZERO).then_some(short_by))
    }

    /// Returns whether an account that is short is to be called: at once below maintenance margin, else once it has been short
    /// for as long as it may.
    ///
    /// spec 0021-FALL-002.
    #[must_use]
    pub fn is_due(&self, short_for: BlockSpan, grace: BlockSpan) -> bool {
        self.equity < self.maintenance || short_for >= grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_due_below_maintenance_or_after_its_time() {
        // 0021-FALL-002
        let dollars = Notional::from_micros;
        let call = |equity, short_for| {
            let [initial, maintenance] = [100, 60].map(dollars);
            let levels = Levels { equity: dollars(equity), initial, maintenance };
            let [short_for, grace] = [short_for, 30].map(BlockSpan::from_millis);
            let short_by = levels.short_by().unwrap();
            short_by.map(|short_by| (short_by.micros(), levels.is_due(short_for, grace)))
        };
        assert_eq!(call(100, 99), None);
        assert_eq!(call(99, 0), Some((1, false)));
        assert_eq!(call(99, 29), Some((1, false)));
        assert_eq!(call(99, 30), Some((1, true)));
        assert_eq!(call(60, 0), Some((40, false)));
        assert_eq!(call(59, 0), Some((41, true)));
    }
}
