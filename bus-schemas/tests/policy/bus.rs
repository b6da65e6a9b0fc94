//! A `dbus-daemon` with the rules of a system bus and our policy, and somebody who owns a name on it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use cwmp_bus::names;
use tokio::sync::mpsc;
use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::message::Type;
use zbus::{Connection, MatchRule, Message, MessageStream};

use crate::client::{Action, Client};

pub(crate) const POLICY: &str = include_str!("../../policy/org.cwmpd1.conf");
pub(crate) const PLUGIN_TEMPLATE: &str = include_str!("../../policy/org.cwmpd1.Provider.NAME.conf.in");

/// The default rules of `dbus-daemon`'s own system.conf, with a hole for a service of somebody else.
const SYSTEM_RULES: &str = r#"
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow own="com.example.Service"/>
    <allow send_destination="com.example.Service"/>
  </policy>
"#;

/// What a vendor's bus may look like: everything is allowed that nobody forbids.
const OPEN_RULES: &str = r#"
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
"#;

/// The template, filled.
pub(crate) fn plugin_policy(name: &str, user: &str) -> String {
    PLUGIN_TEMPLATE.replace("@NAME@", name).replace("@USER@", user)
}

/// A bus of type system on a socket of its own; ends with the value.
pub(crate) struct SystemBus {
    daemon: Child,
    address: String,
    program: PathBuf,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl SystemBus {
    /// With the policy as it is installed, and that of the plugin `demo` of this user.
    pub(crate) fn start(plugin_user: &str) -> Self {
        let bus = Self::with_policy(POLICY, plugin_user);
        assert!(!bus.log().contains("nknown"), "run tests/users: {}", bus.log());
        bus
    }

    /// The same on a bus that is careful, and on one that is not.
    pub(crate) fn start_both(plugin_user: &str) -> [Self; 2] {
        [Self::start(plugin_user), Self::with_rules(OPEN_RULES, POLICY, plugin_user)]
    }

    pub(crate) fn with_policy(policy: &str, plugin_user: &str) -> Self {
        Self::with_rules(SYSTEM_RULES, policy, plugin_user)
    }

    fn with_rules(rules_of_the_bus: &str, policy: &str, plugin_user: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(folder.path());
        let rules = folder.path().join("system.d");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(rules.join("org.cwmpd1.conf"), policy).unwrap();
        std::fs::write(rules.join("org.cwmpd1.Provider.demo.conf"), plugin_policy("demo", plugin_user))
            .unwrap();
        // This program, where every user can run it.
        let program = folder.path().join("client");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        open(&program);
        let socket = folder.path().join("bus").display().to_string();
        let config = folder.path().join("system.conf");
        let text = format!(
            "<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>\
             {rules_of_the_bus}<includedir>system.d</includedir></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        let log = folder.path().join("log");
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("dbus-daemon is installed");
        // It prints its address once it listens.
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let bus = Self { daemon, address: format!("unix:path={socket}"), program, log, _folder: folder };
        assert!(line.contains(&socket), "{line} {}", bus.log());
        bus
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What the daemon complained of.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// This test as a program that every user can run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Does this as a user; what came of each.
    pub(crate) async fn run(&self, user: &str, actions: Vec<Action>) -> Vec<String> {
        let count = actions.len();
        let results = Client::start(self, user, actions).results().await;
        assert_eq!(results.len(), count, "{user}");
        results
    }

    pub(crate) async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address()).unwrap().build().await.unwrap()
    }
}

impl Drop for SystemBus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Owns a name and answers every call with nothing: what arrives at all is the question here.
pub(crate) struct Receiver {
    connection: Connection,
    signals: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<()>,
    failures: Arc<Mutex<Vec<zbus::Error>>>,
}

impl Receiver {
    pub(crate) async fn start(bus: &SystemBus, name: &str) -> Self {
        let connection = bus.connect().await;
        let mut messages = MessageStream::from(&connection);
        connection.request_name(name).await.unwrap();
        let (sender, signals) = mpsc::unbounded_channel();
        let failures = Arc::<Mutex<Vec<zbus::Error>>>::default();
        let (answering, failed) = (connection.clone(), failures.clone());
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                match message.message_type() {
                    Type::MethodCall => {
                        if let Err(error) = answering.reply(&message.header(), &()).await {
                            failed.lock().unwrap().push(error);
                        }
                    }
                    // Nobody listens any more when the test is over.
                    Type::Signal => drop(sender.send(shown(&message))),
                    _ => {}
                }
            }
        });
        Self { connection, signals, task, failures }
    }

    pub(crate) fn unique_name(&self) -> String {
        self.connection.unique_name().unwrap().to_string()
    }

    pub(crate) async fn broadcast(&self, path: &str, interface: &str, member: &str) {
        let to: Option<&str> = None;
        self.connection.emit_signal(to, path, interface, member, &()).await.unwrap();
    }

    /// Asks the bus for the broadcasts of an interface.
    pub(crate) async fn listen_to(&self, interface: &str) {
        let rule = MatchRule::builder().msg_type(Type::Signal).interface(interface).unwrap().build();
        zbus::fdo::DBusProxy::new(&self.connection).await.unwrap().add_match_rule(rule).await.unwrap();
    }

    /// The signals that came before the one of this name, but for those of the bus itself.
    pub(crate) async fn signals_until(&mut self, member: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let signal = self.signals.recv().await.unwrap();
            if signal.ends_with(&format!(".{member}")) {
                return seen;
            }
            if !signal.starts_with("org.freedesktop.DBus.") {
                seen.push(signal);
            }
        }
    }

    pub(crate) async fn call(
        &self,
        destination: &str,
        path: &str,
        interface: &str,
        member: &str,
    ) -> zbus::Result<Message> {
        self.connection.call_method(Some(destination), path, Some(interface), member, &()).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
        let failures = std::mem::take(&mut *self.failures.lock().unwrap());
        assert!(failures.is_empty() || std::thread::panicking(), "{failures:?}");
    }
}

fn shown(message: &Message) -> String {
    let header = message.header();
    let interface = header.interface().map(ToString::to_string).unwrap_or_default();
    format!("{interface}.{}", header.member().map(ToString::to_string).unwrap_or_default())
}

/// Checked here, because the policy is text.
#[test]
fn the_policy_speaks_of_the_names_of_the_contract() {
    for name in [names::SERVICE, names::DATA_MODEL, names::AGENT, names::READ_GROUP, names::ADMIN_GROUP] {
        assert!(POLICY.contains(&format!("\"{name}\"")), "{name}");
    }
    for name in [names::REGISTRY, names::PROVIDER, names::PROVIDER_PATH] {
        assert!(PLUGIN_TEMPLATE.contains(&format!("\"{name}\"")), "{name}");
    }
    assert!(PLUGIN_TEMPLATE.contains(&format!("\"{}@NAME@\"", names::PROVIDER_PREFIX)));
}
