//! Calls of other programs: printed before they run, their output passed through, their test results counted.
//!
//! A call is a program and its arguments; no shell stands between, so no argument is ever split or expanded.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One program with its arguments and environment, run in the root of the repository.
#[derive(Debug)]
pub(crate) struct Call {
    command: Command,
}

/// What the test runners of one call said in their closing lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Call {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        Self { command }
    }

    /// Returns a call of the cargo that runs this program.
    pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn envs<I, N, V>(mut self, pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.command.envs(pairs);
        self
    }

    /// Runs the call with its output passed through, and fails unless it succeeds.
    pub(crate) fn run(self) -> Result<Tests> {
        let mut tests = Tests::default();
        self.stream(|line| tests.count(line))?;
        Ok(tests)
    }

    /// Runs the call with its output passed through, and returns that output.
    pub(crate) fn printed(self) -> Result<String> {
        let mut text = String::new();
        self.stream(|line| text += line)?;
        Ok(text)
    }

    fn stream(mut self, mut each: impl FnMut(&str)) -> Result<()> {
        println!("$ {self}");
        self.command.stdout(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("cannot start {self}"))?;
        let mut reader = BufReader::new(child.stdout.take().context("there is no output")?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let mut out = std::io::stdout().lock();
            out.write_all(&line)?;
            out.flush()?;
            each(&String::from_utf8_lossy(&line));
            line.clear();
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { bail!("{self} ended with {status}") }
    }

    /// Returns the standard output of the call; its standard error is passed through.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {self}"))?;
        if !output.status.success() {
            bail!("{self} ended with {}", output.status);
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Returns the standard output and the standard error of the call.
    pub(crate) fn both(mut self) -> Result<(String, String)> {
        let output = self.command.output().with_context(|| format!("cannot start {self}"))?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        if output.status.success() {
            Ok((out, err))
        } else {
            bail!("{self} ended with {}\n{err}", output.status)
        }
    }

    /// Runs the call, which must fail; its output is kept back.
    pub(crate) fn refused(mut self) -> Result<()> {
        println!("$ {self}    (must fail)");
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = self.command.status().with_context(|| format!("cannot start {self}"))?;
        match status.code() {
            Some(0) => bail!("{self} succeeded and must not"),
            // What a program says of its own accord; a panic and a signal are something else.
            Some(1 | 2) => Ok(()),
            _ => bail!("{self} ended with {status}"),
        }
    }

    /// Says whether the program can be started at all and answers `--version`.
    pub(crate) fn answers(program: &str) -> bool {
        Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        write!(f, "{}", name.to_string_lossy())?;
        for argument in self.command.get_args() {
            let text = argument.to_string_lossy();
            if text.contains(' ') {
                write!(f, " '{text}'")?;
            } else {
                write!(f, " {text}")?;
            }
        }
        Ok(())
    }
}

impl Tests {
    /// Adds a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …`; other lines change nothing.
    fn count(&mut self, line: &str) {
        let Some((_, rest)) = line.split_once("test result: ") else { return };
        let Some((_, counts)) = rest.split_once(". ") else { return };
        for part in counts.split(';') {
            let mut words = part.split_whitespace();
            let Some(Ok(number)) = words.next().map(str::parse::<u64>) else { continue };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => {}
            }
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_test_runners_are_summed() {
        let mut tests = Tests::default();
        tests.count("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out");
        tests.count("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured");
        tests.count("test money_is_conserved ... ok");
        assert_eq!(tests, Tests { passed: 14, failed: 4, ignored: 1 });
    }

    #[test]
    fn a_failing_program_is_an_error_and_a_missing_one_is_named() {
        assert!(Call::new("false").output().is_err());
        let missing = Call::new("no-such-program-here").output().unwrap_err();
        assert!(missing.to_string().contains("no-such-program-here"));
    }
}
