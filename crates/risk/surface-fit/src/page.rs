//! A page of compared surfaces: a drawing for each expiry, in one file without scripts.
//!
//! **Invariant:** all text on it is made of the program's own words, numbers and times; nothing needs escaping.

use crate::compared::{Compared, told, within};
use crate::quotes::Expiry;
use crate::svi::Svi;
use crate::vote::Exception;
use units::{Price, Round, Vol};

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 34.0;

/// How every such page begins.
pub const HEAD: &str =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Vol surfaces</title>";

const STYLE: &str = "body{font:14px system-ui,sans-serif;margin:2em;background:#fff;color:#222}\
h2{margin:1.5em 0 .3em}svg{margin:4px;max-width:100%;height:auto;background:#fafafa;border:1px solid #ddd}text{font-size:10px;fill:#555}\
.band{stroke:#9db7d5;stroke-width:3}.vote{fill:#1f5fa8}.moved{fill:#d62728}.line{fill:none;stroke:#1f5fa8}\
.svi{fill:none;stroke:#e08a1e;stroke-dasharray:4 3}.axis{stroke:#bbb}\
table{border-collapse:collapse;margin:.5em 0}th,td{white-space:nowrap;padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}\
td:last-child{text-align:left}.scroll{overflow-x:auto}\
@media screen and (max-width:620px){body{margin:1em}h1{font-size:22px}svg{margin:4px 0;box-sizing:border-box}\
th,td{padding:2px 5px;font-size:12px}th{white-space:normal;vertical-align:bottom}td:last-child{white-space:normal;min-width:16ch}}";

/// Returns the page of some chains, with a drawing for each expiry.
#[must_use]
pub fn page(all: &[Compared]) -> String {
    let mut html = format!(
        "{HEAD}<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style>\
         <h1>Vol surfaces of recorded chains</h1><p>Bars: vols of bid and ask. Dots and line: the repaired surface, red \
         where the repair moved the vote. Dashed: the smile of five parameters. Across: ln(K/F).</p>"
    );
    html.push_str(
        "<div class=\"scroll\"><table><tr><th>chain<th>expiries<th>options<th>within, of middles<th>of smiles<th>of votes that fit<th>",
    );
    for Compared { quotes, middles, smiles, fitted, production, .. } in all {
        let kind = if *production { "" } else { "test network: need not fit together" };
        push(
            &mut html,
            format_args!(
                "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{kind}",
                quotes.name,
                quotes.expiries.len(),
                fitted.two_sided,
                within(middles),
                within(smiles),
                within(fitted),
            ),
        );
    }
    html.push_str("</table></div>");
    for compared in all {
        push(
            &mut html,
            format_args!(
                "<h2>{}</h2><p>{} of {} options within their spread.</p>",
                compared.quotes.name,
                within(&compared.fitted),
                compared.fitted.two_sided
            ),
        );
        exceptions(&mut html, &compared.fitted.exceptions);
        for (place, expiry) in compared.quotes.expiries.iter().enumerate() {
            drawing(&mut html, compared, place, expiry);
        }
    }
    html.push_str("</html>\n");
    html
}

/// Says which options are valued outside their spread, and why.
fn exceptions(html: &mut String, exceptions: &[Exception]) {
    if exceptions.is_empty() {
        return;
    }
    html.push_str("<div class=\"scroll\"><table><tr><th>expiry<th>strike<th>right<th>bid<th>value<th>ask<th>why");
    for exception in exceptions {
        let Exception { expiry, strike, bid, price, ask, .. } = exception;
        let (right, why) = told(exception);
        push(
            html,
            format_args!(
                "<tr><td>{expiry}<td>{strike}<td>{right}<td>{bid}<td>{price}<td>{ask}<td>{why}"
            ),
        );
    }
    html.push_str("</table></div>");
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.push_str(&text.to_string());
}

/// A point of a drawing: log-moneyness, vols of bid and ask, vol of the surface, whether it was moved.
struct Mark {
    k: f64,
    low: f64,
    high: f64,
    vol: f64,
    moved: bool,
}

