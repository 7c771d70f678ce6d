//! `cargo x bench [--json]`: runs every benchmark and holds the results against the bars the project set itself.
//!
//! Two kinds of benchmark program are read: those built with `divan`, whose table is parsed and of which the
//! *fastest* sample counts (noise only ever adds), and those that print JSON lines of the form this verb prints:
//!
//! ```text
//! {"name":"margin::required/10","value":83.1,"unit":"ns","vs":"margin::naive/10","ratio":0.02}
//! ```
//!
//! `vs` names another result of the same run, or a figure from outside that the program states itself; `ratio` is
//! `value` divided by it. A time is the machine's as much as ours, so no bar is one: a bar is a multiple of what the same
//! machine takes, a moment before, for a step that has nothing to do with this code (the bench `speed`). What is left of the
//! machine in it, its vectors and its neighbours, is why a missed bar is said and no failure: instructions, which are
//! counted (`cargo x gates`), are what fails.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::call::Call;
use crate::check;
use crate::step::Step;
use crate::workspace::{BenchTarget, Packages};

/// A step by whose time the machine is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pace {
    /// A multiplication and an addition that wait for those before: what is computed is held against it.
    Arithmetic,
    /// A load out of memory that waits for the one before: what looks into large tables is held against it.
    Memory,
}

/// What one benchmark promises.
struct Bar {
    package: &'static str,
    bench: &'static str,
    /// The result it speaks of, as `package::operation/argument`.
    name: &'static str,
    /// Operations in one iteration; the result is divided by it.
    operations: u32,
    /// The most steps of `pace` that one operation may last. A fifth more than on the slower, by this measure, of the
    /// machines A and C of `docs/benchmarks.md`.
    steps: f64,
    pace: Pace,
    /// Another result of the same run to be compared with.
    vs: Option<&'static str>,
}

/// Every promise. A result that does not appear in the run fails it, so no promise is forgotten.
const BARS: &[Bar] = &[
    // The margin of an account with ten positions, in 48 scenarios: of one expiry, and of all that there are.
    Bar {
        package: "margin",
        bench: "margin",
        name: "margin::read_ten_options_of_an_expiry",
        operations: 1,
        steps: 130.0,
        pace: Pace::Arithmetic,
        vs: Some("margin::read_account/10"),
    },
    Bar {
        package: "margin",
        bench: "margin",
        name: "margin::read_account/10",
        operations: 1,
        steps: 155.0,
        pace: Pace::Arithmetic,
        vs: Some("margin::required_from_nothing/10"),
    },
    // The check of an order before it enters: by the bound that suffices for nearly all, and exactly, open orders in
    // their worst combination.
    Bar {
        package: "margin",
        bench: "margin",
        name: "margin::check_order_under_the_ceiling",
        operations: 1,
        steps: 42.0,
        pace: Pace::Arithmetic,
        vs: Some("margin::check_order_of_a_perpetual_account"),
    },
    Bar {
        package: "margin",
        bench: "margin",
        name: "margin::check_order_of_a_perpetual_account",
        operations: 1,
        steps: 75.0,
        pace: Pace::Arithmetic,
        vs: None,
    },
    // One price of an option inside the loop over scenarios.
    Bar {
        package: "pricing",
        bench: "pricing",
        name: "pricing::scenario_loop",
        operations: 48,
        steps: 18.0,
        pace: Pace::Arithmetic,
        vs: Some("pricing::price_cold"),
    },
    // A command of mixed traffic, every order margined, with the state root of every block.
    Bar {
        package: "testkit",
        bench: "house",
        name: "machine::mixed_flow_with_state_root",
        operations: 1,
        steps: 18.0,
        pace: Pace::Memory,
        vs: Some("machine::mixed_flow"),
    },
    // One order of a block that places, cancels and trades in a deep book.
    Bar {
        package: "book",
        bench: "book",
        name: "book::mixed_block/10000",
        operations: 1_000,
        steps: 535.0,
        pace: Pace::Arithmetic,
        vs: None,
    },
];

/// How long steps took just before the benchmark programs that promise something, in nanoseconds.
type Paces = BTreeMap<(BenchTarget, Pace), f64>;

