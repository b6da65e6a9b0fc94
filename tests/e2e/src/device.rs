//! A device under test.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::{symlink, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{binary, eventually, files, Bus, Client, Rights, CONNECTION_REQUEST};

/// What a device is to be like.
#[derive(Debug, Default)]
pub struct Builder {
    acs: Option<String>,
    trust: Vec<PathBuf>,
    plugins: Vec<(String, String)>,
    /// What is added to the manifest of a plugin, or is the manifest of a provider without a library.
    manifests: Vec<(String, String)>,
    config: String,
    identity: Option<String>,
    environment: Vec<(String, String)>,
    rights: Rights,
}

impl Builder {
    /// The URL of the ACS.
    #[must_use]
    pub fn acs(mut self, url: impl Into<String>) -> Self {
        self.acs = Some(url.into());
        self
    }

    /// A file with a certificate to trust.
    #[must_use]
    pub fn trust(mut self, file: impl Into<PathBuf>) -> Self {
        self.trust.push(file.into());
        self
    }

    /// A plugin of this repository, with lines for its overlay; `DEVICE` in them is the device's folder.
    #[must_use]
    pub fn plugin(mut self, name: &str, config: &str) -> Self {
        self.plugins.push((name.to_owned(), config.to_owned()));
        self
    }

    /// More lines for the manifest of a plugin, in TOML, such as `[deadlines]`; or the whole manifest of a provider that
    /// the test serves itself.
    #[must_use]
    pub fn manifest(mut self, name: &str, text: &str) -> Self {
        self.manifests.push((name.to_owned(), text.to_owned()));
        self
    }

    /// More configuration of the agent, in TOML; it goes into an overlay.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config.push_str(text);
        self.config.push('\n');
        self
    }

    /// Another identity, in TOML.
    #[must_use]
    pub fn identity(mut self, text: &str) -> Self {
        self.identity = Some(text.to_owned());
        self
    }

    /// A variable in the environment of the agent.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What its bus allows, and to whom.
    #[must_use]
    pub fn bus(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// Makes the folder and the bus and starts the agent.
    #[track_caller]
    pub fn start(self) -> Device {
        let mut device = self.prepare();
        device.start();
        device
    }

    /// Makes the folder and the bus; nothing runs yet.
    #[track_caller]
    pub fn prepare(self) -> Device {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let at = |name: &str| folder.path().join(name);
        let write =
            |name: &str, text: &str| std::fs::write(at(name), text).expect("the folder can be written to");
        for name in ["state", "plugins", "overlays", "cwmpd.d"] {
            std::fs::create_dir(at(name)).expect("the folder can be written to");
        }
        for (name, config) in &self.plugins {
            install(&at("plugins"), name);
            let config = config.replace("DEVICE", &folder.path().display().to_string());
            write(&format!("overlays/{name}.toml"), &config);
        }
        for (name, text) in &self.manifests {
            let file = at("plugins").join(format!("{name}.toml"));
            let above = std::fs::read_to_string(&file).unwrap_or_default();
            std::fs::write(file, format!("{above}\n{text}\n")).expect("the folder can be written to");
        }
        let identity =
            "manufacturer = 'Example'\noui = '00AABB'\nproduct_class = 'Box'\nserial_number = 'S1'\n\
                        hardware_version = '1'\nsoftware_version = '0'\n";
        write("identity.toml", self.identity.as_deref().unwrap_or(identity));
        write("boot_id", "boot 1\n");
        // A reboot of this device is another boot id, and the end of the agent by whoever starts it again.
        let script = format!(
            "#!/bin/sh\nread word number < {0}\necho \"boot $((number + 1))\" > {0}\necho \"$1\" >> {1}\n",
            at("boot_id").display(),
            at("actions").display()
        );
        write("reboot", &script);
        std::fs::set_permissions(at("reboot"), std::fs::Permissions::from_mode(0o755)).expect("our own file");
        if self.rights != Rights::Own {
            // Other users must come to the socket of the bus.
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.path(), open).expect("our own folder");
        }
        let bus = Bus::start_with(folder.path(), self.rights);
        let mut config = String::new();
        let trust: Vec<String> = self.trust.iter().map(|p| format!("'{}'", p.display())).collect();
        let (user, password) = CONNECTION_REQUEST;
        let _ = write!(
            config,
            "[acs]\nurl = '{}'\ntrust = [{}]\n[bus]\naddress = '{}'\n[store]\nfolder = '{}'\n\
             [plugins]\nfolders = ['{}']\noverlays = '{}'\nmodels = '{}'\nhosts = 'spawn'\nhost = '{}'\n\
             [identity]\nfile = '{}'\n[boot]\nid_file = '{}'\n\
             [reboot]\ncommand = ['{reboot}', 'reboot']\n[factory_reset]\ncommand = ['{reboot}', 'factory-reset']\n\
             [connection_request]\nlisten = '{}'\nport = 7547\nusername = '{user}'\npassword = '{password}'\n\
             minimum_interval = 0\n",
            self.acs.unwrap_or_default(),
            trust.join(", "),
            bus.address(),
            at("state").display(),
            at("plugins").display(),
            at("overlays").display(),
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../agent/model/models"),
            binary("cwmp-plugin-host").display(),
            at("identity.toml").display(),
            at("boot_id").display(),
            own_address(),
            reboot = at("reboot").display(),
        );
        write("cwmpd.toml", &config);
        write("cwmpd.d/test.toml", &self.config);
        Device { folder, bus, agent: None, environment: self.environment }
    }
}

