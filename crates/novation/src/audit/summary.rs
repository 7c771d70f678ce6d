//! The files of a report against the report that the replay makes again.
//!
//! A report is a function of the log and its scenario, so each file must be the same to the byte. Of numbers the first that
//! differs is named, of the others the line.

use super::Auditor;
use super::difference::{Difference, Stop};
use super::files::{Check, root_at};
use anyhow::Context as _;
use archive::Archive;
use report::{RunReport, Summary};
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;

/// The files, in the order in which they are compared: a number says more than a line.
const FILES: [&str; 3] = ["report.json", "report.html", "report.txt"];
/// Characters of a line that are shown, from some before the first that differs.
const SHOWN: usize = 80;
const BEFORE: usize = 20;

/// The files of a report that lie in a directory, and the block that they say they are of.
#[derive(Debug, Default)]
pub(super) struct Told {
    files: Vec<(&'static str, Vec<u8>)>,
    /// The block, if there are numbers that can be read.
    pub(super) block: Option<u64>,
}

impl Told {
    /// Reads the files that there are.
    pub(super) fn read(archive: &Archive) -> anyhow::Result<Self> {
        let mut told = Self::default();
        for name in FILES {
            let path = archive.dir().join(name);
            match fs::read(&path) {
                Ok(bytes) => told.files.push((name, bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", path.display()));
                }
            }
        }
        told.block = told.summary().and_then(Result::ok).map(|summary| summary.blocks);
        Ok(told)
    }

    /// Returns whether there is nothing to compare.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn summary(&self) -> Option<Result<Summary, String>> {
        let (_, bytes) = self.files.iter().find(|(name, _)| *name == FILES[0])?;
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string());
        Some(text.and_then(|text| Summary::from_json(text).map_err(|error| error.to_string())))
    }
}

/// Compares the files with the report made again; returns what was checked of each.
///
/// # Errors
///
/// The first difference.
pub(super) fn check(
    archive: &Archive,
    told: &Told,
    auditor: &Auditor,
    made: Option<&RunReport>,
) -> Result<Vec<(&'static str, Check)>, Stop> {
    let height = auditor.height;
    if let Some(Err(error)) = told.summary() {
        return Err(differs(height, FILES[0], "form", &error, "a report of numbers"));
    }
    if let Some(Ok(summary)) = told.summary() {
        is_of_the_log(archive, auditor, &summary)?;
    }
    let Some(made) = made else {
        let why = match told.block {
            Some(block) if block > height => {
                format!("it is of block {block}, and {height} are replayed")
            }
            _ => "it counts from block 1, which was not replayed".to_string(),
        };
        return Ok(told.files.iter().map(|(name, _)| (*name, Check::Left(why.clone()))).collect());
    };
    let made = made.files().map_err(anyhow::Error::from)?;
    let mut lines = Vec::new();
    for (name, bytes) in &told.files {
        let Some((_, again)) = made.iter().find(|(file, _)| file == name) else { continue };
        compare(height, name, bytes, again.as_bytes())?;
        let again = "the report made again from the log, byte for byte";
        lines.push((*name, Check::Done(again.into())));
    }
    Ok(lines)
}

/// Checks that the block and the root that a report names are in the log.
fn is_of_the_log(archive: &Archive, auditor: &Auditor, summary: &Summary) -> Result<(), Stop> {
    let told = summary.blocks;
    let root = match told == auditor.height {
        true => auditor.last.state_root,
        false => match root_at(archive, told) {
            Ok(root) => root,
            // A log without its beginning holds no root of it.
            Err(_) if told < auditor.height => return Ok(()),
            Err(_) => {
                let told = told.to_string();
                let ends = "no such block: the log ends before it";
                return Err(differs(auditor.height, FILES[0], "blocks", &told, ends));
            }
        },
    };
    if summary.state_root == root.to_string() {
        return Ok(());
    }
    Err(differs(told, FILES[0], "state_root", &summary.state_root, &root.to_string()))
}

