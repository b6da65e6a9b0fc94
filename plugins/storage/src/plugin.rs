//! The plugin: what it keeps, and how it begins and ends.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;

use cwmp_plugin_sdk::{
    declare, AsyncPlugin, Change, Config, Effect, Error, Host, Level, Node, Notice, Op, Settings,
};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::task::JoinHandle;

use crate::back_end::{Event, Events, State as BackEndState};
use crate::back_ends::{BackEnds, KEYS};
use crate::enforce::Done;
use crate::facts::Volume;
use crate::health::Asked;
use crate::making::Makings;
use crate::objects::{
    AnonymousUser, Capabilities, Folder, FtpServer, GroupAccess, LogicalVolume, NetInfo, NetworkServer,
    PhysicalMedium, Smart, StorageService, UserAccess, UserAccount, UserGroup,
};
use crate::pending::{Leaving, Pending};
use crate::row_id::{Numbers, RowId};
use crate::share_names::ShareNames;
use crate::tree::Tree;
use crate::view::{self, Names, View, Viewer};
use crate::wish::Wishes;
use crate::world::World;

/// The plugin.
pub(crate) struct Storage {
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) back: BackEnds,
    pub(crate) numbers: Numbers,
    pub(crate) state: RefCell<State>,
    pub(crate) makings: Makings,
    pub(crate) shares: ShareNames,
    pub(crate) health: Asked,
    /// Who makes plans true holds this: one after the other.
    pub(crate) enforcing: tokio::sync::Mutex<()>,
    /// Rows that a transaction is to delete, and when it was looked at.
    pub(crate) deleting: RefCell<Option<(Instant, BTreeSet<String>)>>,
    /// What a transaction did that may yet be taken back.
    pub(crate) pending: RefCell<Option<Pending>>,
    /// It is not in force yet.
    pub(crate) is_new: Cell<bool>,
    /// Volumes that are to be erased.
    pub(crate) leaving: RefCell<Vec<Leaving>>,
    /// A transaction is being looked at, not taken back.
    pub(crate) preparing: Cell<bool>,
    /// Something was set that the watch waits for.
    pub(crate) wake: tokio::sync::Notify,
    events: Cell<Option<UnboundedReceiver<Event>>>,
    pub(crate) sender: Events,
    task: Cell<Option<JoinHandle<()>>>,
}

/// What is known and what was done.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) world: Rc<World>,
    pub(crate) wishes: Rc<Wishes>,
    pub(crate) tree: Rc<Tree>,
    /// Which limits are reached.
    pub(crate) reached: BTreeMap<RowId, bool>,
    /// What was announced last.
    pub(crate) view: View,
    pub(crate) done: Done,
    /// The servers that the image runs, since they were told something for the first time.
    pub(crate) image: Option<Rc<BTreeSet<String>>>,
}

declare! {
    async Storage, name: "storage", base: "Device.Services.StorageService.",
    objects {
        StorageService, Capabilities, NetInfo, NetworkServer, FtpServer, AnonymousUser, PhysicalMedium, Smart,
        UserGroup, UserAccount, LogicalVolume, Folder, UserAccess, GroupAccess,
    }
}

impl AsyncPlugin for Storage {
    async fn create(host: Host, config: Config) -> Result<Self, Error> {
        let (sender, events) = unbounded_channel();
        #[cfg(test)]
        let back = match crate::tests::back_ends(&config, &sender) {
            Some(twin) => twin,
            None => BackEnds::open(&config, &sender).await?,
        };
        #[cfg(not(test))]
        let back = BackEnds::open(&config, &sender).await?;
        config.only(KEYS)?;
        let (pending, leaving) = crate::pending::load(&host)?;
        Ok(Self {
            settings: Settings::load(&host)?,
            numbers: Numbers::load(&host)?,
            makings: Makings::load(&host)?,
            shares: ShareNames::load(&host)?,
            health: Asked::default(),
            back,
            state: RefCell::new(State { image: crate::enforce::image(&host)?, ..State::default() }),
            enforcing: tokio::sync::Mutex::new(()),
            deleting: RefCell::default(),
            pending: RefCell::new(pending),
            is_new: Cell::new(false),
            leaving: RefCell::new(leaving),
            preparing: Cell::new(false),
            wake: tokio::sync::Notify::new(),
            events: Cell::new(Some(events)),
            sender,
            task: Cell::new(None),
            host,
        })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    /// What is not installed is not there.
    fn serves(&self, node: &Node) -> bool {
        let path = node.path().strip_prefix("Device.Services.StorageService.{i}.").unwrap_or_default();
        match path {
            "NetworkServer.SMBEnable" => self.back.smb.is_some(),
            "NetworkServer.NFSEnable" => self.back.nfs.is_some(),
            _ if path.starts_with("FTPServer.") || path.ends_with(".AllowFTPAccess") => {
                self.back.ftp.is_some()
            }
            _ => true,
        }
    }

    async fn start(self: Rc<Self>) -> Result<(), Error> {
        self.look_at_disks().await;
        self.look_at_servers(None).await;
        self.reconsider()?;
        if let Some(events) = self.events.take() {
            self.task.set(Some(tokio::task::spawn_local(Rc::clone(&self).watch(events))));
        }
        Ok(())
    }

    async fn stop(self: Rc<Self>) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
        self.makings.stop().await;
    }