/// An address of this machine that no other device under test has: so its URL is the same after a restart.
fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let [.., a, b] = std::process::id().to_be_bytes();
    // The upper half, so that it is never 127.0.0.1, where everyone listens.
    let count = COUNT.fetch_add(1, Ordering::Relaxed) % 250;
    Ipv4Addr::new(127, a | 0x80, b, u8::try_from(count + 1).expect("at most 250"))
}

/// Puts a manifest and its library where the device looks for plugins.
fn install(plugins: &Path, name: &str) {
    let source = files::root().join("plugins").join(name.replace('_', "-")).join(format!("{name}.toml"));
    let target = plugins.join(format!("{name}.toml"));
    std::fs::copy(&source, &target).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let library = format!("libcwmp_{name}.so");
    let built = binary(&library);
    symlink(built, plugins.join(library)).expect("the folder can be written to");
}

/// A device under test. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Device {
    folder: tempfile::TempDir,
    /// Its bus.
    pub bus: Bus,
    agent: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Device {
    /// A device to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A file or folder of the device.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the agent. Its log goes to the file `log`.
    #[track_caller]
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts the agent with more variables in its environment, this time only.
    #[track_caller]
    pub fn start_with(&mut self, variables: &[(&str, &str)]) {
        assert!(self.agent.is_none(), "the agent runs already");
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let child = Command::new(binary("cwmpd"))
            .arg("--config")
            .arg(self.path("cwmpd.toml"))
            .env(
                "CWMP_LOG",
                std::env::var("CWMP_LOG").unwrap_or_else(|_| "debug,zbus=warn,hyper=warn".to_owned()),
            )
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("cwmpd can be started");
        self.agent = Some(child);
    }

    /// Writes a line into the pipe of a plugin whose overlay has `watch_file = 'DEVICE/NAME.pipe'`, as the device
    /// itself would change a value.
    #[track_caller]
    pub fn say(&self, plugin: &str, line: &str) {
        let pipe = self.path(&format!("{plugin}.pipe"));
        eventually("the plugin makes its pipe", || pipe.exists().then_some(()));
        std::fs::write(pipe, format!("{line}\n")).expect("the pipe can be written to");
    }

    /// The process of the agent.
    pub fn pid(&self) -> u32 {
        self.agent.as_ref().expect("the agent runs").id()
    }

    /// A program on the box; waits until the agent has its name on the bus.
    #[track_caller]
    pub fn client(&self) -> Client {
        let client = Client::connect(self.bus.address());
        eventually("the agent takes its name", || client.pid_of(cwmp_bus::names::SERVICE));
        client
    }

    /// Waits until the agent has its name on the bus.
    #[track_caller]
    pub fn present(&self) {
        let client = self.client();
        crate::eventually("the agent is there", || client.try_property::<String>("State"));
    }

    /// Waits until a provider is ready.
    #[track_caller]
    pub fn ready(&self, provider: &str) {
        let client = self.client();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            match client.provider(provider) {
                Some((state, _)) if state == "ready" => return,
                state if std::time::Instant::now() > end => {
                    panic!("{provider} is not ready: {state:?}\n{}", self.log())
                }
                _ => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        }
    }

    /// Kills the agent, as a crash would. Hosts live on.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.agent.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the agent as its supervisor would.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        let status = self.end();
        assert!(status.signal().is_none(), "the agent did not end by itself: {status}");
        status
    }

    /// The same for an agent that may be about to end in another way.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let child = self.agent.take().expect("the agent runs");
        terminate(child)
    }

    /// Waits until the agent ends by itself.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.agent.take().expect("the agent runs");
        eventually("the agent ends", || child.try_wait().expect("our own child"))
    }

    /// How the agent ended, if it has.
    #[track_caller]
    pub fn try_ended(&mut self) -> Option<ExitStatus> {
        let status = self.agent.as_mut()?.try_wait().expect("our own child")?;
        self.agent = None;
        Some(status)
    }

    /// A restart of the agent alone.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// What the agent has stored. Only while it does not run.
    #[track_caller]
    pub fn stored(&self) -> cwmp_store::State {
        assert!(self.agent.is_none(), "the store is the agent's while it runs");
        let opened = cwmp_store::open(&self.path("state/cwmpd.db"));
        assert_eq!(opened.health, cwmp_store::Health::Ok);
        opened.state
    }

    /// The process of a plugin's host; waits until it has its name on the bus.
    #[track_caller]
    pub fn host(&self, provider: &str) -> u32 {
        let client = Client::connect(self.bus.address());
        let service = cwmp_bus::names::provider_service(provider).expect("a name of a provider");
        eventually("the host takes its name", || client.pid_of(&service))
    }

    /// Kills a plugin's host, as a crash would; it is gone when this returns.
    #[track_caller]
    pub fn kill_host(&self, provider: &str) {
        end(self.host(provider), "KILL");
    }

    /// What the agent and its hosts logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The commands that were run: `reboot`, `factory-reset`.
    pub fn actions(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("actions")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a command was run so often.
    #[track_caller]
    pub fn acted(&self, action: &str, times: usize) {
        eventually(action, || {
            (self.actions().iter().filter(|a| *a == action).count() >= times).then_some(())
        });
    }

    /// A new boot: another boot id, and a restart.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.stop();
        let text = std::fs::read_to_string(self.path("boot_id")).expect("our own file");
        std::fs::write(self.path("boot_id"), format!("{} again\n", text.trim())).expect("our own file");
        self.start();
    }
}

/// Sends a signal to a process of ours that is no child, and waits until it is gone.
fn end(pid: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(sent.expect("kill is there").success(), "process {pid} had ended already");
    eventually("a process ends", || is_gone(pid).then_some(()));
}

/// Whether there is no such process, or only what its parent has not looked at yet.
pub fn is_gone(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // The state follows the name, which is in parentheses.
    status.map_or(true, |s| s.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

fn terminate(mut child: Child) -> ExitStatus {
    let pid = child.id().to_string();
    // Signals need a library or a program; this one is everywhere.
    let killed = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
    assert!(killed.success(), "the agent had ended already");
    eventually("the agent ends when it is told to", || child.try_wait().expect("our own child"))
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(child) = self.agent.take() {
            let mut child = child;
            let pid = child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
            while matches!(child.try_wait(), Ok(None)) {
                if std::time::Instant::now() > end {
                    let _ = child.kill();
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let _ = child.wait();
        }
        // Hosts end with their bus.
        self.bus.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the device\n{}", self.log());
        }
    }
}
