//! Somebody on the bus: this program again, as another user.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::message::Type;
use zbus::{MatchRule, MessageStream};

use crate::bus::SystemBus;
use crate::{ALLOWED, DENIED};

/// Names the bus to the program that is somebody else.
const ADDRESS: &str = "CWMP_POLICY_BUS";
/// The start of a line that tells what came of an action; the test harness prints lines too.
const RESULT: &str = "RESULT ";
/// The line that says that a client listens or serves.
const READY: &str = "READY";
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something to do on the bus, as a line.
#[derive(Debug, Clone)]
pub(crate) struct Action(String);

impl Action {
    /// Calls a member; the interface may be empty.
    pub(crate) fn call(destination: &str, path: &str, interface: &str, member: &str) -> Self {
        Self(format!("call {destination} {path} {interface} {member}"))
    }

    /// Asks for a name.
    pub(crate) fn own(name: &str) -> Self {
        Self(format!("own {name}"))
    }

    /// Sends a signal, to everybody if the destination is empty.
    pub(crate) fn signal(destination: &str, path: &str, interface: &str, member: &str) -> Self {
        Self(format!("signal {destination} {path} {interface} {member}"))
    }

    /// Waits for a signal.
    pub(crate) fn receive(sender: &str, interface: &str, member: &str) -> Self {
        Self(format!("receive {sender} {interface} {member}"))
    }

    /// Takes a name and answers one call.
    pub(crate) fn serve(name: &str) -> Self {
        Self(format!("serve {name}"))
    }
}

/// A process of another user that does what it is told.
pub(crate) struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    actions: String,
}

impl Client {
    pub(crate) fn start(bus: &SystemBus, user: &str, actions: Vec<Action>) -> Self {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let line = passwd.lines().find(|l| l.split(':').next() == Some(user));
        let ids: Vec<&str> =
            line.unwrap_or_else(|| panic!("no user {user}: run tests/users")).split(':').collect();
        let mut command = Command::new("setpriv");
        command.args([
            format!("--reuid={}", ids[2]),
            format!("--regid={}", ids[3]),
            "--init-groups".to_owned(),
        ]);
        command.arg(bus.program()).args(["--exact", "client::somebody_else", "--nocapture"]);
        command.env(ADDRESS, bus.address()).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("setpriv is part of util-linux");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let actions: Vec<String> = actions.into_iter().map(|a| a.0 + "\n").collect();
        Self { child, lines, actions: actions.concat() }
    }

    async fn tell(&mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            pipe.write_all(self.actions.as_bytes()).await.unwrap();
        }
    }

    async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("it does not hang").unwrap()
    }

    /// Waits until it listens or serves.
    pub(crate) async fn is_ready(&mut self) {
        self.tell().await;
        while self.line().await.expect("it gets ready") != READY {}
    }

    /// What came of each action.
    pub(crate) async fn results(mut self) -> Vec<String> {
        self.tell().await;
        let mut results = Vec::new();
        while let Some(line) = self.line().await {
            results.extend(line.strip_prefix(RESULT).map(str::to_owned));
        }
        results
    }
}

/// The numbers of a field of `/proc/self/status`.
pub(crate) fn status_of_this_process(field: &str) -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().map(str::to_owned).collect()
}

/// Not a test of its own: the other user's side of the others, which start it.
#[tokio::test]
async fn somebody_else() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let text = std::io::read_to_string(std::io::stdin()).unwrap();
    let connection = zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
    // Each starts on a line of its own, whatever the harness has printed.
    println!();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let result = match words.as_slice() {
            ["call", destination, path, interface, member] => {
                let interface = Some(*interface).filter(|i| !i.is_empty());
                connection.call_method(Some(*destination), *path, interface, *member, &()).await.map(drop)
            }
            ["own", name] => {
                let asked = connection.request_name(*name).await;
                if asked.is_ok() {
                    connection.release_name(*name).await.unwrap();
                }
                asked
            }
            ["signal", destination, path, interface, member] => {
                let to = Some(*destination).filter(|d| !d.is_empty());
                connection.emit_signal(to, *path, *interface, *member, &()).await
            }
            ["receive", sender, interface, member] => {
                let rule = MatchRule::builder().msg_type(Type::Signal).sender(*sender).unwrap();
                let rule = rule.interface(*interface).unwrap().member(*member).unwrap().build();
                let mut messages = MessageStream::from(&connection);
                let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
                bus.add_match_rule(rule).await.unwrap();
                println!("{READY}");
                loop {
                    let message = messages.next().await.unwrap().unwrap();
                    if message.header().member().is_some_and(|m| m.as_str() == *member) {
                        break Ok(());
                    }
                }
            }
            ["serve", name] => {
                let mut messages = MessageStream::from(&connection);
                connection.request_name(*name).await.unwrap();
                println!("{READY}");
                loop {
                    let message = messages.next().await.unwrap().unwrap();
                    if message.message_type() == Type::MethodCall {
                        break connection.reply(&message.header(), &()).await.map(drop);
                    }
                }
            }
            _ => panic!("{line}"),
        };
        let told = match result {
            Ok(()) => ALLOWED.to_owned(),
            Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
            Err(zbus::Error::FDO(error)) => match *error {
                zbus::fdo::Error::AccessDenied(_) => DENIED.to_owned(),
                other => other.to_string(),
            },
            Err(other) => other.to_string(),
        };
        println!("{RESULT}{told}");
    }
    // What was sent without waiting for an answer is on its way only once the bus has answered something.
    connection
        .call_method(Some("org.freedesktop.DBus"), "/", Some("org.freedesktop.DBus"), "GetId", &())
        .await
        .unwrap();
}
