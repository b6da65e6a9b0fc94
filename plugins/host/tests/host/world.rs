//! A bus, an agent and one real host with one plugin.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;
use tokio::sync::mpsc;
use zbus::zvariant::Value;
use zbus::{Connection, Message};

use crate::agent::{Agent, Said};
use crate::bus::Bus;
use crate::plugin::compile;

pub(crate) type Triple = (String, u8, String);
pub(crate) type Fault = (String, u32, String);
pub(crate) type Change<'a> = (u32, u8, &'a str, &'a str);

/// Everything that a test of a served plugin needs. The agent's name has an owner.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) bus: Bus,
    pub(crate) agent: Agent,
    pub(crate) host: Host,
    pub(crate) name: &'static str,
}

/// A host and what it logs.
pub(crate) struct Host {
    child: Child,
    log: mpsc::UnboundedReceiver<String>,
    pub(crate) lines: Vec<String>,
}

impl Host {
    /// Starts the real program.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cwmp-plugin-host"))
            .args(arguments)
            .env("CWMP_LOG", "info")
            .env_remove("JOURNAL_STREAM")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, log, lines: Vec::new() }
    }

    /// Waits until a line of the log has a text.
    pub(crate) async fn logs(&mut self, text: &str) {
        while !self.lines.iter().any(|l| l.contains(text)) {
            let line = tokio::time::timeout(crate::SOON, self.log.recv()).await.ok().flatten();
            self.lines.push(line.unwrap_or_else(|| panic!("never logged '{text}': {:#?}", self.lines)));
        }
    }

    /// How many lines of the log have a text, of those that are there.
    pub(crate) fn count(&mut self, text: &str) -> usize {
        while let Ok(line) = self.log.try_recv() {
            self.lines.push(line);
        }
        self.lines.iter().filter(|l| l.contains(text)).count()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        // The log ends with the process.
        while let Some(line) = crate::soon(self.log.recv()).await {
            self.lines.push(line);
        }
        self.child.wait().unwrap()
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl World {
    /// Compiles a plugin and serves it, with more lines for its manifest. The announcement was heard.
    pub(crate) async fn serve(name: &'static str, manifest: &str) -> Self {
        let mut world = Self::prepare(name, manifest).await;
        assert_eq!(world.agent.hear().await, Said::Announce(name.to_owned()));
        world.host.logs("announced").await;
        world
    }

    /// As [`serve`](Self::serve), but does not wait.
    pub(crate) async fn prepare(name: &'static str, manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_manifest(folder.path(), name, manifest);
        let bus = Bus::start(folder.path());
        let agent = Agent::start(&bus.address).await;
        let host = Host::start(&arguments(folder.path(), &bus.address, name).each_ref().map(String::as_str));
        Self { folder, bus, agent, host, name }
    }

    /// Starts the host again, after it has ended.
    pub(crate) fn start_again(&mut self) {
        let arguments = arguments(self.folder.path(), &self.bus.address, self.name);
        self.host = Host::start(&arguments.each_ref().map(String::as_str));
    }

    /// A call of the provider, as the agent.
    pub(crate) async fn call<B>(&self, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        call_as(&self.agent.bus, self.name, method, body).await
    }

    /// Reads values.
    pub(crate) async fn get(&self, paths: &[&str]) -> (Vec<Triple>, Vec<Fault>) {
        let options: HashMap<&str, Value<'_>> = HashMap::new();
        self.call("Get", &(paths, options)).await.unwrap().body().deserialize().unwrap()
    }

    /// Reads the value of one parameter.
    pub(crate) async fn value(&self, path: &str) -> String {
        let (values, faults) = self.get(&[path]).await;
        assert_eq!((values.len(), faults.len()), (1, 0), "{path}: {faults:?}");
        values[0].2.clone()
    }

    /// The fault of reading one path.
    pub(crate) async fn fault(&self, path: &str) -> (u32, String) {
        let (values, mut faults) = self.get(&[path]).await;
        assert_eq!((values.len(), faults.len()), (0, 1), "{path}: {values:?} {faults:?}");
        let (at, code, text) = faults.remove(0);
        assert_eq!(at, path);
        (code, text)
    }

    /// Prepares changes.
    pub(crate) async fn propose(
        &self,
        txn: u64,
        changes: &[Change<'_>],
        lease_ms: u32,
    ) -> zbus::Result<Vec<(u32, u32, String)>> {
        let options: HashMap<&str, Value<'_>> = HashMap::new();
        Ok(self.call("Prepare", &(txn, changes, lease_ms, options)).await?.body().deserialize().unwrap())
    }

    /// Commit, Rollback, Finish or Apply.
    pub(crate) async fn step(&self, step: &str, txn: u64) -> zbus::Result<Message> {
        self.call(step, &txn).await
    }

    /// Tells the plugin something.
    pub(crate) async fn notice(&self, what: &str) -> zbus::Result<Message> {
        let options: HashMap<&str, Value<'_>> = HashMap::new();
        self.call("Notice", &(what, options)).await
    }

    /// Commits, and gives the status.
    pub(crate) async fn commit(&self, txn: u64) -> zbus::Result<u32> {
        Ok(self.step("Commit", txn).await?.body().deserialize().unwrap())
    }
}

/// Compiles a plugin and writes its manifest beside it.
pub(crate) fn write_manifest(folder: &Path, name: &str, manifest: &str) -> PathBuf {
    let library = compile(name, folder, &[]);
    let root = if name == "good" { "Device.X_T." } else { "Device.X_B." };
    let file = folder.join(format!("{name}.toml"));
    let text = format!("name = '{name}'\nlibrary = '{}'\nroots = ['{root}']\n{manifest}", library.display());
    std::fs::write(&file, text).unwrap();
    file
}

fn arguments(folder: &Path, address: &str, name: &str) -> [String; 9] {
    let here = folder.to_str().unwrap().to_owned();
    let words =
        [name, "--manifests", &here, "--overlays", "/nonexistent", "--state", &here, "--bus", address];
    words.map(str::to_owned)
}

/// A call of a provider by somebody.
pub(crate) async fn call_as<B>(bus: &Connection, name: &str, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    let service = format!("org.cwmpd1.Provider.{name}");
    let call = bus.call_method(
        Some(service.as_str()),
        "/org/cwmpd1/Provider",
        Some("org.cwmpd1.Provider"),
        method,
        body,
    );
    crate::soon(call).await
}

/// The name of the error that a call was answered with, and its text.
pub(crate) fn error_of<T: std::fmt::Debug>(result: zbus::Result<T>) -> (String, String) {
    match result.unwrap_err() {
        zbus::Error::MethodError(name, text, _) => (name.as_str().to_owned(), text.unwrap_or_default()),
        other => panic!("{other}"),
    }
}
