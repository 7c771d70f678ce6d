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
        if self.state.mode(id) == Mode::Frozen {
            return Ok(());
        }
        let now = self.block.time;
        self.state.move_ranges(id, |ranges| ranges.advance(index, now, &parameters))
    }
}
