//! What a run leaves for people to read: a page of charts, a text for terminals, a summary for programs.
//!
//! A [`RunReport`] is a value: it can be built by hand, written as JSON and read back. [`html::page`] makes one file
//! that needs nothing else, no network, no fonts, no scripts from elsewhere. [`text::page`] makes the same for a
//! terminal. [`RunReport::write`] writes `report.html`, `report.txt` and `report.json` into a directory.
//!
//! **Invariant:** money in the summary is exact decimal text. Charts are drawn from floats, which never leave them.
//! Whatever text the report is given appears in the page as text.
//!
//! Left out: where the numbers come from. The caller reads them from the machine; this crate only shows them.

pub mod charts;
mod decimate;
pub mod format;
pub mod html;
mod model;
mod scale;
mod study;
mod summary;
mod svg;
pub mod tables;
pub mod text;

use std::path::{Path, PathBuf};

pub use model::{
    Align, Cell, Chart, Column, DataKind, DataLabel, DataSource, Event, Figure, Form, Interval,
    Pace, Point, Reading, RunReport, Section, Series, Table, Tone, Unit, Width,
};
pub use study::Study;
pub use summary::{HaltedMarket, Holder, Money, Summary};

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A value has no JSON form.
    #[error("report.json: {0}")]
    Json(#[from] serde_json::Error),
}

/// The files of a written report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub html: PathBuf,
    /// The text.
    pub text: PathBuf,
    /// The summary.
    pub json: PathBuf,
}

impl RunReport {
    /// Returns the files of the report, by name: the numbers, the page, the text.
    ///
    /// # Errors
    ///
    /// [`ReportError::Json`] if a value has no JSON form; none is known.
    pub fn files(&self) -> Result<[(&'static str, String); 3], ReportError> {
        Ok([
            ("report.json", self.summary.to_json()?),
            ("report.html", html::page(self)),
            ("report.txt", text::page(self)),
        ])
    }

    /// Writes `report.html`, `report.txt` and `report.json` into a directory, which is made if it is absent.
    ///
    /// # Errors
    ///
    /// [`ReportError::Io`] if the operating system refuses.
    pub fn write(&self, dir: impl AsRef<Path>) -> Result<Written, ReportError> {
        let dir = dir.as_ref();
        let refused = |path: &Path| {
            let path = path.to_path_buf();
            move |source| ReportError::Io { path, source }
        };
        std::fs::create_dir_all(dir).map_err(refused(dir))?;
        for (name, content) in self.files()? {
            let path = dir.join(name);
            std::fs::write(&path, content).map_err(refused(&path))?;
        }
        let [html, text, json] =
            ["html", "txt", "json"].map(|end| dir.join(format!("report.{end}")));
        Ok(Written { html, text, json })
    }
}
