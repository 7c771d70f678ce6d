//! Named steps, run in order until one fails, with a closing table that says what ran, how long, and how many tests.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::call::{Call, Tests};

type Action = Box<dyn FnOnce() -> Result<Tests>>;

/// One thing to do, with the name it carries in the closing table.
pub(crate) struct Step {
    name: String,
    action: Action,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    NotRun,
}

/// One row of the closing table.
#[derive(Debug)]
struct Row {
    name: String,
    verdict: Verdict,
    took: Duration,
    tests: Tests,
}

impl Step {
    pub(crate) fn new(name: &str, action: impl FnOnce() -> Result<Tests> + 'static) -> Self {
        Self { name: name.to_owned(), action: Box::new(action) }
    }

    /// Returns a step that runs one call.
    pub(crate) fn call(name: &str, call: Call) -> Self {
        Self::new(name, || call.run())
    }

    /// Returns a step that runs one call and fails when it ran no test or skipped one as ignored: a gate that
    /// passes on nothing is no gate.
    pub(crate) fn tests(name: &str, call: Call) -> Self {
        Self::new(name, || {
            let tests = call.run()?;
            if tests.passed == 0 {
                bail!("no test ran");
            }
            if tests.ignored > 0 {
                bail!("{} tests are ignored: delete them or make them pass", tests.ignored);
            }
            Ok(tests)
        })
    }

    /// Returns a step that does something without running tests.
    pub(crate) fn plain(name: &str, action: impl FnOnce() -> Result<()> + 'static) -> Self {
        Self::new(name, || action().map(|()| Tests::default()))
    }
}

/// Runs the steps in order and stops at the first that fails; prints the closing table either way.
pub(crate) fn run_all(steps: Vec<Step>) -> Result<()> {
    let count = steps.len();
    let mut rows = Vec::with_capacity(count);
    let mut failure = None;
    for (index, Step { name, action }) in steps.into_iter().enumerate() {
        if failure.is_some() {
            let (verdict, took) = (Verdict::NotRun, Duration::ZERO);
            rows.push(Row { name, verdict, took, tests: Tests::default() });
            continue;
        }
        println!("\n== [{}/{count}] {name}", index + 1);
        let started = Instant::now();
        let outcome = action();
        let took = started.elapsed();
        let (verdict, tests) = match outcome {
            Ok(tests) => (Verdict::Passed, tests),
            Err(error) => {
                failure = Some(error.context(format!("step '{name}' failed")));
                (Verdict::Failed, Tests::default())
            }
        };
        rows.push(Row { name, verdict, took, tests });
    }
    println!("\n{}", table(&rows));
    failure.map_or(Ok(()), Err)
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(5);
    let mut text = format!("{:width$}  {:7}  {:>9}  {:>7}\n", "step", "result", "time", "tests");
    let mut took = Duration::ZERO;
    let mut tests = Tests::default();
    for row in rows {
        let verdict = match row.verdict {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::NotRun => "not run",
        };
        text += &line(&row.name, verdict, row.took, row.tests, width);
        took += row.took;
        tests = tests.plus(row.tests);
    }
    let failed = rows.iter().any(|row| row.verdict != Verdict::Passed);
    text += &line("total", if failed { "FAILED" } else { "ok" }, took, tests, width);
    text
}

fn line(name: &str, verdict: &str, took: Duration, tests: Tests, width: usize) -> String {
    let tests = if tests.passed == 0 { String::new() } else { tests.passed.to_string() };
    let seconds = took.as_secs_f64();
    format!("{name:width$}  {verdict:7}  {seconds:>7.1} s  {tests:>7}").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_after_a_failure_do_not_run() {
        let ran = std::rc::Rc::new(std::cell::Cell::new(false));
        let seen = ran.clone();
        let outcome = run_all(vec![
            Step::plain("first", || bail!("broken")),
            Step::plain("second", move || {
                seen.set(true);
                Ok(())
            }),
        ]);
        assert_eq!(outcome.unwrap_err().to_string(), "step 'first' failed");
        assert!(!ran.get());
    }

    #[test]
    fn a_test_step_that_runs_no_test_fails() {
        let outcome = run_all(vec![Step::tests("empty", Call::new("true"))]);
        assert!(format!("{:#}", outcome.unwrap_err()).contains("no test ran"));
    }

    #[test]
    fn the_closing_table_names_every_step_and_sums_the_tests() {
        let row = |name: &str, verdict, passed| Row {
            name: name.into(),
            verdict,
            took: Duration::from_millis(1500),
            tests: Tests { passed, ..Tests::default() },
        };
        let text = table(&[
            row("clippy", Verdict::Passed, 0),
            row("tests", Verdict::Failed, 12),
            row("demo", Verdict::NotRun, 0),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "clippy  ok           1.5 s");
        assert_eq!(lines[2], "tests   FAILED       1.5 s       12");
        assert_eq!(lines[3], "demo    not run      1.5 s");
        assert_eq!(lines[4], "total   FAILED       4.5 s       12");
    }
}
