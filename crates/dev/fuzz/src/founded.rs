//! Genesis files as anybody may write them.

use crate::Answer;
use founding::{Description, TEMPLATE};
use machine::Machine;
use units::BlockTime;

/// When the files are read.
const NOW: BlockTime = BlockTime::from_millis(1_796_000_000_000);

/// A file that is accepted can be shown, reads back from what is written of it, and founds a house that balances and holds
/// nothing.
pub(crate) fn genesis_text(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Refused };
    let read = Description::read(text, NOW);
    match &read {
        Ok(described) => {
            let shown = described.overview().expect("an accepted genesis encodes");
            let written = described.file().text();
            let again = Description::read(&written, NOW).expect("what is written is read");
            assert!(again == *described, "{written}");
            if let Some(genesis) = described.genesis() {
                let (machine, _) = Machine::found(genesis).expect("what is accepted founds");
                machine.state().check().expect("a new house balances");
                assert!(genesis.underlyings.iter().all(|held| held.insurance_fund.micros() == 0));
                let hash = described.hash().expect("encodes").expect("nothing is left out");
                assert!(shown.contains(&hash.to_string()), "{shown}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    Answer::of(&read)
}

pub(crate) fn genesis_texts() -> Vec<Vec<u8>> {
    // The template as it stands, and with every setting that it has as a comment.
    let setting = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        _ if line.starts_with('#') => String::new(),
        _ => format!("{line}\n"),
    };
    let whole: String = TEMPLATE.lines().map(setting).collect();
    vec![TEMPLATE.as_bytes().to_vec(), whole.into_bytes()]
}
