//! A progress bar on standard error: nothing where nobody looks, and never a part of the result.

use indicatif::{ProgressBar, ProgressStyle};

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Blocks.
    Blocks,
    /// Bytes of a file.
    Bytes,
}

/// How far a long task has come; removed from the screen when dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows a bar of `total` units for a task named by a verb, such as "replaying". Shows nothing if `quiet`, or if
    /// standard error is no terminal.
    pub(crate) fn new(task: &'static str, total: u64, unit: Unit, quiet: bool) -> Self {
        if quiet {
            return Self(ProgressBar::hidden());
        }
        let template = match unit {
            Unit::Blocks => "{prefix} {wide_bar} block {pos} of {len}, {per_sec}, {eta} left {msg}",
            Unit::Bytes => "{prefix} {wide_bar} {bytes} of {total_bytes}, {eta} left {msg}",
        };
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::new(total).with_style(style).with_prefix(task))
    }

    /// Says how many units are done.
    pub(crate) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Says a few words beside the bar.
    pub(crate) fn say(&self, words: impl Into<String>) {
        self.0.set_message(words.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
