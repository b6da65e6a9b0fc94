//! What the agent tells systemd: that it is ready, what it does, that it lives; and that it is silent when it does not.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options};
use cwmp_e2e::{binary, eventually, Client, Device};

/// What systemd lets pass between two signs of life here.
const WATCHDOG: Duration = Duration::from_millis(800);

/// An agent that systemd started, as far as it can see.
struct Supervised {
    device: Device,
    socket: UnixDatagram,
    agent: Child,
    heard: Vec<String>,
}

impl Supervised {
    fn start(device: Device) -> Self {
        let place = device.path("notify");
        let socket = UnixDatagram::bind(&place).unwrap();
        socket.set_nonblocking(true).unwrap();
        let log = std::fs::File::create(device.path("log")).unwrap();
        // The variable has to name the process itself.
        let agent = Command::new("sh")
            .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""])
            .arg(binary("cwmpd"))
            .arg("--config")
            .arg(device.path("cwmpd.toml"))
            .env("NOTIFY_SOCKET", place)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { device, socket, agent, heard: Vec::new() }
    }

    /// Takes in what has come by now.
    fn listen(&mut self) {
        let mut text = [0; 1000];
        while let Ok(size) = self.socket.recv(&mut text) {
            self.heard.push(std::str::from_utf8(&text[..size]).unwrap().trim_end().to_owned());
        }
    }

    /// Waits until a message begins so, and says where it stands among all.
    #[track_caller]
    fn hears(&mut self, start: &str) -> usize {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            self.listen();
            if let Some(at) = self.heard.iter().position(|message| message.starts_with(start)) {
                return at;
            }
            assert!(Instant::now() < end, "never heard {start}: {:?}\n{}", self.heard, self.device.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Forgets what was heard, and waits for a sign of life that is new.
    #[track_caller]
    fn lives(&mut self) {
        self.listen();
        self.heard.clear();
        self.hears("WATCHDOG=1");
    }

    /// It has said three times why it is silent, and was silent between the first and the last.
    #[track_caller]
    fn is_silent(&mut self, why: &str) {
        let said = |device: &Device, times| (device.log().matches(why).count() >= times).then_some(());
        eventually(why, || said(&self.device, 1));
        self.listen();
        self.heard.clear();
        eventually(why, || said(&self.device, 4));
        self.listen();
        assert!(!self.heard.iter().any(|message| message.starts_with("WATCHDOG")), "{:?}", self.heard);
    }

    fn client(&self) -> Client {
        self.device.client()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

fn quiet(acs: &Acs) -> cwmp_e2e::Builder {
    Device::builder().acs(acs.url()).config("[inform]\nperiodic = false\n")
}

/// Ready comes once the name on the bus is taken and the store is open; what follows is what the agent does, and never where
/// the secrets of a URL are.
#[test]
fn systemd_hears_what_the_agent_does() {
    let acs = Acs::start(Options { path: "/acs/token-4711".to_owned(), ..Options::default() });
    let mut agent = Supervised::start(quiet(&acs).prepare());
    let ready = agent.hears("READY=1");
    assert!(agent.device.path("state/cwmpd.db").exists());
    assert!(Client::connect(agent.device.bus.address()).pid_of("org.cwmpd1").is_some());
    let session = acs.session();
    assert!(ready < agent.hears("STATUS=in session with 127.0.0.1"));
    session.end();
    agent.hears("STATUS=idle");
    let session = {
        agent.client().inform().unwrap();
        acs.session()
    };
    session.fail_with(cwmp_acs::Reply::status(503));
    agent.hears("STATUS=127.0.0.1 was not reached, 1 in a row: ");
    agent.client().set_value("Device.ManagementServer.EnableCWMP", "false").unwrap();
    agent.hears("STATUS=CWMP is switched off");
    assert!(!agent.heard.iter().any(|message| message.contains("4711")), "{:?}", agent.heard);
    let pid = agent.agent.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    agent.hears("STOPPING=1");
}

/// What keeps the agent from its work is said; it lives all the same.
#[test]
fn an_agent_that_cannot_inform_says_why_and_lives() {
    let device = Device::builder().identity("manufacturer = 'Example'\n").prepare();
    // No file can be made in a file.
    std::fs::remove_dir(device.path("state")).unwrap();
    std::fs::write(device.path("state"), "").unwrap();
    let mut agent = Supervised::start(device);
    let at = agent.hears("STATUS=does not inform: ");
    assert!(agent.heard[at].contains("; store: "), "{:?}", agent.heard);
    agent.lives();
}

/// An ACS that takes its time is no loop that is stuck.
#[test]
fn a_session_in_which_nothing_comes_is_alive() {
    let acs = Acs::start(Options::default());
    let mut agent = Supervised::start(quiet(&acs).config("[acs]\nresponse_timeout = 30\n").prepare());
    let mut session = acs.session();
    session.accept();
    agent.hears("STATUS=in session");
    for _ in 0..6 {
        agent.lives();
    }
    session.ready();
    session.end();
    agent.hears("STATUS=idle");
    agent.lives();
}

/// The thread runs and the bus is answered, but no session would ever come: this is what a watchdog is for.
#[test]
fn when_the_session_loop_is_stuck_no_sign_of_life_comes() {
    let acs = Acs::start(Options::default());
    let mut agent = Supervised::start(quiet(&acs).prepare());
    acs.session().end();
    agent.lives();
    let client = agent.client();
    client.call::<(), _>("org.cwmpd1.Test", "Stick", &()).unwrap();
    agent.is_silent("the loop that opens sessions is stuck");
    assert_eq!(client.property::<String>("State"), "idle");
}

#[test]
fn when_the_bus_does_not_answer_no_sign_of_life_comes() {
    let acs = Acs::start(Options::default());
    let mut agent = Supervised::start(quiet(&acs).prepare());
    acs.session().end();
    agent.lives();
    let bus = agent.device.bus.pid().to_string();
    let signal =
        |signal: &str| assert!(Command::new("kill").args([signal, &bus]).status().unwrap().success());
    signal("-STOP");
    agent.is_silent("the bus does not answer");
    // It was slow, and not away.
    signal("-CONT");
    agent.lives();
}

/// Nothing at all comes from a thread that is stuck.
#[test]
fn when_the_thread_is_stuck_no_sign_of_life_comes() {
    let acs = Acs::start(Options::default());
    let mut agent = Supervised::start(quiet(&acs).prepare());
    acs.session().end();
    agent.lives();
    let address = agent.device.bus.address().to_owned();
    // The call has no answer; the thread that waits for it goes with the bus.
    std::thread::spawn(move || Client::connect(&address).call::<(), _>("org.cwmpd1.Test", "Block", &()));
    let end = Instant::now() + Duration::from_secs(20);
    let mut last = Instant::now();
    while last.elapsed() < WATCHDOG * 3 {
        assert!(Instant::now() < end, "it goes on: {:?}", agent.heard);
        agent.listen();
        if !std::mem::take(&mut agent.heard).is_empty() {
            last = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Hosts that the agent starts itself have nothing to tell its supervisor.
#[test]
fn hosts_do_not_speak_for_the_agent() {
    let device = Device::builder().plugin("users", "").prepare();
    let mut agent = Supervised::start(device);
    agent.device.ready("users");
    agent.lives();
    agent.listen();
    let pid = agent.device.host("users");
    let variables = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let variables = String::from_utf8_lossy(&variables);
    for ours in ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] {
        assert!(!variables.contains(ours), "{ours}");
    }
}
