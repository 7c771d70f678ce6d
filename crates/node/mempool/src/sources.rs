//! Where submissions come from, and how many bad signatures each source may cost us: a rate limit on bad signatures.
//!
//! Many share one address, behind a proxy or a provider. So a bad signature is first held against its source and the
//! owner that it names together; once a source has sent too many under many names, those of its owners are still heard
//! who have signed well from there and not badly.

use protocol::{Address, ValidatorId};
use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};

/// Bad signatures that a source may send between two blocks before only those are heard of it who have signed well.
pub const BAD_SIGNATURES_MAX: u32 = 32;
/// Bad signatures that name one owner which a source may send between two blocks.
pub const BAD_SIGNATURES_EACH_MAX: u32 = 8;
/// Bad signatures of all sources after which one that has sent a bad one already counts as one that has sent too many.
const ALL_MAX: u32 = 256;
/// Sources that are told apart between two blocks.
const SOURCES_MAX: usize = 4_096;
/// Owners and sources that are remembered for a good signature, in each of two generations.
const GOOD_MAX: usize = 8_192;

/// What counts as one client: an IPv4 address, or all that one customer of an IPv6 provider has, a /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// Returns the client that an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        })
    }

    /// Returns the address, without the part that its holder chooses.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.0
    }
}

/// Where a submission comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// This process.
    Local,
    /// A client.
    Client(ClientNetwork),
    /// Another validator.
    Peer(ValidatorId),
}

impl Source {
    /// Returns the client at an address.
    #[must_use]
    pub fn client(address: IpAddr) -> Self {
        Self::Client(ClientNetwork::of(address))
    }
}

/// Bad signatures since the last block, and good ones from not long ago.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    bad: BTreeMap<Source, u32>,
    bad_each: BTreeMap<(Source, Address), u32>,
    all: u32,
    good: [HashSet<(Source, Address)>; 2],
}

impl Sources {
    /// Whether a signature of a source that names an owner is still checked.
    ///
    /// spec 0027-ACC-011.
    pub(crate) fn is_heard(&self, source: Source, owner: Address) -> bool {
        let each = self.bad_each.get(&(source, owner)).copied().unwrap_or(0);
        let is_open = match self.bad.get(&source) {
            Some(bad) => *bad < BAD_SIGNATURES_MAX && self.all < ALL_MAX,
            None => self.bad.len() < SOURCES_MAX,
        };
        match is_open {
            true => each < BAD_SIGNATURES_EACH_MAX,
            false => each == 0 && self.good.iter().any(|good| good.contains(&(source, owner))),
        }
    }

    /// A signature of a source was not that of the owner that it names.
    pub(crate) fn sent_a_bad_one(&mut self, source: Source, owner: Address) {
        let bad = self.bad.entry(source).or_default();
        *bad = bad.saturating_add(1);
        let each = self.bad_each.entry((source, owner)).or_default();
        *each = each.saturating_add(1);
        self.all = self.all.saturating_add(1);
    }

    /// An owner's signature was good.
    pub(crate) fn sent_a_good_one(&mut self, source: Source, owner: Address) {
        let [recent, before] = &mut self.good;
        if recent.contains(&(source, owner)) {
            return;
        }
        if recent.len() >= GOOD_MAX {
            *before = std::mem::take(recent);
        }
        recent.insert((source, owner));
    }

    /// A block has been executed.
    pub(crate) fn renew(&mut self) {
        self.bad.clear();
        self.bad_each.clear();
        self.all = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: u16) -> Source {
        Source::Peer(ValidatorId::new(id))
    }

    fn owner(byte: u8) -> Address {
        Address::new([byte; 20])
    }

    // 0027-ACC-011
    #[test]
    fn a_source_of_bad_signatures_is_muted_until_the_next_block_and_others_are_not() {
        let mut sources = Sources::default();
        for number in 0..BAD_SIGNATURES_MAX {
            let named = owner(u8::try_from(number).expect("a small number"));
            assert!(sources.is_heard(peer(1), named));
            sources.sent_a_bad_one(peer(1), named);
        }
        assert!(!sources.is_heard(peer(1), owner(99)));
        assert!(sources.is_heard(peer(2), owner(99)) && sources.is_heard(Source::Local, owner(99)));
        for id in 2..=300 {
            sources.sent_a_bad_one(peer(id), owner(1));
        }
        assert!(!sources.is_heard(peer(2), owner(99)), "all together have sent too many");
        assert!(sources.is_heard(Source::Local, owner(99)), "who has sent no bad one is heard");
        sources.renew();
        assert!(sources.is_heard(peer(1), owner(99)));
    }

    // 0027-ACC-011
    #[test]
    fn who_has_signed_well_behind_a_shared_address_is_heard_while_others_there_flood() {
        let shared = Source::client([127, 0, 0, 1].into());
        let mut sources = Sources::default();
        sources.sent_a_good_one(shared, owner(200));
        for _ in 0..BAD_SIGNATURES_EACH_MAX {
            assert!(sources.is_heard(shared, owner(1)));
            sources.sent_a_bad_one(shared, owner(1));
        }
        assert!(!sources.is_heard(shared, owner(1)), "the owner that is named, from there");
        assert!(sources.is_heard(shared, owner(2)), "no other");
        assert!(sources.is_heard(Source::Local, owner(1)), "and from nowhere else");
        for named in 2..=40 {
            sources.sent_a_bad_one(shared, owner(named));
        }
        assert!(!sources.is_heard(shared, owner(50)), "too many from there");
        assert!(sources.is_heard(shared, owner(200)), "who has signed well there is heard");
        sources.sent_a_bad_one(shared, owner(200));
        assert!(!sources.is_heard(shared, owner(200)), "until a bad one names it");
        sources.renew();
        assert!(sources.is_heard(shared, owner(200)));
    }

    // 0027-ACC-011
    #[test]
    fn one_customer_of_an_ipv6_provider_is_one_source() {
        let client = |text: &str| Source::client(text.parse().expect("an address"));
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::77"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
