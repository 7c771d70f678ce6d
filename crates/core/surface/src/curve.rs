//! One expiry prepared for pricing: what a call costs at each strike and vol.

use crate::repair::Smile;
use pricing::{Deviation, FineVol, Forward, Horizon, Strike, Terms};
use units::{BlockSpan, Price, Round, Vol};

/// A strike with the vol voted for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// The strike as listed.
    pub(crate) listed: Price,
    /// The strike less what is fixed of the settlement price; positive.
    pub(crate) strike: Strike,
    /// The vol, in points of 0.01 %.
    pub(crate) vol: i128,
    /// Whether nobody has voted on it lately.
    pub(crate) silent: bool,
}

/// A point of a price curve, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// The strike.
    pub(crate) strike: i128,
    /// The price of the call.
    pub(crate) call: i128,
}

/// An expiry whose prices depend on vols: a positive forward and some time.
#[derive(Debug)]
pub(crate) struct Curve {
    forward: Forward,
    horizon: Horizon,
    /// Ascending by strike, at least one.
    pub(crate) nodes: Vec<Node>,
}

impl Curve {
    /// Returns the curve of a smile; nothing where no vol matters, because there is no forward, no time or no strike.
    pub(crate) fn new(smile: &Smile) -> Option<Self> {
        let forward = Forward::new(smile.forward).ok()?;
        let horizon = Horizon::after(smile.variance).ok()?;
        if smile.forward <= Price::ZERO || smile.variance <= BlockSpan::ZERO {
            return None;
        }
        let mut nodes = Vec::with_capacity(smile.vols.len());
        for (listed, vol) in &smile.vols {
            let left = listed.minus(smile.fixed).ok().filter(|left| *left > Price::ZERO);
            if let Some(strike) = left.and_then(|left| Strike::new(left).ok()) {
                let vol = vol.points().clamp(0, Vol::LIMIT);
                let silent = smile.silent.contains(listed);
                nodes.push(Node { listed: *listed, strike, vol, silent });
            }
        }
        (!nodes.is_empty()).then_some(Self { forward, horizon, nodes })
    }

    /// Returns the forward in micro-dollars: from 1 to 2⁵⁰.
    pub(crate) const fn forward(&self) -> i128 {
        self.forward.price().micros()
    }

    /// Returns the price of a call at a vol, from its intrinsic value to the forward. Rounding: down.
    pub(crate) fn call(&self, strike: Strike, vol: i128) -> i128 {
        let deviation = Deviation::new(fine(vol), self.horizon);
        pricing::call(self.forward, strike, deviation, Round::Down).micros()
    }

    /// Returns the price of each call at its own vol.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.nodes.iter().map(|node| self.point(node)).collect()
    }

    /// Returns the price of a call at its vol.
    pub(crate) fn point(&self, node: &Node) -> Point {
        let strike = node.strike.price().micros();
        Point { strike, call: self.call(node.strike, node.vol) }
    }

    /// Returns what a call costs without vol.
    pub(crate) fn intrinsic(&self, strike: Strike) -> i128 {
        self.forward().saturating_sub(strike.price().micros()).max(0)
    }

    /// Returns the billionths of the underlying that hedge a call.
    pub(crate) fn delta(&self, node: &Node) -> i128 {
        let (forward, strike, horizon) = (self.forward, node.strike, self.horizon);
        Terms { forward, strike, vol: fine(node.vol), horizon }.greeks().delta_call.parts()
    }
}

fn fine(vol: i128) -> FineVol {
    FineVol::from_vol(Vol::from_points(vol)).unwrap_or_default()
}