    fn check(&self, change: &Change<'_>) -> Result<(), Error> {
        self.preparing.set(true);
        // Of one that was to be committed and never was in force, nothing was done.
        if self.is_new.replace(false) {
            *self.pending.borrow_mut() = None;
        }
        if change.op == Op::Delete {
            self.note_deletion(change.name.relative());
        }
        crate::check::check_change(change)
    }

    async fn put_in_force(self: Rc<Self>, names: &[String]) -> Result<Effect, Error> {
        self.is_new.set(false);
        if self.preparing.replace(false) {
            self.commit(names).await?;
        } else {
            // What was committed is taken back, or everything is.
            self.restore_all().await?;
        }
        Ok(Effect::Now)
    }

    async fn finished(self: Rc<Self>, _: u64) -> Result<(), Error> {
        self.hold().await
    }

    async fn notice(self: Rc<Self>, notice: Notice) -> Result<(), Error> {
        match notice {
            Notice::SessionStart | Notice::SessionEnd => self.hold_what_was_lost().await,
            // It removes no volume.
            Notice::FactoryReset => {
                self.numbers.forget();
                self.forget_leaving().await
            }
            _ => Ok(()),
        }
    }
}

impl Storage {
    /// What is known now, as it is read.
    pub(crate) fn view<R>(&self, look: impl FnOnce(&Viewer<'_>) -> R) -> R {
        let (world, wishes, tree, reached) = {
            let state = self.state.borrow();
            let known = (Rc::clone(&state.world), Rc::clone(&state.wishes), Rc::clone(&state.tree));
            (known.0, known.1, known.2, state.reached.clone())
        };
        let mut failed = self.state.borrow().done.failures();
        let image = self.state.borrow().image.clone();
        failed.extend(self.makings.failures());
        let host_name = (self.back.host_name)();
        look(&Viewer {
            host: &self.host,
            world: &world,
            wishes: &wishes,
            tree: &tree,
            failed: &failed,
            reached: &reached,
            host_name: &host_name,
            names: self.names(),
            image: image.as_deref(),
        })
    }

    /// What the servers are called that are installed.
    pub(crate) fn names(&self) -> Names {
        let name =
            |server: &Option<Rc<dyn crate::back_end::Server>>| server.as_ref().map(|server| server.name());
        Names { smb: name(&self.back.smb), nfs: name(&self.back.nfs), ftp: name(&self.back.ftp) }
    }

    /// Puts together again what is known and what was set. What differs from before is announced.
    pub(crate) fn reconsider(&self) -> Result<(), Error> {
        let wishes = Wishes::read(&self.settings, &self.numbers)?;
        {
            let mut state = self.state.borrow_mut();
            let hidden = |volume: &Volume| self.is_leaving(volume) || self.makings.is_part(volume);
            let tree = Tree::build(&state.world, &wishes, &self.makings.made(), hidden);
            state.wishes = Rc::new(wishes);
            state.tree = Rc::new(tree);
        }
        self.announce();
        Ok(())
    }

    /// Announces what is different.
    pub(crate) fn announce(&self) {
        let new = self.view(view::all);
        let old = std::mem::take(&mut self.state.borrow_mut().view);
        let all = [
            self.host.announce::<StorageService>(&old.service, &new.service),
            self.host.announce::<PhysicalMedium>(&old.media, &new.media),
            self.host.announce::<LogicalVolume>(&old.volumes, &new.volumes),
            self.host.announce::<NetInfo>(&old.net, &new.net),
            self.host.announce::<NetworkServer>(&old.servers, &new.servers),
            self.host.announce::<FtpServer>(&old.ftp, &new.ftp),
            self.host.announce::<AnonymousUser>(&old.anonymous, &new.anonymous),
        ];
        self.state.borrow_mut().view = new;
        for error in all.into_iter().filter_map(Result::err) {
            // Without an agent nobody knows of rows, and when there is one it asks for all of them.
            if !matches!(error, Error::Busy(_)) {
                self.host.log(Level::Warning, &format!("a change cannot be announced, ignoring: {error}"));
            }
        }
    }

    /// Asks for drives and volumes. If nobody answers, those from before stay, and it is known that they are old.
    pub(crate) async fn look_at_disks(&self) {
        let found = self.back.disks.look().await;
        let mut state = self.state.borrow_mut();
        let mut world = (*state.world).clone();
        match found {
            Ok((drives, volumes)) => {
                (world.drives, world.volumes, world.away) = (drives, volumes, None);
            }
            Err(failure) => world.away = Some(failure),
        }
        state.world = Rc::new(world);
    }

    /// Asks a server how it is, by its name; without one, all of them.
    pub(crate) async fn look_at_servers(&self, name: Option<&str>) {
        for server in self.back.servers() {
            if name.is_some_and(|name| name != server.name()) {
                continue;
            }
            let found = server.state().await;
            let process = if found == Ok(BackEndState::On) { server.process().await } else { None };
            let mut state = self.state.borrow_mut();
            let mut world = (*state.world).clone();
            world.servers.insert(server.name(), found);
            world.processes.remove(server.name());
            world.processes.extend(process.map(|process| (server.name(), process)));
            state.world = Rc::new(world);
        }
    }
}
