//! Rules that a test may switch off, one at a time, to see that an attack finds what they are for: planted defects, as in
//! mutation testing.
//!
//! **Invariant:** in a build without the feature `plant`, which nothing that ships has, every rule is on.

/// A rule that may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Open orders are margined when they enter, and never again.
    RestUnmargined,
    /// What closing costs is not asked, as long as initial margin does not rise.
    CloseAtAnyPrice,
    /// Of an account below maintenance margin the leg that releases most is reduced, whether anybody wants it or not.
    LargestLegOnly,
    /// Legs that offset each other are not reduced.
    SpreadsStay,
    /// A book takes orders until it is full, whoever sends them, and then none.
    BooksFill,
    /// Gains leave, whether or not anybody can pay them.
    GainsLeave,
    /// A settlement price counts an index however old it is.
    StaleSettles,
    /// What one signer pauses stays paused.
    PausesStay,
    /// One signer's approval is enough.
    OneSigner,
    /// One custodian's word is enough.
    OneCustodian,
    /// Reports of any stake are a quorum.
    FewReport,
    /// A block takes on all who are below maintenance margin.
    NoTurns,
    /// The last print is the premium, however small and however old.
    PrintsCount,
    /// A premium is observed while a market cannot trade.
    StopsCount,
    /// A basis without votes is zero at once.
    BasesDrop,
    /// A vol without votes is on the line between its neighbours at once.
    VolsJump,
    /// Reports of two thirds of the stake are a quorum.
    TwoThirds,
    /// Of two halves the lower one decides.
    LowerMedian,
    /// Sources need no majority of what is listed to set an index.
    HalvesDecide,
}

impl Plant {
    /// Every rule that may be off.
    pub const ALL: [Self; 19] = [
        Self::RestUnmargined,
        Self::CloseAtAnyPrice,
        Self::LargestLegOnly,
        Self::SpreadsStay,
        Self::BooksFill,
        Self::GainsLeave,
        Self::StaleSettles,
        Self::PausesStay,
        Self::OneSigner,
        Self::OneCustodian,
        Self::FewReport,
        Self::NoTurns,
        Self::PrintsCount,
        Self::StopsCount,
        Self::BasesDrop,
        Self::VolsJump,
        Self::TwoThirds,
        Self::LowerMedian,
        Self::HalvesDecide,
    ];

    /// Returns what it is called on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RestUnmargined => "rest-unmargined",
            Self::CloseAtAnyPrice => "close-at-any-price",
            Self::LargestLegOnly => "largest-leg-only",
            Self::SpreadsStay => "spreads-stay",
            Self::BooksFill => "books-fill",
            Self::GainsLeave => "gains-leave",
            Self::StaleSettles => "stale-settles",
            Self::PausesStay => "pauses-stay",
            Self::OneSigner => "one-signer",
            Self::OneCustodian => "one-custodian",
            Self::FewReport => "few-report",
            Self::NoTurns => "no-turns",
            Self::PrintsCount => "prints-count",
            Self::StopsCount => "stops-count",
            Self::BasesDrop => "bases-drop",
            Self::VolsJump => "vols-jump",
            Self::TwoThirds => "two-thirds",
            Self::LowerMedian => "lower-median",
            Self::HalvesDecide => "halves-decide",
        }
    }

    /// Returns whether the rule is off.
    #[cfg(not(feature = "plant"))]
    #[must_use]
    pub const fn is_planted(self) -> bool {
        false
    }

    /// Returns whether the rule is off in this thread.
    #[cfg(feature = "plant")]
    #[must_use]
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(self)
    }

    /// Switches a rule off in this thread, and all others on.
    #[cfg(feature = "plant")]
    pub fn plant(rule: Option<Self>) {
        PLANTED.set(rule);
    }
}

#[cfg(feature = "plant")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}
