//! The agent is cut off at every write of its store, before and after it, after every message that it sends, and after
//! every step of a transaction; with its plugins and without. What comes then is a restart: nothing is lost, and nothing
//! whose acknowledgement was stored is told again.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cwmp_acs::{
    Acs, AttributeChange, Content, CpeBody, CpeResponse, IncomingValue, Options, Reply, Request, Session,
    ValueType, XsiType,
};
use cwmp_e2e::{Client, Device, CONNECTION_REQUEST};
use cwmp_store::State;

const FIRST: &str = "Device.X_CWMPD_Demo.Level";
const SECOND: &str = "Device.X_CWMPD_DemoC.Level";
const KEY: &str = "Device.ManagementServer.ParameterKey";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const TEMPERATURE: &str = "Device.X_CWMPD_Demo.Temperature";

const BOOTSTRAP: &str = "0 BOOTSTRAP";
const BOOT: &str = "1 BOOT";
const PERIODIC: &str = "2 PERIODIC";
const VALUE_CHANGE: &str = "4 VALUE CHANGE";
const M_REBOOT: &str = "M Reboot";

/// How long one device may take for all of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a session that was caused may take to come before it is caused again.
const CAUSE_PATIENCE: Duration = Duration::from_secs(3);
/// How many devices live at the same time.
const DEVICES: usize = 4;
/// A day, which is the period.
const DAY: Duration = Duration::from_secs(86_400);

/// What the ACS wants, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    /// Values of two plugins at once.
    Set,
    /// To be told of a value.
    Watch,
    /// A row.
    Add,
    /// A reboot, once the value was told.
    Reboot,
}

/// Where the agent is cut off.
#[derive(Debug, Clone)]
struct Cut {
    /// At which start of the device.
    start: usize,
    /// `KIND:N`.
    point: String,
    /// Whether the plugins are cut off with it.
    hosts: bool,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = if self.hosts { "with" } else { "without" };
        write!(f, "start {}, {}, {with} the plugins", self.start, self.point)
    }
}

/// Events with their command keys.
type Events = Vec<(String, String)>;

/// An Inform, by its events and the value that it told.
#[derive(Debug)]
struct Told {
    events: Events,
    temperature: Option<String>,
}

impl Told {
    fn has(&self, code: &str) -> bool {
        self.events.iter().any(|(c, _)| c == code)
    }

    /// Whether it tells the change that the device made.
    fn is_warm(&self) -> bool {
        self.has(VALUE_CHANGE) && self.temperature.as_deref() == Some("31")
    }
}

/// What was left when the agent was cut off.
#[derive(Debug)]
struct Left {
    /// How many Informs the ACS had heard.
    heard: usize,
    state: State,
}

/// A device, its ACS, and what they have come to.
struct Story {
    cut: Option<Cut>,
    acs: Acs,
    device: Device,
    client: Client,
    starts: usize,
    reboots: usize,
    told: Vec<Told>,
    /// What the ACS was answered, or what was found to be done.
    done: BTreeSet<Wish>,
    /// What the ACS asked for and was not answered.
    unsure: Option<Wish>,
    /// The row that was added.
    row: Option<u32>,
    /// What the next Inform must tell.
    expected: Option<Events>,
    left: Option<Left>,
    is_warmed: bool,
    periods: usize,
    last_period: Option<Instant>,
    last_request: Option<Instant>,
}

impl Story {
    fn new(cut: Option<Cut>) -> Self {
        let acs = Acs::start(Options::default());
        let device = Device::builder()
            .acs(acs.url())
            .plugin("demo", "[config]\nwatch_file = 'DEVICE/pipe'\n")
            .plugin("demo_c", "")
            .prepare();
        let client = Client::connect(device.bus.address());
        Self {
            cut,
            acs,
            client,
            device,
            starts: 0,
            reboots: 0,
            told: Vec::new(),
            done: BTreeSet::new(),
            unsure: None,
            row: None,
            expected: None,
            left: None,
            is_warmed: false,
            periods: 0,
            last_period: None,
            last_request: None,
        }
    }