fn marks(compared: &Compared, place: usize, expiry: &Expiry) -> Vec<Mark> {
    let percent = |vol: Vol| number(vol.points()) / 100.0;
    let mut marks = Vec::new();
    for bounds in expiry.bounds() {
        let points = compared.fitted.repaired.get(place);
        let Some(point) = points.and_then(|points| points.get(&bounds.strike)) else { continue };
        let end = |call, round| expiry.vol(bounds.strike, call, round).map(percent);
        let vol = percent(point.vol);
        marks.push(Mark {
            k: moneyness(bounds.strike, expiry.forward),
            low: end(bounds.low, Round::Up).unwrap_or(vol),
            high: end(bounds.high, Round::Down).unwrap_or(vol),
            vol,
            moved: point.repair.is_some(),
        });
    }
    marks
}

fn drawing(html: &mut String, compared: &Compared, place: usize, expiry: &Expiry) {
    let marks = marks(compared, place, expiry);
    let least = |of: fn(&Mark) -> f64| marks.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Mark) -> f64| marks.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, right) = (least(|mark| mark.k), most(|mark| mark.k));
    let (bottom, top) = (least(|mark| mark.vol) * 0.8, most(|mark| mark.vol) * 1.15);
    if marks.is_empty() {
        return;
    }
    let x = |k: f64| MARGIN + (k - left) / (right - left).max(1e-9) * (WIDTH - MARGIN - 8.0);
    let y = |vol: f64| {
        let part = ((vol - bottom) / (top - bottom).max(1e-9)).clamp(0.0, 1.0);
        HEIGHT - 20.0 - part * (HEIGHT - 40.0)
    };
    push(
        html,
        format_args!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"><text x=\"{MARGIN}\" y=\"14\">{} forward {}</text>\
         <text x=\"2\" y=\"{:.0}\">{bottom:.0} %</text><text x=\"2\" y=\"{:.0}\">{top:.0} %</text>\
         <text x=\"{MARGIN}\" y=\"{:.0}\">{left:.2}</text><text x=\"{:.0}\" y=\"{:.0}\">{right:.2}</text>\
         <line class=\"axis\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"20\" y2=\"{:.0}\"/>",
            expiry.name,
            expiry.forward,
            y(bottom),
            y(top) + 4.0,
            HEIGHT - 4.0,
            WIDTH - 30.0,
            HEIGHT - 4.0,
            x(0.0),
            x(0.0),
            HEIGHT - 20.0,
        ),
    );
    let mut line = String::new();
    for mark in &marks {
        let (across, class) = (x(mark.k), if mark.moved { "moved" } else { "vote" });
        push(
            html,
            format_args!(
                "<line class=\"band\" x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <circle class=\"{class}\" cx=\"{across:.1}\" cy=\"{:.1}\" r=\"2\"/>",
                y(mark.low),
                y(mark.high),
                y(mark.vol),
            ),
        );
        push(&mut line, format_args!("{across:.1},{:.1} ", y(mark.vol)));
    }
    push(html, format_args!("<polyline class=\"line\" points=\"{line}\"/>"));
    if let Some(Some(svi)) = compared.svi.get(place) {
        smile(html, svi, expiry, (left, right), x, y);
    }
    html.push_str("</svg>\n");
}

fn smile(
    html: &mut String,
    svi: &Svi,
    expiry: &Expiry,
    (left, right): (f64, f64),
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) {
    let years = number(expiry.time.millis()) / 31_536_000_000.0;
    let mut line = String::new();
    for step in 0..=40 {
        let k = left + (right - left) * f64::from(step) / 40.0;
        let vol = (svi.variance(k).max(0.0) / years).sqrt() * 100.0;
        push(&mut line, format_args!("{:.1},{:.1} ", x(k), y(vol)));
    }
    push(html, format_args!("<polyline class=\"svi\" points=\"{line}\"/>"));
}

fn moneyness(strike: Price, forward: Price) -> f64 {
    (number(strike.micros()) / number(forward.micros())).ln()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "drawn, not counted")]
fn number(value: i128) -> f64 {
    value as f64
}
