//! The scan ranges of each underlying move with its index.

use crate::block::work::Work;
use protocol::{Fault, Mode, UnderlyingId};

impl Work<'_> {
    /// Moves the ranges of an underlying with its index, unless that is frozen.
    ///
    /// spec 0031-THRE-013.
    pub(crate) fn move_ranges(&mut self, id: UnderlyingId) -> Result<(), Fault> {
        let parameters = self.state.range_parameters(id);
        let Some(index) = self.state.index(id) else { return Ok(()) };
        let underlying = self.state.underlyings.get_mut(&id).ok_or(Fault::Missing("underlying"))?;
        if underlying.mode == Mode::Frozen {
            return Ok(());
        }
        if underlying.thresholds.advance(index, self.block.time, &parameters)? {
            self.touched.thresholds.insert(id);
        }
        Ok(())
    }
}
