//! Command lines that make no sense, helps, full disks and readers that go away.

use crate::support::{Ran, copy, house, novation, place, run};
use std::fs::{self, OpenOptions};
use std::process::{Command, Stdio};

#[test]
fn a_command_line_that_makes_no_sense_is_refused_before_anything_happens() {
    let place = place("usage");
    let file = place.join("file");
    fs::write(&file, b"x").expect("written");
    for (arguments, words) in [
        ("", "Usage"),
        ("dance", "unrecognized subcommand 'dance'"),
        ("demo --blocks 0", "0 is not in"),
        ("demo --blocks many", "invalid value 'many'"),
        ("demo --seed -1 --out {}", "unexpected argument"),
        ("demo --seed one", "a seed is a whole number"),
        ("demo --out {}", "is a file: name a directory"),
        ("demo --out {}/below", "is a file: name a directory"),
        ("demo --tempo 3", "unexpected argument '--tempo'"),
        ("audit", "<DIR>"),
        ("audit {} --to 0", "0 is not in"),
        ("verify", "<FILE>"),
        ("verify {} --root 0x12", "64 hexadecimal digits"),
        ("prove {} planet x --proof y", "invalid value 'planet'"),
        ("prove {} block", "--proof"),
        ("explain", "Usage"),
        ("explain margin nobody --dir {}", "'nobody' is not an account"),
        ("explain margin 0", "--dir"),
        ("explain margin 0 --dir {} --height soon", "or 'latest'"),
        ("govern approve many", "invalid value 'many'"),
        ("govern propose list 7 --of 1 --lot 1 --tick 1 --expires soon", "'soon' is no time: UTC"),
        ("govern propose list 7 --of 1 --lot 1 --tick 1 --strike 5", "--right"),
        ("govern propose parameter impact lots", "invalid value 'lots'"),
        ("govern propose seat 5 --validator-key 0x12 --stake 1", "a public key is 0x and 64"),
    ] {
        run(arguments, &file).failed(2, &[words]);
    }
    for (arguments, words) in [
        ("govern propose parameter scan_range 20 --of 1", "outside the bounds of scan_range"),
        ("govern propose parameter scan_range 200000", "say which, as --of BTC"),
        ("govern propose parameter maintenance_ratio 800000 --of 1", "leave out --of"),
        ("govern propose parameter scan_rage 1", "is not a parameter"),
        (
            "govern propose list 7 --of 1 --lot 0 --tick 1",
            "the contract size is outside its limits",
        ),
    ] {
        run(arguments, &file).failed(1, &[words]);
    }
    let broken = crate::support::place("broken").join("node.toml");
    std::fs::write(&broken, "network = \"x\"\nlistne = 5\n").expect("writable");
    run("node --config {}", &broken).failed(1, &["line 2: unknown field `listne`"]);
    run("help govern", &file).succeeded();
    let version = run("--version", &file).succeeded();
    assert!(version.contains("(commands and state 1, log 1, snapshot 1, proof 1)"), "{version}");
    run("govern pause BTC", &file).failed(2, &["invalid value 'BTC'"]);
    let seat = format!("govern propose seat 5 --validator-key 0x{}", "ab".repeat(32));
    run(&format!("{seat} --stake 0"), &file).failed(2, &["0 is not in"]);
    for at in ["0.0.0.0:26650", "[::]:26650", "10.0.0.1:0", "224.0.0.1:26650"] {
        run(&format!("{seat} --stake 1 --at {at}"), &file).failed(2, &["nobody can connect to it"]);
    }
    run(&format!("{seat} --stake 1 --at host"), &file).failed(2, &["an address and a port"]);
    assert_eq!(fs::read_dir(&place).expect("listed").count(), 1, "nothing was made");
}

#[test]
fn every_command_has_a_help_with_examples() {
    let out = run("--help", house()).succeeded();
    assert!(out.contains("novation demo --out") && out.contains("Exit codes"), "{out}");
    for command in
        ["demo", "audit", "prove", "verify", "explain margin", "explain strategies", "govern"]
    {
        let out = run(&format!("{command} --help"), house()).succeeded();
        assert!(out.contains("Example") && out.contains(&format!("novation {command} ")), "{out}");
    }
    let out = run("--version", house()).succeeded();
    let known = format!("novation {} (commands and state ", env!("CARGO_PKG_VERSION"));
    assert!(out.starts_with(&known), "{out}");
}

#[test]
fn a_house_is_not_founded_on_top_of_another() {
    let dir = copy("occupied");
    run("demo --blocks 1 --quiet --out {}", &dir).failed(1, &["holds a house already"]);
    run("audit {}", &dir).succeeded();
}

#[test]
fn results_that_cannot_be_written_are_a_failure() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("there is no /dev/full here");
        return;
    };
    let ran = novation().arg("audit").arg(house()).stdout(full).output().expect("started");
    Ran::from(ran).failed(1, &["No space left"]);
    let dir = copy("full-proof");
    let ran = run("prove {} block --proof /dev/full", &dir);
    ran.failed(1, &["cannot write /dev/full", "No space left"]);
    assert!(fs::metadata("/dev/full").is_ok(), "a device is not removed");
}

#[test]
fn a_disk_that_takes_no_more_is_named() {
    // A limit on the length of files does what a full disk does, and needs no privilege.
    let dir = place("limited").join("house");
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" demo --blocks 20 --quiet --out \"$1\"";
    let mut command = Command::new("sh");
    command
        .env_remove("NOVATION_DATA")
        .args(["-c", script, env!("CARGO_BIN_EXE_novation")])
        .arg(&dir);
    let ran = Ran::from(command.output().expect("started"));
    ran.failed(1, &["error: ", "too large"]);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn a_full_file_system_is_named() {
    let dir = place("tiny");
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&dir).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("no right to mount a small file system here: not tested");
        return;
    }
    let ran = run("demo --blocks 20 --quiet --out {}/house", &dir);
    let unmounted = Command::new("umount").arg(&dir).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    ran.failed(1, &["error: "]);
    let said = ran.err.to_lowercase();
    assert!(said.contains("disk full") || said.contains("no space left"), "{said}");
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let mut child = novation();
    child.arg("audit").arg(house()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("started");
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().expect("ended"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(141), ""));
}
