//! An agent that only records what a provider says to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use zbus::message::Header;
use zbus::names::ErrorName;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, Message, MessageStream};

/// What a provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Announce(String),
    Allocate(String, Vec<String>),
    Keys(String, Vec<u32>),
    Progress(u64, i32, String),
    BeginJob(u64, String, String),
    EndJob(u64, String, u32, String, Vec<(String, String)>),
    Event(String, Vec<(String, String)>),
}

/// How an agent takes the jobs that a provider begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jobs {
    Taken,
    /// It has no room for the next so many.
    Full(u32),
    /// It is older than they are.
    Unknown,
}

/// An error by its name.
#[derive(Debug)]
struct Refusal(&'static str);

impl zbus::DBusError for Refusal {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name())?.build(&("refused",))
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(self.0)
    }

    fn description(&self) -> Option<&str> {
        None
    }
}

struct Registry {
    said: mpsc::UnboundedSender<Said>,
    refuse: Arc<Mutex<u32>>,
    silent: Arc<Mutex<bool>>,
    jobs: Arc<Mutex<Jobs>>,
}

impl Registry {
    fn refused(&self) -> bool {
        let mut left = self.refuse.lock().unwrap();
        let refused = *left > 0;
        *left = left.saturating_sub(1);
        refused
    }
}

#[allow(clippy::needless_pass_by_value)] // what comes from the bus is owned
#[zbus::interface(name = "org.cwmpd1.Registry")]
impl Registry {
    fn announce(&self, name: String, options: HashMap<String, OwnedValue>) -> zbus::fdo::Result<()> {
        assert!(options.is_empty());
        self.said.send(Said::Announce(name)).unwrap();
        if self.refused() {
            return Err(zbus::fdo::Error::Failed("not now".to_owned()));
        }
        Ok(())
    }

    async fn allocate(&self, table: String, keys: Vec<String>) -> Vec<u32> {
        // The numbers tell where they come from.
        let number = |key: &String| match key.as_str() {
            "mac-a" => 41,
            "mac-thread" => 90,
            "mac-stranger" => 91,
            _ => 17,
        };
        let numbers = keys.iter().map(number).collect();
        self.said.send(Said::Allocate(table, keys)).unwrap();
        if *self.silent.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        numbers
    }

    fn keys(&self, table: String, numbers: Vec<u32>) -> Vec<String> {
        let key = |number: &u32| match number {
            41 => "mac-a",
            17 => "mac-b",
            55 => "mac-gone",
            _ => "",
        };
        let keys = numbers.iter().map(|number| key(number).to_owned()).collect();
        self.said.send(Said::Keys(table, numbers)).unwrap();
        keys
    }

    fn progress(&self, job: u64, permille: i32, text: String) {
        self.said.send(Said::Progress(job, permille, text)).unwrap();
    }

    fn begin_job(
        &self,
        job: u64,
        path: String,
        text: String,
        options: HashMap<String, OwnedValue>,
    ) -> Result<(), Refusal> {
        assert!(options["age_ms"].downcast_ref::<u64>().unwrap() < 60_000);
        let mut jobs = self.jobs.lock().unwrap();
        match *jobs {
            Jobs::Unknown => return Err(Refusal("org.freedesktop.DBus.Error.UnknownMethod")),
            Jobs::Full(left) if left > 0 => {
                *jobs = Jobs::Full(left - 1);
                return Err(Refusal("org.cwmpd1.Error.ResourcesExceeded"));
            }
            Jobs::Full(_) | Jobs::Taken => {}
        }
        drop(jobs);
        self.said.send(Said::BeginJob(job, path, text)).unwrap();
        Ok(())
    }

    fn end_job(
        &self,
        job: u64,
        state: String,
        code: u32,
        text: String,
        outputs: std::collections::BTreeMap<String, String>,
        options: HashMap<String, OwnedValue>,
    ) {
        assert!(options.is_empty());
        self.said.send(Said::EndJob(job, state, code, text, outputs.into_iter().collect())).unwrap();
    }

    fn event(&self, name: String, arguments: HashMap<String, OwnedValue>) -> zbus::fdo::Result<()> {
        let mut all: Vec<_> = arguments
            .iter()
            .map(|(k, v)| (k.clone(), v.downcast_ref::<&str>().unwrap().to_owned()))
            .collect();
        all.sort();
        self.said.send(Said::Event(name, all)).unwrap();
        if self.refused() {
            return Err(zbus::fdo::Error::Failed("not now".to_owned()));
        }
        Ok(())
    }
}

/// A connection that owns the agent's name.
pub(crate) struct Agent {
    pub(crate) bus: Connection,
    pub(crate) said: mpsc::UnboundedReceiver<Said>,
    pub(crate) messages: MessageStream,
    refuse: Arc<Mutex<u32>>,
    silent: Arc<Mutex<bool>>,
    jobs: Arc<Mutex<Jobs>>,
}

impl Agent {
    /// Takes the agent's name on a bus.
    pub(crate) async fn start(address: &str) -> Self {
        let (sender, said) = mpsc::unbounded_channel();
        let refuse = Arc::new(Mutex::new(0));
        let silent = Arc::new(Mutex::new(false));
        let jobs = Arc::new(Mutex::new(Jobs::Taken));
        let bus = zbus::connection::Builder::address(address)
            .unwrap()
            .serve_at(
                "/org/cwmpd1",
                Registry { said: sender, refuse: refuse.clone(), silent: silent.clone(), jobs: jobs.clone() },
            )
            .unwrap()
            .name("org.cwmpd1")
            .unwrap()
            .build()
            .await
            .unwrap();
        let messages = MessageStream::from(&bus);
        Self { bus, said, messages, refuse, silent, jobs }
    }

    /// Answers the next calls with an error.
    pub(crate) fn refuse(&self, calls: u32) {
        *self.refuse.lock().unwrap() = calls;
    }

    /// From now on it takes the jobs of a provider so.
    pub(crate) fn takes_jobs(&self, how: Jobs) {
        *self.jobs.lock().unwrap() = how;
    }

    /// Gives no more row numbers, and no answer either.
    pub(crate) fn fall_silent(&self) {
        *self.silent.lock().unwrap() = true;
    }

    /// What a provider has said and nobody has heard yet.
    pub(crate) fn heard(&mut self) -> Vec<Said> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }

    /// Waits for what a provider says next.
    pub(crate) async fn hear(&mut self) -> Said {
        crate::soon(self.said.recv()).await.unwrap()
    }
}
