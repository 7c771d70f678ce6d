//! How much a node says while it runs.

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// What ends the node, or its votes.
    Error,
    /// What an operator must look at.
    Warn,
    /// What changes, too.
    Info,
    /// What the engine does, too.
    Debug,
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of off, error, warn, info and debug")]
pub struct NoLevel(pub String);

impl Level {
    /// Every level, from silence up.
    pub const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// Returns its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.words().0
    }

    /// Returns what is said, as a phrase without a full stop.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Off => ("off", "Nothing"),
            Self::Error => ("error", "What ends the node, or its votes"),
            Self::Warn => ("warn", "What an operator must look at"),
            Self::Info => ("info", "What changes, too"),
            Self::Debug => ("debug", "What the engine does, too"),
        }
    }
}

impl std::str::FromStr for Level {
    type Err = NoLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|level| level.word() == text);
        named.ok_or_else(|| NoLevel(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_from_its_word_and_the_refusal_names_them_all() {
        let refusal = "loud".parse::<Level>().unwrap_err().to_string();
        for level in Level::ALL {
            assert_eq!(level.word().parse(), Ok(level));
            assert!(refusal.contains(level.word()), "{refusal}");
        }
    }
}
