//! Where submissions come from, and how many bad signatures each source may cost us.

use protocol::ValidatorId;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Bad signatures that a source may send between two blocks.
pub const BAD_SIGNATURES_MAX: u32 = 32;
/// Bad signatures of all sources after which one that has sent a bad one already is heard no more.
const ALL_MAX: u32 = 256;
/// Sources that are told apart between two blocks.
const SOURCES_MAX: usize = 4_096;

/// Where a submission comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// This process.
    Local,
    /// A client, by its address.
    Client(IpAddr),
    /// Another validator.
    Peer(ValidatorId),
}

/// Bad signatures since the last block.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    bad: BTreeMap<Source, u32>,
    all: u32,
}

impl Sources {
    /// Whether a signature of a source is still checked.
    ///
    /// spec 0027-ACC-011.
    pub(crate) fn is_heard(&self, source: Source) -> bool {
        match self.bad.get(&source) {
            Some(bad) => *bad < BAD_SIGNATURES_MAX && self.all < ALL_MAX,
            None => self.bad.len() < SOURCES_MAX,
        }
    }

    /// A signature of a source was bad.
    pub(crate) fn sent_a_bad_one(&mut self, source: Source) {
        let bad = self.bad.entry(source).or_default();
        *bad = bad.saturating_add(1);
        self.all = self.all.saturating_add(1);
    }

    /// A block has been executed.
    pub(crate) fn renew(&mut self) {
        self.bad.clear();
        self.all = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec 0027-ACC-011.
    #[test]
    fn a_source_of_bad_signatures_is_muted_until_the_next_block_and_others_are_not() {
        let peer = |id| Source::Peer(ValidatorId::new(id));
        let mut sources = Sources::default();
        for _ in 0..BAD_SIGNATURES_MAX {
            assert!(sources.is_heard(peer(1)));
            sources.sent_a_bad_one(peer(1));
        }
        assert!(!sources.is_heard(peer(1)));
        assert!(sources.is_heard(peer(2)) && sources.is_heard(Source::Local));
        for id in 2..=300 {
            sources.sent_a_bad_one(peer(id));
        }
        assert!(!sources.is_heard(peer(2)), "all together have sent too many");
        assert!(sources.is_heard(Source::Local), "who has sent no bad one is heard");
        sources.renew();
        assert!(sources.is_heard(peer(1)));
    }
}
