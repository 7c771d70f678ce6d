//! How often the cases came up that random commands might miss.

macro_rules! rare {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default, Clone)]
        pub(crate) struct Rare {
            $($(#[$doc])* pub(crate) $name: usize,)*
        }

        impl Rare {
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Fails if a case came up fewer than `least` times: then the generator no longer covers it.
            pub(crate) fn require(&self, least: usize) {
                $(assert!(
                    self.$name >= least,
                    "{} came up {} times, fewer than {least}",
                    stringify!($name),
                    self.$name,
                );)*
            }
        }
    };
}

rare! {
    /// Auctions with a price.
    trades,
    /// Least surplus chose among prices of greatest volume.
    surplus_decided,
    /// Surpluses of either sign were least together.
    surplus_two_sided,
    /// The reference chose among the rest.
    reference_decided,
    /// Two prices were equally close to the reference.
    lower_decided,
    /// The price is no order's.
    price_between_orders,
    /// Orders of one block shared fewer lots than they had.
    pro_rata,
    /// A remainder went to one of several orders with the same.
    remainder_ties,
    /// An order shared a block and a price and got nothing.
    shared_nothing,
    /// An earlier block was filled before a later one at the marginal price.
    earlier_block_first,
    /// Takers and post-only orders of this block shared.
    makers_and_takers_shared,
    /// More than one level of a side traded.
    swept_levels,
    /// Immediate orders that expired whole, and in part.
    expired_whole,
    expired_part,
    post_only_refusals,
    post_only_filled,
    self_trade_cancels,
    self_trade_refusals,
    book_full,
    /// The worst order of a full side left for a better one.
    evictions,
    bad_orders,
    dropped,
    forged,
    /// Orders of the largest size traded.
    extreme_sizes,
}
