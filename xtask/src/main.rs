//! `cargo x VERB`: one verb per wish. Continuous integration calls the same verbs as people do.
//!
//! Each verb is a file of this name in `src`. A verb that fails leaves an exit code other than zero.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod attack;
mod bench;
mod bless;
mod call;
mod check;
mod ci;
mod demo;
mod denial_of_service;
mod fuzz;
mod gates;
mod mutants;
mod prove;
mod sim;
mod spec;
mod step;
mod tidy;
mod trace;
mod wheel;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// What a user can ask for.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const VERBS: &[Verb] = &[
    Verb {
        name: "check",
        about: "format, clippy, rustdoc, tidy, fast tests: before every commit",
        run: |arguments| no_arguments(arguments).and_then(|()| check::run()),
    },
    Verb {
        name: "ci",
        about: "everything that must hold: check, all tests, proofs, determinism, benches, demos",
        run: |arguments| no_arguments(arguments).and_then(|()| ci::run()),
    },
    Verb {
        name: "tidy",
        about: "rules about the tree that no compiler checks: arrows, headers, words, links",
        run: |arguments| no_arguments(arguments).and_then(|()| tidy::run()),
    },
    Verb {
        name: "trace",
        about: "which spec rule is cited by which code and test; fails on gaps",
        run: |arguments| no_arguments(arguments).and_then(|()| trace::run()),
    },
    Verb {
        name: "bench",
        about: "run the benchmarks; --json prints one JSON object per line",
        run: bench::run,
    },
    Verb {
        name: "gates",
        about: "count the instructions of the hot paths and hold them against their bars; needs valgrind",
        run: |arguments| no_arguments(arguments).and_then(|()| gates::run()),
    },
    Verb {
        name: "bless",
        about: "rewrite expected outputs and conformance hashes from what the code says now",
        run: |arguments| no_arguments(arguments).and_then(|()| bless::run()),
    },
    Verb {
        name: "sim",
        about: "simulate the network: --seeds K [--from S] [--plant NAME]",
        run: sim::run,
    },
    Verb {
        name: "attack",
        about: "coalitions and insiders against the machine: --seeds K|FROM..TO [--plant NAME]",
        run: attack::run,
    },
    Verb {
        name: "denial-of-service",
        about: "attack a network on this machine and say what honest clients notice (a minute)",
        run: denial_of_service::run,
    },
    Verb {
        name: "fuzz",
        about: "damaged inputs for every decoder; --seconds N, --seed N, --file FILE, words",
        run: fuzz::run,
    },
    Verb {
        name: "prove",
        about: "fetch the theorem prover and run every proof",
        run: |arguments| no_arguments(arguments).and_then(|()| prove::run()),
    },
    Verb {
        name: "mutants",
        about: "break the proved code in every small way; each break must break a proof (minutes)",
        run: mutants::run,
    },
    Verb {
        name: "wheel",
        about: "build the Python module and hold it against the program",
        run: |arguments| no_arguments(arguments).and_then(|()| wheel::run()),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first() else {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    };
    if name == "help" || name == "--help" || name == "-h" {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        eprintln!("no verb '{name}'\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (verb.run)(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo x {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = "usage: cargo x VERB\n\n".to_owned();
    for verb in VERBS {
        text += &format!("  {:18} {}\n", verb.name, verb.about);
    }
    text
}

fn no_arguments(arguments: &[String]) -> Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => bail!("no argument expected, found '{first}'"),
    }
}