    /// The points that were passed at a start, in their order.
    fn trace(&self, start: usize) -> Vec<String> {
        let text = std::fs::read_to_string(self.device.path(&format!("trace-{start}"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn start(&mut self) {
        self.starts += 1;
        let trace = self.device.path(&format!("trace-{}", self.starts)).display().to_string();
        let mut variables = vec![("CWMPD_CUT_TRACE", trace.as_str())];
        let point = self.cut.as_ref().filter(|c| c.start == self.starts && self.left.is_none());
        let point = point.map(|c| c.point.clone());
        variables.extend(point.as_deref().map(|point| ("CWMPD_CUT", point)));
        self.device.start_with(&variables);
    }

    /// Goes on until everything has happened; answers whether the cut was reached.
    fn run(&mut self) -> bool {
        self.start();
        let end = Instant::now() + PATIENCE;
        loop {
            self.hold(Instant::now() < end, "it comes to no end");
            if self.device.try_ended().is_some_and(|status| self.is_cut(status)) {
                self.cut_off();
            } else if self.device.actions().len() > self.reboots {
                self.reboots += 1;
                self.hold(self.reboots == 1, "it reboots again");
                if self.stop() {
                    self.expect();
                    self.start();
                }
            } else if let Some(session) = self.acs.try_session_within(Duration::from_millis(5)) {
                self.talk(session);
            } else if self.is_over() {
                if self.stop() {
                    self.look_back();
                    return self.left.is_some();
                }
            } else {
                self.cause_something();
            }
        }
    }

    /// Ends the agent in order; false if it was cut off meanwhile.
    fn stop(&mut self) -> bool {
        let ended = self.device.try_ended().unwrap_or_else(|| self.device.end());
        if ended.signal().is_some() && self.is_cut(ended) {
            self.cut_off();
            return false;
        }
        true
    }

    fn is_cut(&self, status: std::process::ExitStatus) -> bool {
        self.hold(status.signal() == Some(9), &format!("the agent ended by itself: {status}"));
        self.hold(self.cut.is_some() && self.left.is_none(), "it was killed, and not by us");
        true
    }

    fn is_over(&self) -> bool {
        let is_quiet = || self.client.try_property::<Events>("PendingEvents").is_some_and(|e| e.is_empty());
        self.told.iter().any(|t| t.has(PERIODIC)) && is_quiet()
    }

    /// What happens on the device, when the ACS has nothing to do.
    fn cause_something(&mut self) {
        let Some(events) = self.client.try_property::<Events>("PendingEvents") else { return };
        let is_due = |last: Option<Instant>| last.is_none_or(|at| at.elapsed() > CAUSE_PATIENCE);
        if self.left.is_some() && events.is_empty() && self.wish().is_some() {
            // Its session was cut off, and the device has nothing to tell: the ACS asks.
            if is_due(self.last_request) {
                self.last_request = Some(Instant::now());
                let url = self.client.value("Device.ManagementServer.ConnectionRequestURL").unwrap();
                self.acs.connection_request(&url, CONNECTION_REQUEST.0, CONNECTION_REQUEST.1);
            }
        } else if self.done.contains(&Wish::Add) && !self.is_warmed {
            std::fs::write(self.device.path("pipe"), "Temperature=31\n").unwrap();
            self.is_warmed = true;
        } else if self.told.iter().any(|t| t.has(M_REBOOT)) && events.is_empty() && is_due(self.last_period) {
            self.periods += 1;
            self.last_period = Some(Instant::now());
            let advanced = self.client.try_advance(DAY);
            // It may be cut off by this.
            let may_fail = self.cut.is_some() && self.left.is_none();
            self.hold(advanced.is_ok() || may_fail, "the agent was built without test-hooks");
        }
    }

    // ---- The ACS ----

    fn talk(&mut self, mut session: Session) {
        session.set_timeout(PATIENCE);
        let events: Events =
            session.inform().events.iter().map(|e| (e.code.clone(), e.command_key.clone())).collect();
        let temperature = session.parameter(TEMPERATURE).map(str::to_owned);
        self.told.push(Told { events, temperature });
        self.check_inform();
        session.accept();
        let mut asked = None;
        let mut is_ended = false;
        loop {
            let Some(post) = session.next_post_or_gone() else {
                self.unsure = asked.or(self.unsure);
                return;
            };
            self.hold(!is_ended, "it goes on after the end");
            if let Some(wish) = asked.take() {
                self.answered(wish, &post.content);
            }
            match self.wish() {
                Some(wish) => {
                    asked = Some(wish);
                    let envelope = session.envelope(&request(wish));
                    session.reply(Reply::envelope(envelope));
                }
                None => {
                    is_ended = true;
                    session.reply(Reply::no_content());
                }
            }
        }
    }

    /// What the ACS asks for next.
    fn wish(&self) -> Option<Wish> {
        let is_warm = self.told.iter().any(Told::is_warm);
        let all = [Wish::Set, Wish::Watch, Wish::Add, Wish::Reboot];
        all.into_iter().find(|w| !self.done.contains(w)).filter(|w| *w != Wish::Reboot || is_warm)
    }

    fn answered(&mut self, wish: Wish, content: &Content) {
        let Content::Message(message) = content else {
            return self.hold(false, &format!("{wish:?} is not answered"));
        };
        match &message.body {
            CpeBody::Response(CpeResponse::AddObject { number, status: 0 }) => self.row = Some(*number),
            CpeBody::Response(_) => {}
            other => self.hold(false, &format!("{wish:?} is answered with {other:?}")),
        }
        self.done.insert(wish);
    }

    fn check_inform(&mut self) {
        let told = self.told.last().unwrap();
        if let Some(expected) = self.expected.take() {
            self.hold(
                without_changes(&told.events) == expected,
                &format!("the next Inform should tell {expected:?}"),
            );
        }
        self.hold(!told.has(M_REBOOT) || !self.device.actions().is_empty(), "a reboot is told that was none");
    }

    // ---- The cut ----

    fn cut_off(&mut self) {
        self.reboots = self.device.actions().len();
        self.expect();
        self.left = Some(Left { heard: self.told.len(), state: self.device.stored() });
        self.last_period = None;
        if self.cut.as_ref().is_some_and(|c| c.hosts) {
            for name in ["demo", "demo_c"] {
                if self.client.pid_of(&format!("org.cwmpd1.Provider.{name}")).is_some() {
                    self.device.kill_host(name);
                }
            }
        }
        self.start();
        if self.is_reboot_due() {
            // It reboots before it says anything.
            return;
        }
        self.device.ready("demo");
        self.device.ready("demo_c");
        self.check_state();
    }

    fn is_reboot_due(&self) -> bool {
        let rebooted = self.starts > 1 && !self.device.actions().is_empty();
        self.left.as_ref().is_some_and(|l| l.state.meta.contains_key("reboot")) && !rebooted
    }

    /// Finds out what the next Inform must tell, while the agent does not run.
    fn expect(&mut self) {
        let state = self.device.stored();
        let boot = std::fs::read_to_string(self.device.path("boot_id")).unwrap();
        let has_booted = state.meta.get("boot_id").map(String::as_str) != Some(boot.trim());
        if self.unsure == Some(Wish::Reboot) && (state.meta.contains_key("reboot") || has_booted) {
            self.done.insert(Wish::Reboot);
            self.unsure = None;
        }
        let mut events: Events =
            state.events.values().map(|e| (e.code.clone(), e.command_key.clone())).collect();
        if has_booted {
            events.retain(|(code, _)| code != BOOT);
        }
        if has_booted || events.iter().any(|(code, _)| code == M_REBOOT) {
            events.push((BOOT.to_owned(), String::new()));
        }
        if !state.meta.contains_key("contacted_url") {
            events.push((BOOTSTRAP.to_owned(), String::new()));
        }
        let events = without_changes(&events);
        self.expected = Some(events).filter(|e| !e.is_empty());
    }

    /// The ACS waits: what it asked for was done as a whole or not at all, and what it was answered was done.
    fn check_state(&mut self) {
        let rows = self.client.list(LAMPS, true).unwrap();
        let rows: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).filter(|n| *n != LAMPS).collect();
        let values = [FIRST, SECOND, KEY].map(|name| self.client.value(name).unwrap());
        match self.unsure.take() {
            Some(Wish::Set) if values[0] == "60" => {
                self.done.insert(Wish::Set);
            }
            Some(Wish::Add) if !rows.is_empty() => {
                self.done.insert(Wish::Add);
                self.row = rows[0].strip_prefix(LAMPS).and_then(|n| n.trim_end_matches('.').parse().ok());
            }
            _ => {}
        }
        let is = |wish| self.done.contains(&wish);
        let level = if is(Wish::Set) { "60" } else { "50" };
        let key = if is(Wish::Add) {
            "key 2"
        } else if is(Wish::Set) {
            "key 1"
        } else {
            ""
        };
        self.hold(values == [level, level, key], &format!("{values:?} are not a whole"));
        let expected: Vec<String> = self.row.iter().map(|n| format!("{LAMPS}{n}.")).collect();
        self.hold(rows == expected, &format!("the rows are {rows:?}, not {expected:?}"));
    }

    /// Everything has happened, and the agent has ended.
    fn look_back(&self) {
        let state = self.device.stored();
        self.hold(state.transactions.is_empty(), "the journal is not empty");
        self.hold(state.events.is_empty() && state.pending.is_empty(), "something is still to be told");
        self.hold(state.reported[TEMPERATURE].value == "31", "the change is not known to be told");
        self.hold(state.settings[KEY] == "key 2", "the key is lost");
        self.hold(state.meta["boot_id"] == "boot 2", "it has not booted twice");
        let periods = self.told.iter().filter(|t| t.has(PERIODIC)).count();
        let (heard, left) = self.left.as_ref().map_or((0, None), |l| (l.heard, Some(&l.state)));
        self.hold(periods <= self.periods + usize::from(left.is_some()), "more periods than there were");
        let (before, after) = self.told.split_at(heard);
        let is_pending = |code: &str| left.is_some_and(|s| s.events.values().any(|e| e.code == code));
        let change_is_pending = left.is_some_and(|s| s.pending.contains(TEMPERATURE));
        let times = |all: &[Told], tells: &dyn Fn(&Told) -> bool| all.iter().filter(|t| tells(t)).count();
        for (what, pending, tells) in [
            (BOOTSTRAP, is_pending(BOOTSTRAP), &(|t: &Told| t.has(BOOTSTRAP)) as &dyn Fn(&Told) -> bool),
            (M_REBOOT, is_pending(M_REBOOT), &|t: &Told| {
                t.events.contains(&(M_REBOOT.into(), "key 3".into()))
            }),
            (TEMPERATURE, change_is_pending, &Told::is_warm),
        ] {
            // Told before, it is told again only if the acknowledgement was not stored.
            let due = usize::from(pending || times(before, tells) == 0);
            self.hold(
                times(before, tells) <= 1 && times(after, tells) == due,
                &format!(
                    "{what} is told {} times, and {} times again",
                    times(before, tells),
                    times(after, tells)
                ),
            );
        }
    }

    #[track_caller]
    fn hold(&self, condition: bool, what: &str) {
        if condition {
            return;
        }
        let cut = self.cut.as_ref().map_or_else(|| "without a cut".to_owned(), Cut::to_string);
        panic!(
            "{cut}: {what}\npending {:?}, {:?}\ntold {:#?}\ndone {:?}, unsure {:?}, left {:#?}\n{:?}\n{}",
            self.client.try_property::<Events>("PendingEvents"),
            self.client.try_property::<Vec<String>>("PendingChanges"),
            self.told,
            self.done,
            self.unsure,
            self.left,
            (1..=self.starts).map(|start| self.trace(start)).collect::<Vec<_>>(),
            self.device.log()
        );
    }
}

/// Events that must be told in the next Inform; a change rides with its value, which may come later.
fn without_changes(events: &Events) -> Events {
    let mut events: Events = events.iter().filter(|(code, _)| code != VALUE_CHANGE).cloned().collect();
    events.sort();
    events.dedup();
    events
}

fn request(wish: Wish) -> Request {
    match wish {
        Wish::Set => Request::SetParameterValues {
            values: [FIRST, SECOND]
                .map(|name| IncomingValue {
                    name: name.to_owned(),
                    xsi_type: XsiType::Known(ValueType::UnsignedInt),
                    text: "60".to_owned(),
                })
                .to_vec(),
            parameter_key: "key 1".to_owned(),
        },
        Wish::Watch => Request::SetParameterAttributes {
            changes: vec![AttributeChange {
                name: TEMPERATURE.to_owned(),
                notification: Some(2),
                access_list: None,
            }],
        },
        Wish::Add => Request::AddObject { object: LAMPS.to_owned(), parameter_key: "key 2".to_owned() },
        Wish::Reboot => Request::Reboot { command_key: "key 3".to_owned() },
    }
}

/// C84, C85, C93, C139: by enumeration.
#[test]
fn a_cut_anywhere_loses_nothing_and_repeats_nothing_that_was_acknowledged() {
    let mut whole = Story::new(None);
    whole.run();
    let mut cuts = VecDeque::new();
    for start in 1..=whole.starts {
        for point in whole.trace(start) {
            for hosts in [false, true] {
                cuts.push_back(Cut { start, point: point.clone(), hosts });
            }
        }
    }
    drop(whole);
    if let Ok(only) = std::env::var("CWMP_CUT") {
        cuts.retain(|c| c.to_string().contains(&only));
    }
    let planned = cuts.len();
    let cuts = Mutex::new(cuts);
    let covered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..DEVICES {
            scope.spawn(|| loop {
                let Some(cut) = cuts.lock().unwrap().pop_front() else { return };
                if Story::new(Some(cut.clone())).run() {
                    covered.fetch_add(1, Ordering::Relaxed);
                } else {
                    println!("{cut}: not reached");
                }
            });
        }
    });
    let covered = covered.into_inner();
    // Past the capture of the test harness: how many there are is for everyone to see.
    let _ = writeln!(std::io::stderr(), "{covered} of {planned} cut points");
    // What comes at the same moment comes in any order: the last points of a kind may be missing in another run.
    assert!(covered * 20 >= planned * 19, "only {covered} of {planned} cut points were reached");
}