/// Compares a file with the one made again.
fn compare(height: u64, name: &str, told: &[u8], made: &[u8]) -> Result<(), Stop> {
    if told == made {
        return Ok(());
    }
    let values = [told, made].map(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    if let [Some(one), Some(other)] = &values
        && let Some((place, one, other)) = first_value(String::new(), one, other)
    {
        return Err(differs(height, name, &place, &one, &other));
    }
    let at = told.iter().zip(made).take_while(|(a, b)| a == b).count();
    let line = made.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let begin =
        at - made.iter().take(at).rev().take_while(|byte| **byte != b'\n').count().min(BEFORE);
    let shown = |bytes: &[u8]| {
        let from = bytes.get(begin..).unwrap_or_default();
        let line = from.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
        if from.is_empty() {
            "the end".to_string()
        } else {
            format!("…{}", crate::one_line(&text))
        }
    };
    let field = format!("line {line}, byte {at}");
    Err(differs(height, name, &field, &shown(told), &shown(made)))
}

/// Returns where two values first differ, and both.
fn first_value(place: String, one: &Value, other: &Value) -> Option<(String, String, String)> {
    let within =
        |key: &str| if place.is_empty() { key.to_string() } else { format!("{place}.{key}") };
    let pair = |one: Option<&Value>, other: Option<&Value>, place: String| match (one, other) {
        (Some(one), Some(other)) => first_value(place, one, other),
        (one, other) => {
            let shown = |value: Option<&Value>| value.map_or("nothing".into(), text);
            Some((place, shown(one), shown(other)))
        }
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = other.keys().chain(one.keys().filter(|key| !other.contains_key(*key)));
            keys.into_iter().find_map(|key| pair(one.get(key), other.get(key), within(key)))
        }
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len()))
            .find_map(|at| pair(one.get(at), other.get(at), format!("{place}[{at}]"))),
        _ if one == other => None,
        _ => Some((place, text(one), text(other))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

fn differs(height: u64, name: &str, figure: &str, told: &str, replay: &str) -> Stop {
    Difference {
        height,
        field: format!("{figure} in {name}"),
        log: told.into(),
        replay: replay.into(),
        cause: format!("{name} was changed after it was written; the log is not affected"),
        details: Vec::new(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_changed_added_or_lost_is_found() {
        for made in [
            "{\n  \"fees\": \"1.5\",\n  \"more\": [1, {\"a\": true}]\n}\n",
            "<p>one</p>\n<p>two — ✓</p>\n",
        ] {
            let made = made.as_bytes();
            assert!(compare(1, "report.html", made, made).is_ok());
            for at in 0..made.len() {
                for bit in 0..8 {
                    let mut told = made.to_vec();
                    told[at] ^= 1 << bit;
                    assert!(
                        compare(1, "report.html", &told, made).is_err(),
                        "bit {bit} of byte {at}"
                    );
                }
                let mut told = made.to_vec();
                told.remove(at);
                assert!(compare(1, "report.html", &told, made).is_err(), "byte {at} lost");
                told = made.to_vec();
                told.insert(at, b' ');
                assert!(compare(1, "report.html", &told, made).is_err(), "a byte before {at}");
            }
            assert!(compare(1, "report.html", &[made, b"\n"].concat(), made).is_err());
        }
    }

    #[test]
    fn the_first_value_that_differs_is_named_by_its_place() {
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("json");
        let made = value(r#"{"a": 1, "b": [{"c": "x"}, {"c": "y"}]}"#);
        for (told, place, shown) in [
            (r#"{"a": 1, "b": [{"c": "x"}, {"c": "z"}]}"#, "b[1].c", "z"),
            (r#"{"a": 1, "b": [{"c": "x"}]}"#, "b[1]", "nothing"),
            (r#"{"a": 1, "b": [{"c": "x"}, {"c": "y"}], "d": 2}"#, "d", "2"),
        ] {
            let found = first_value(String::new(), &value(told), &made).expect("they differ");
            assert_eq!((found.0.as_str(), found.1.as_str()), (place, shown));
        }
        assert_eq!(first_value(String::new(), &made, &made), None);
    }
}
