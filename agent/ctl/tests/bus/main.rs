//! `cwmpctl` as a user meets it: the real program, a real bus, and an agent that is small but keeps to the contract.

mod attributes;
mod contract;
mod document;
mod fake;
mod invoke;
mod jobs;
mod private_bus;
mod refused;
mod rows;
mod state;
mod tree;
mod values;
mod watch;

use std::process::Stdio;
use std::time::Duration;

use fake::Fake;
use private_bus::PrivateBus;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// No test waits longer for a program to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, ready to run.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cwmpctl"));
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run left behind.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// The result for scripts.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The result, after a run that did what it should.
    fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        self.out
    }
}

async fn finish(mut command: Command) -> Run {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A bus with an agent on it.
struct Box {
    bus: PrivateBus,
    fake: Fake,
}

impl Box {
    async fn new() -> Self {
        let bus = PrivateBus::start("");
        let fake = Fake::start(&bus).await;
        Self { bus, fake }
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--bus").arg(self.bus.address()).args(arguments);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        finish(self.program(arguments)).await
    }

    async fn run_with(&self, input: &str, arguments: &[&str]) -> Run {
        let mut command = self.program(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).await.unwrap();
        drop(pipe);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
