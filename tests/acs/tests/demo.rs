//! The ACS as a program.

mod cpe;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use cpe::Cpe;

#[test]
fn the_program_accepts_sessions_and_logs_a_line_for_each() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cwmp-demo-acs"))
        .args(["--http", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("listening on ").unwrap();
    Cpe::new(url).session(&["0 BOOTSTRAP"]);
    Cpe::new(url).session(&["2 PERIODIC"]);
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("00D09E-Box-1234 [0 BOOTSTRAP] Device.RootDataModelVersion=2.19"), "{line}");
    assert!(lines.next().unwrap().unwrap().contains("[2 PERIODIC]"));
    program.kill().unwrap();
    program.wait().unwrap();
}

#[test]
fn the_program_writes_the_certificate_that_must_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let mut program = Command::new(env!("CARGO_BIN_EXE_cwmp-demo-acs"))
        .args(["--port", "0", "--ca-out"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("listening on https://127.0.0.1:"));
    assert!(std::fs::read_to_string(file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    program.kill().unwrap();
    program.wait().unwrap();
}
