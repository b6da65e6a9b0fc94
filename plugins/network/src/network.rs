//! The network, shared by the plugin and the thread that listens to the kernel.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::{Error, Host, Level, Settings};

use crate::enforce::{self, Enforcer};
use crate::facts::{Mac, Update};
use crate::files::{self, Files};
use crate::kernel::Kernel;
use crate::lease::{self, Client, Lease};
use crate::resolv;
use crate::state::{After, State};
use crate::table::{Key, Numbers, RowId};
use crate::tree::{self, Facts};
use crate::view::{Difference, View};
use crate::wish::{Reader, Wishes};

/// How often in a row resolv.conf is written although somebody else writes it, before that one is let have it.
pub(crate) const MAX_REWRITES: u32 = 8;
/// After so long it is no longer in a row: a DHCP client that renews its lease is no fight.
const REST: Duration = Duration::from_secs(60);

/// Where the files are.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) files: Files,
    pub(crate) resolv: PathBuf,
    pub(crate) clients: Vec<Box<dyn Client>>,
    /// The leases of a server on this device, which name hosts.
    pub(crate) host_leases: PathBuf,
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) numbers: Numbers,
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) places: Places,
    /// Held while the kernel and files are asked, never while the host is.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    wishes: Wishes,
    /// Whether the wishes are known yet: before that nothing is put in force, nor taken back.
    wished: bool,
    leases: Vec<Lease>,
    resolv: Option<String>,
    names: BTreeMap<Mac, String>,
    ipv6: bool,
    enforcer: Enforcer,
    view: Arc<View>,
    /// Counts how often everything was read: messages from before a reading are not news after it.
    readings: u64,
    /// What is known may be wrong: it is read again before anybody is told.
    distrusted: bool,
    /// Nobody listens to the kernel any more: everything is read for each question.
    deaf: bool,
    rewrites: u32,
    rewritten: Option<Instant>,
}

impl Known {
    fn facts(&self) -> Facts<'_> {
        Facts {
            state: &self.state,
            wishes: &self.wishes,
            leases: &self.leases,
            resolv: self.resolv.as_deref(),
            names: &self.names,
            ipv6: self.ipv6,
        }
    }

    /// Whether it must be read again before anybody is told.
    fn is_doubtful(&self) -> bool {
        self.distrusted || self.deaf
    }

    /// The tree anew, and what is different in it.
    fn renew(&mut self) -> Difference {
        let new = Arc::new(tree::tree(&self.facts()));
        let difference = self.view.difference(&new);
        self.view = new;
        difference
    }
}

impl Network {
    pub(crate) fn new(host: &Host, settings: &Settings, kernel: Box<dyn Kernel>, places: Places) -> Self {
        let numbers = Numbers::new(host);
        let known = Mutex::default();
        Self { host: host.clone(), settings: settings.clone(), numbers, kernel, places, known }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change of what is known is whole before the next begins.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree as it is.
    pub(crate) fn view(&self) -> Result<Arc<View>, Error> {
        if self.known().is_doubtful() {
            self.begin()?;
        }
        Ok(Arc::clone(&self.known().view))
    }

    /// What is known may be wrong from now on.
    pub(crate) fn distrust(&self) {
        self.known().distrusted = true;
        if let Err(error) = self.begin() {
            self.host.log(Level::Error, &format!("the network cannot be read: {error}"));
        }
    }

    /// Nobody listens from now on.
    pub(crate) fn deafen(&self) {
        self.known().deaf = true;
    }

    /// The smallest and the largest MTU that the device of a row takes; 0 is no limit.
    pub(crate) fn mtu_range(&self, row: &RowId) -> (u32, u32) {
        let known = self.known();
        let link = known.state.links.values().find(|link| Key::Text(tree::key(link)) == row.key);
        link.map_or((0, 0), |link| link.mtu_range)
    }

    /// Everything is read: at the start, and when messages of the kernel were lost.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        let mut known = self.known();
        known.ipv6 = self.places.files.exists("proc/net/if_inet6");
        self.read(&mut known)?;
        known.distrusted = false;
        let difference = known.renew();
        drop(known);
        self.announce(&difference);
        Ok(())
    }

    /// Which reading of everything was the last.
    pub(crate) fn reading(&self) -> u64 {
        self.known().readings
    }

    /// The kernel told something, since that reading of everything.
    pub(crate) fn heard(&self, updates: Vec<Update>, since: u64) -> Result<(), Error> {
        let mut after = After::default();
        let mut known = self.known();
        if known.readings != since {
            // Some of it may be older than what was read meanwhile.
            drop(known);
            return self.begin();
        }
        for update in updates {
            let next = known.state.take(self.complete(update));
            after = After { routes: after.routes | next.routes, new_link: after.new_link | next.new_link };
        }
        if after.routes {
            let routes = self.kernel.routes()?;
            known.state.begin_routes(routes);
        }
        known.state.look_at_hosts();
        let difference = known.renew();
        drop(known);
        self.announce(&difference);
        if after.new_link {
            self.log_if_failed(&self.enforce_known());
        }
        Ok(())
    }