/// One figure of one benchmark.
#[derive(Debug, Clone, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    vs: Option<String>,
    ratio: Option<f64>,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let json = match arguments {
        [] => false,
        [flag] if flag == "--json" => true,
        _ => bail!("usage: cargo x bench [--json]"),
    };
    let packages = Packages::read()?;
    let targets = packages.benches();
    if targets.is_empty() {
        bail!("the workspace has no benchmark");
    }
    if let Some(bar) = BARS.iter().find(|bar| !targets.contains(&bar.target())) {
        bail!("{} has no benchmark {}, of which {} is promised", bar.package, bar.bench, bar.name);
    }
    let (mut figures, mut paces) = (BTreeMap::new(), Paces::new());
    for target in targets {
        if BARS.iter().any(|bar| bar.target() == target) {
            let speed = BenchTarget { package: "testkit".to_owned(), bench: "speed".to_owned() };
            for (pace, nanos) in paces_of(&figures_of_run(&speed)?)? {
                paces.insert((target.clone(), pace), nanos);
            }
        }
        for figure in figures_of_run(&target)? {
            let name = figure.name.clone();
            if figures.insert(name.clone(), figure).is_some() {
                bail!("two benchmarks are called {name}");
            }
        }
    }
    compare(&mut figures, BARS)?;
    for figure in figures.values() {
        println!("{}", if json { figure.json().to_string() } else { figure.to_text() });
    }
    judge(&figures, &paces, BARS)
}

/// Runs a benchmark program and reads what it says.
fn figures_of_run(BenchTarget { package, bench }: &BenchTarget) -> Result<Vec<Figure>> {
    eprintln!("running {package}, benchmark {bench}");
    let call = Call::cargo(["bench", "--quiet", "--package", package, "--bench", bench]);
    figures_of(package, &call.output()?)
        .with_context(|| format!("output of {package}, benchmark {bench}"))
}

/// Reads how long each step took out of the figures of the bench `speed`.
fn paces_of(figures: &[Figure]) -> Result<Vec<(Pace, f64)>> {
    let pace = |pace: Pace| {
        let figure = figures.iter().find(|figure| figure.name == pace.name());
        let nanos = figure.map(|figure| figure.value).filter(|nanos| *nanos > 0.0);
        Ok((pace, nanos.with_context(|| format!("no benchmark is called {}", pace.name()))?))
    };
    [Pace::Arithmetic, Pace::Memory].into_iter().map(pace).collect()
}

/// Returns the step that builds every benchmark as a test and runs each of its functions once, so that none rots.
pub(crate) fn once() -> Step {
    // All packages at once, as the tests are built: a smaller selection would build their dependencies anew.
    Step::call("benches once", check::tests().args(["--bench", "*"]))
}

impl Pace {
    const fn name(self) -> &'static str {
        match self {
            Self::Arithmetic => "speed::multiply_and_add",
            Self::Memory => "speed::load_of_64_MiB",
        }
    }
}

impl Bar {
    fn target(&self) -> BenchTarget {
        BenchTarget { package: self.package.to_owned(), bench: self.bench.to_owned() }
    }

    /// Returns how many steps of so many nanoseconds one operation took, and whether that is within the bar.
    fn taken(&self, figure: &Figure, step: f64) -> Result<(f64, bool)> {
        let taken = figure.nanos()? / step;
        Ok((taken, taken <= self.steps))
    }
}

impl Figure {
    fn json(&self) -> Value {
        json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "vs": self.vs, "ratio": self.ratio,
        })
    }

    /// Returns how long one operation takes.
    fn nanos(&self) -> Result<f64> {
        match self.unit.as_str() {
            "ns" => Ok(self.value),
            "per_s" if self.value > 0.0 => Ok(1e9 / self.value),
            unit => bail!("{} has no time, in {unit}", self.name),
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("{:48} {:>16.3} {}", self.name, self.value, self.unit);
        if let (Some(vs), Some(ratio)) = (&self.vs, self.ratio) {
            let _ = write!(text, "  = {ratio:.4} x {vs}");
        }
        text
    }

    fn from_json(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let unit = text("unit").context("a figure has a unit")?;
        if !["ns", "per_s", "instructions"].contains(&unit.as_str()) {
            bail!("unit '{unit}' is none of ns, per_s, instructions");
        }
        Ok(Self {
            name: text("name").context("a figure has a name")?,
            value: value["value"].as_f64().context("a figure has a value")?,
            unit,
            vs: text("vs"),
            ratio: value["ratio"].as_f64(),
        })
    }
}

