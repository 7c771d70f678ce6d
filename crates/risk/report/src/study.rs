//! A report that is not of a run: sections that each have their own span of time, and no state root.

use crate::html::{
    CLOSING, body, caveats, contents, data_kind, escape, notes, opening, put, sources, tiles,
};
use crate::model::{DataLabel, Figure, Section};
use crate::svg::Frame;

/// A report on recorded data.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// What was studied, in a few words.
    pub title: String,
    /// What came out, in a sentence or two.
    pub subtitle: String,
    /// On which data.
    pub data: DataLabel,
    /// The numbers that people read first.
    pub figures: Vec<Figure>,
    /// The body; the charts of a section share its span of time.
    pub sections: Vec<Section>,
    /// Remarks at the end: assumptions, limits, how to reproduce.
    pub notes: Vec<String>,
}

impl Study {
    /// Returns the study as one page that needs nothing else.
    #[must_use]
    pub fn page(&self) -> String {
        let mut out = opening(&self.title);
        put(
            &mut out,
            format_args!(
                "<header>\n<h1>{}</h1>\n<p class=\"sub\">{}</p>\n<p class=\"meta\"><span class=\"chip\">{}</span> \
                 <span>{}</span></p>\n</header>\n",
                escape(&self.title),
                escape(&self.subtitle),
                data_kind(self.data.kind),
                escape(&self.data.name),
            ),
        );
        caveats(&mut out, &self.data);
        tiles(&mut out, &self.figures);
        contents(&mut out, &self.sections);
        for (index, section) in self.sections.iter().enumerate() {
            let (from, to) = span(section).unwrap_or((0, 1));
            body(&mut out, section, index, &Frame { from, to, events: &[], intervals: &[] });
        }
        sources(&mut out, &self.data);
        notes(&mut out, &self.notes);
        out.push_str(CLOSING);
        out
    }
}

/// Returns the first and the last moment of a section's series.
fn span(section: &Section) -> Option<(i64, i64)> {
    let series = section.charts.iter().flat_map(|chart| &chart.series);
    let times = || series.clone().flat_map(|series| series.points.iter().map(|point| point.time));
    Some((times().min()?, times().max()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chart, DataKind, Series, Unit};
    use units::BlockTime;

    #[test]
    fn each_section_is_drawn_over_its_own_span_and_text_stays_text() {
        let section = |title: &str, from: i128| {
            let mut series = Series::new("range");
            series.push(BlockTime::from_millis(from), 0.1);
            series.push(BlockTime::from_millis(from + 86_400_000), 0.2);
            Section::new(title, "").chart(Chart::new("Range", Unit::Percent).with(series))
        };
        let study = Study {
            title: "a <b> study".into(),
            subtitle: String::new(),
            data: DataLabel {
                kind: DataKind::Recorded,
                name: "none".into(),
                sources: Vec::new(),
                caveats: Vec::new(),
            },
            figures: vec![Figure::new("days", "2")],
            sections: vec![section("old", 1_504_396_800_000), section("new", 1_700_006_400_000)],
            notes: vec!["a note".into()],
        };
        let page = study.page();
        assert!(page.contains("a &lt;b&gt; study") && page.contains("a note"));
        assert!(page.contains("3 Sep") && page.contains("15 Nov"), "both spans have their days");
        assert!(!page.contains("State root") && !page.contains("http://"));
    }
}
