//! How near an order stands to a price: in full there, as nothing at the edge of a band.

use protocol::Side;
use units::{Lots, Ppm, Price, limits};

/// What makes lots at a price count by how near it is; distances are in millionths of a micro-dollar, so that nothing is
/// rounded however low the price.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    side: Side,
    edge: i128,
    width: i128,
}

impl Near {
    /// Returns what counts orders of a side within a band around a price.
    pub(crate) fn new(side: Side, price: Price, band: Ppm) -> Self {
        // Prices have 51 bits, and no share of one more than 21 on top.
        let width = price.micros().max(0).saturating_mul(band.parts().clamp(0, limits::PPM_ONE));
        let middle = price.micros().saturating_mul(limits::PPM_ONE);
        let edge = match side {
            Side::Buy => middle.saturating_sub(width),
            Side::Sell => middle.saturating_add(width),
        };
        Self { side, edge, width }
    }

    /// Returns lots times how far within the band their price is, at most its width.
    pub(crate) fn counted(&self, price: Price, lots: Lots) -> i128 {
        let price = price.micros().saturating_mul(limits::PPM_ONE);
        let within = match self.side {
            Side::Buy => price.saturating_sub(self.edge),
            Side::Sell => self.edge.saturating_sub(price),
        };
        lots.count().saturating_mul(within.clamp(0, self.width))
    }

    /// Returns the lots that a sum of these is worth, rounded down.
    pub(crate) fn lots(&self, counted: i128) -> Lots {
        Lots::from_count(counted.checked_div(self.width).unwrap_or(0))
    }
}