/// Reads the output of a benchmark program of `package`; an output without a figure is an error.
fn figures_of(package: &str, output: &str) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut path: Vec<String> = Vec::new();
    for line in output.lines() {
        if line.starts_with('{') {
            figures.push(Figure::from_json(line).with_context(|| line.to_owned())?);
        } else if let Some((depth, name, fastest)) = divan_row(line) {
            path.truncate(depth);
            path.push(name.to_owned());
            if let Some(value) = fastest {
                let path = path.join("/");
                let named = path.starts_with(&format!("{package}::"));
                let name = if named { path } else { format!("{package}::{path}") };
                figures.push(Figure { name, value, unit: "ns".to_owned(), vs: None, ratio: None });
            }
        }
    }
    if figures.is_empty() {
        bail!("no figure found");
    }
    Ok(figures)
}

/// Returns depth, name and fastest time in nanoseconds of a row of divan's table; groups have no time, and rows
/// without a branch (the head, throughput) are none.
fn divan_row(line: &str) -> Option<(usize, &str, Option<f64>)> {
    let (at, branch) = ["├─ ", "╰─ "].iter().filter_map(|b| Some((line.find(b)?, b))).min()?;
    let depth = line[..at].chars().count() / 3;
    let cell = line[at + branch.len()..].split('│').next()?.trim_end();
    let timed = cell.rsplit_once(' ').and_then(|(rest, unit)| {
        let factor = match unit {
            "ps" => 1e-3,
            "ns" => 1.0,
            "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => return None,
        };
        let (name, number) = rest.rsplit_once(' ')?;
        Some((name.trim_end(), number.parse::<f64>().ok()? * factor))
    });
    match timed {
        Some((name, value)) => Some((depth, name, Some(value))),
        None => Some((depth, cell, None)),
    }
}

/// Brings each promised figure to one operation, and compares it with the other that its promise names.
fn compare(figures: &mut BTreeMap<String, Figure>, bars: &[Bar]) -> Result<()> {
    let missing = |name: &str| format!("no benchmark is called {name}");
    for bar in bars {
        let figure = figures.get_mut(bar.name).with_context(|| missing(bar.name))?;
        figure.value /= f64::from(bar.operations);
    }
    for bar in bars {
        let Some(vs) = bar.vs else { continue };
        let other = figures.get(vs).with_context(|| missing(vs))?.value;
        let figure = figures.get_mut(bar.name).with_context(|| missing(bar.name))?;
        figure.ratio = (other != 0.0).then(|| figure.value / other);
        figure.vs = Some(vs.to_owned());
    }
    Ok(())
}