    /// A file may be another.
    pub(crate) fn read_files(&self) {
        let leases = lease::read_all(&self.places.clients);
        let resolv = files::read(&self.places.resolv).ok();
        let names = crate::host_names::read(&self.places.host_leases);
        let mut known = self.known();
        let rewritten = known.resolv != resolv;
        (known.leases, known.resolv, known.names) = (leases, resolv, names);
        if known.rewritten.is_some_and(|last| last.elapsed() > REST) {
            known.rewrites = 0;
        }
        // An empty file is one that somebody is about to fill: we hear of it when it is done.
        let filled = known.resolv.as_deref().is_some_and(|text| !text.trim().is_empty());
        if rewritten && filled && known.rewrites < MAX_REWRITES {
            match self.write_resolv(&mut known) {
                Ok(true) => {
                    known.rewrites += 1;
                    known.rewritten = Some(Instant::now());
                    if known.rewrites == MAX_REWRITES {
                        let text = "somebody else insists on resolv.conf; ours are left out";
                        self.host.log(Level::Warning, text);
                    }
                }
                Ok(false) => {}
                Err(error) => self.host.log(Level::Warning, &format!("{error}, ignoring")),
            }
        }
        let difference = known.renew();
        drop(known);
        self.announce(&difference);
    }

    /// Does what the settings want now. What cannot be done is an error; the settings are then to be as they were, and
    /// this is to be called again. By the plugin's thread alone: in a transaction the store lets no other one in.
    pub(crate) fn enforce(&self) -> Result<(), Error> {
        let wishes = Reader { host: &self.host, settings: &self.settings, numbers: &self.numbers }.wishes();
        {
            let mut known = self.known();
            (known.wishes, known.wished) = (wishes, true);
            known.rewrites = 0;
        }
        self.enforce_known()
    }

    fn read(&self, known: &mut Known) -> Result<(), Error> {
        let everything = self.kernel.everything()?;
        known.state.begin(everything.into_iter().map(|update| self.complete(update)).collect());
        known.readings += 1;
        Ok(())
    }

    /// The same when nobody waits for an answer.
    pub(crate) fn enforce_quietly(&self) {
        self.log_if_failed(&self.enforce());
    }

    fn log_if_failed(&self, result: &Result<(), Error>) {
        if let Err(error) = result {
            self.host.log(Level::Warning, &format!("what was set cannot be put in force: {error}"));
        }
    }

    fn enforce_known(&self) -> Result<(), Error> {
        let mut known = self.known();
        // What is to be changed is decided by what is there now, not by what was told of last.
        self.read(&mut known)?;
        let mut enforcer = std::mem::take(&mut known.enforcer);
        let result = enforcer.enforce(&known.facts(), self.kernel.as_ref(), &self.places.files);
        known.enforcer = enforcer;
        let result = result.and_then(|orders| {
            self.write_resolv(&mut known)?;
            Ok(orders)
        });
        // The kernel's messages are on their way, but the next read is to show what was done.
        if !matches!(result, Ok(0)) {
            self.read(&mut known)?;
        }
        let difference = known.renew();
        drop(known);
        self.announce(&difference);
        result.map(|_| ())
    }

    /// Writes our servers into resolv.conf, if they are not there. Says whether it did.
    fn write_resolv(&self, known: &mut Known) -> Result<bool, Error> {
        if !known.wished {
            return Ok(false);
        }
        let facts = known.facts();
        let (ours, on) = (enforce::servers(&facts), !facts.wishes.mute);
        // What is there at this moment, not what was told of last: whoever writes it must find their words again.
        let text = match files::read(&self.places.resolv) {
            Ok(text) => text,
            Err(_) if ours.is_empty() => return Ok(false),
            Err(_) => String::new(),
        };
        let new = resolv::with(&text, &ours, on);
        let is_other = new != text;
        if is_other {
            files::write(&self.places.resolv, &new)?;
        }
        known.resolv = Some(new);
        Ok(is_other)
    }

    /// What the messages do not say.
    fn complete(&self, update: Update) -> Update {
        match update {
            Update::Link(mut link) => {
                let device = format!("sys/class/net/{}", link.name);
                let files = &self.places.files;
                link.wireless = files.exists(&format!("{device}/phy80211"))
                    || files.exists(&format!("{device}/wireless"));
                Update::Link(link)
            }
            other => other,
        }
    }

    /// Tells what is different. A row that has no number yet was never told to anybody, so nobody waits for its changes.
    fn announce(&self, difference: &Difference) {
        if difference.is_empty() {
            return;
        }
        for row in &difference.tables {
            if let Ok(table) = row.table_path(&self.numbers) {
                self.host.rows_changed(&table);
            }
        }
        let mut names: Vec<String> = difference.single.iter().map(|name| (*name).to_owned()).collect();
        for (row, leaf) in &difference.values {
            if let Ok(path) = row.path(&self.numbers) {
                names.push(format!("{path}{leaf}"));
            }
        }
        if !names.is_empty() {
            self.host.changed(&names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_listens_to_stays_doubtful_however_often_it_is_read() {
        let mut known = Known::default();
        assert!(!known.is_doubtful());
        known.deaf = true;
        // As after a reading.
        known.distrusted = false;
        assert!(known.is_doubtful());
    }
}