/// Says on standard error which bar is met.
fn judge(figures: &BTreeMap<String, Figure>, paces: &Paces, bars: &[Bar]) -> Result<()> {
    for bar in bars {
        let Bar { name, steps, pace, .. } = bar;
        let figure =
            figures.get(*name).with_context(|| format!("no benchmark is called {name}"))?;
        let step = paces.get(&(bar.target(), *pace));
        let step = step.with_context(|| format!("the machine was not measured before {name}"))?;
        let (taken, met) = bar.taken(figure, *step)?;
        let verdict = if met { "met   " } else { "missed" };
        let (value, unit, measure) = (figure.value, &figure.unit, pace.name());
        eprintln!(
            "{verdict} {name}: {value:.2} {unit}, {taken:.1} of at most {steps} x {measure}, {step:.2} ns"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIVAN: &str = "\
Timer precision: 20 ns
margin        fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ required                 │               │               │               │         │
│  ├─ 1       1.24 ns       │ 3.231 ns      │ 1.245 ns      │ 1.341 ns      │ 100     │ 204800
│  │          806.4 Mitem/s │ 309.5 Mitem/s │ 803.2 Mitem/s │ 745.7 Mitem/s │         │
│  ╰─ 10      3.104 µs      │ 17.91 µs      │ 3.113 µs      │ 3.846 µs      │ 100     │ 102400
│             3.221 Gitem/s │ 558.1 Mitem/s │ 3.212 Gitem/s │ 2.6 Gitem/s   │         │
├─ margin::explain  1.233 ms      │ 3.549 ms      │ 1.268 ms      │ 1.431 ms      │ 100     │ 100
╰─ grid                     │               │               │               │         │
   ╰─ build                 │               │               │               │         │
      ├─ (2, 3)  0 ns       │ 23.83 ns      │ 0.048 ns      │ 0.509 ns      │ 100     │ 819200
      ╰─ u64  0.325 ns      │ 1.969 ns      │ 0.326 ns      │ 0.455 ns      │ 100     │ 102400
";

    fn figure(name: &str, value: f64, unit: &str) -> (String, Figure) {
        let (unit, vs, ratio) = (unit.to_owned(), None, None);
        (name.to_owned(), Figure { name: name.to_owned(), value, unit, vs, ratio })
    }

    #[test]
    fn the_table_of_divan_is_read_with_groups_arguments_and_units() {
        let figures = figures_of("margin", DIVAN).expect("the table is read");
        let read: Vec<(&str, f64)> = figures.iter().map(|f| (f.name.as_str(), f.value)).collect();
        let expected = [
            ("margin::required/1", 1.24),
            ("margin::required/10", 3104.0),
            ("margin::explain", 1_233_000.0),
            ("margin::grid/build/(2, 3)", 0.0),
            ("margin::grid/build/u64", 0.325),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn json_lines_are_read_and_come_out_the_same() {
        let line = r#"{"name":"machine::apply","ratio":2.5,"unit":"per_s","value":310000.0,"vs":"target"}"#;
        let figures = figures_of("machine", &format!("warming up\n{line}\n")).expect("it is read");
        let expected: Value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!(figures[0].json(), expected);
    }

    #[test]
    fn output_without_figures_and_unknown_units_are_errors() {
        assert!(figures_of("margin", "Finished\n").is_err());
        assert!(figures_of("margin", r#"{"name":"a","value":1,"unit":"hours"}"#).is_err());
    }

    fn bar(name: &'static str, operations: u32, steps: f64, vs: Option<&'static str>) -> [Bar; 1] {
        let pace = Pace::Arithmetic;
        [Bar { package: "margin", bench: "margin", name, operations, steps, pace, vs }]
    }

    #[test]
    fn a_promised_figure_is_one_operation_and_compared_in_the_same_run() {
        let mut figures = BTreeMap::from([figure("loop", 96.0, "ns"), figure("once", 8.0, "ns")]);
        compare(&mut figures, &bar("loop", 48, 2.0, Some("once"))).expect("both are there");
        assert_eq!(figures["loop"].value, 2.0);
        assert_eq!(
            (figures["loop"].vs.as_deref(), figures["loop"].ratio),
            (Some("once"), Some(0.25))
        );
        assert!(compare(&mut figures, &bar("loop", 1, 2.0, Some("gone"))).is_err());
        assert!(compare(&mut figures, &bar("gone", 1, 2.0, None)).is_err());
    }

    #[test]
    fn a_machine_half_as_fast_takes_as_many_of_its_own_steps() {
        let [bar] = bar("a", 1, 80.0, None);
        for (nanos, step, taken) in [(90.0, 1.0, 90.0), (180.0, 2.0, 90.0), (90.0, 2.0, 45.0)] {
            let (_, figure) = figure("a", nanos, "ns");
            assert_eq!(bar.taken(&figure, step).expect("a time"), (taken, taken < 80.0));
        }
        let (_, rate) = figure("a", 500_000.0, "per_s");
        assert_eq!(rate.nanos().expect("a time"), 2_000.0);
        assert!(figure("a", 90.0, "instructions").1.nanos().is_err());
    }

    #[test]
    fn who_was_not_measured_beside_the_machine_is_not_judged() {
        let figures = BTreeMap::from([figure("a", 90.0, "ns")]);
        let bars = bar("a", 1, 80.0, None);
        let paces = Paces::from([((bars[0].target(), Pace::Arithmetic), 1.0)]);
        assert!(judge(&figures, &paces, &bars).is_ok());
        assert!(judge(&figures, &Paces::new(), &bars).is_err());
        assert!(judge(&figures, &paces, &bar("gone", 1, 80.0, None)).is_err());
    }

    #[test]
    fn the_machine_is_measured_by_both_of_its_paces_or_not_at_all() {
        let all = [
            figure("speed::multiply_and_add", 0.5, "ns"),
            figure("speed::load_of_64_MiB", 100.0, "ns"),
        ]
        .map(|(_, figure)| figure);
        let read = paces_of(&all).expect("both are there");
        assert_eq!(read, [(Pace::Arithmetic, 0.5), (Pace::Memory, 100.0)]);
        assert!(paces_of(&all[..1]).is_err());
    }
}
