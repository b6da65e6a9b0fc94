//! The users, groups and shells of this machine for `Device.Users.`, as its files list them.
#![forbid(unsafe_code)]

mod accounts;
mod capability;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use cwmp_plugin_sdk::{declare, Config, Error, Host, Level, Object, Plugin, Rows, Serve, Wanted};

use accounts::{Accounts, Files};
use capability::Capability;
use watch::Watch;

/// Characters of a list of groups, at most.
const LIST: usize = 1_024;

/// `Device.Users.` itself.
#[derive(Debug, Object)]
#[object("Device.Users.")]
pub struct Users {
    #[param(pushed)]
    supported_capabilities: Result<Vec<Capability>, Error>,
}

/// A line of `/etc/passwd`.
#[derive(Debug, Object)]
#[object("Device.Users.User.{i}.")]
pub struct User {
    #[param(pushed)]
    enable: bool,
    #[param("UserID", pushed)]
    id: u32,
    #[param("Username", pushed)]
    name: String,
    #[param(pushed)]
    group_participation: Vec<String>,
    #[param("StaticUser", pushed)]
    fixed: bool,
    #[param(pushed)]
    shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Object)]
#[object("Device.Users.Group.{i}.")]
pub struct Group {
    #[param(pushed)]
    enable: bool,
    #[param("GroupID", pushed)]
    id: u32,
    #[param("Groupname", pushed)]
    name: String,
    #[param("StaticGroup", pushed)]
    fixed: bool,
}

/// A line of `/etc/shells`.
#[derive(Debug, Object)]
#[object("Device.Users.SupportedShell.{i}.")]
pub struct Shell {
    #[param(pushed)]
    enable: bool,
    #[param(pushed)]
    name: String,
}

/// The plugin.
#[derive(Debug)]
pub struct UsersPlugin {
    host: Host,
    files: Arc<Files>,
    watch: Option<Watch>,
}

declare! {
    UsersPlugin, name: "users", base: "Device.Users.",
    objects { Users, User, Group, Shell }
}

impl Plugin for UsersPlugin {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        config.only(&["root"])?;
        let files = Arc::new(Files::new(config.text("root")?.unwrap_or("/")));
        files.accounts()?;
        Ok(Self { host, files, watch: None })
    }

    fn start(&mut self) -> Result<(), Error> {
        let (host, files) = (self.host.clone(), Arc::clone(&self.files));
        let mut before = files.accounts()?;
        let changed = move || match files.accounts() {
            Ok(now) => {
                announce(&host, &before, &now);
                before = now;
            }
            Err(error) => host.log(Level::Warning, &format!("{error}, ignoring until it changes again")),
        };
        self.watch = Some(Watch::start(&self.files.folder(), &["passwd", "group", "shells"], changed)?);
        Ok(())
    }

    fn stop(&mut self) {
        self.watch = None;
    }
}

impl Serve<Users> for UsersPlugin {
    fn read(&mut self, _: Users, _: &Wanted<'_>) -> Result<Users, Error> {
        Ok(Users { supported_capabilities: self.files.last_capability().map(capability::up_to) })
    }
}

impl Serve<User> for UsersPlugin {
    fn read(&mut self, _: Rows<User>, wanted: &Wanted<'_>) -> Result<Rows<User>, Error> {
        let accounts = self.files.accounts()?;
        let mut rows = Rows::new();
        for (name, user) in &accounts.users {
            let shell = accounts.shells.iter().find(|shell| **shell == user.shell);
            rows.push(
                name,
                User {
                    enable: true,
                    id: user.id,
                    name: name.clone(),
                    group_participation: if wanted.has("GroupParticipation") {
                        self.groups(accounts.groups_of(name, user))?
                    } else {
                        Vec::new()
                    },
                    fixed: true,
                    shell: match shell {
                        Some(shell) if wanted.has("Shell") => self.reference("SupportedShell.", shell)?,
                        _ => String::new(),
                    },
                },
            );
        }
        Ok(rows)
    }
}

impl Serve<Group> for UsersPlugin {
    fn read(&mut self, _: Rows<Group>, _: &Wanted<'_>) -> Result<Rows<Group>, Error> {
        let row = |(name, group): (String, accounts::Group)| {
            (name.clone(), Group { enable: true, id: group.id, name, fixed: true })
        };
        Ok(self.files.accounts()?.groups.into_iter().map(row).collect())
    }
}

impl Serve<Shell> for UsersPlugin {
    fn read(&mut self, _: Rows<Shell>, _: &Wanted<'_>) -> Result<Rows<Shell>, Error> {
        let row = |name: String| (name.clone(), Shell { enable: true, name });
        Ok(self.files.accounts()?.shells.into_iter().map(row).collect())
    }
}

impl UsersPlugin {
    /// References to groups, as many as a list may have characters.
    fn groups(&self, names: Vec<&str>) -> Result<Vec<String>, Error> {
        let (mut paths, mut length) = (Vec::new(), 0);
        for name in names {
            let path = self.reference("Group.", name)?;
            length += path.len() + 1;
            if length > LIST {
                break;
            }
            paths.push(path);
        }
        Ok(paths)
    }

    fn reference(&self, table: &str, key: &str) -> Result<String, Error> {
        Ok(format!("Device.Users.{table}{}", self.host.lookup()?.number_of(table, key)?))
    }
}

/// Says what is different. A row that has no number was never told to anybody, so nobody waits for its changes.
fn announce(host: &Host, before: &Accounts, now: &Accounts) {
    if !before.users.keys().eq(now.users.keys()) {
        let _ = host.rows_changed_of::<User>(());
    }
    if !before.groups.keys().eq(now.groups.keys()) {
        let _ = host.rows_changed_of::<Group>(());
    }
    if before.shells != now.shells {
        let _ = host.rows_changed_of::<Shell>(());
    }
    for name in others(&before.groups, &now.groups) {
        let _ = host.changed_in::<Group>(name, &["GroupID"]);
    }
    let moved = before.groups != now.groups;
    for (name, user) in &now.users {
        let Some(old) = before.users.get(name) else { continue };
        let groups = moved && before.groups_of(name, old) != now.groups_of(name, user);
        if groups || old != user || before.shells != now.shells {
            let _ = host.changed_in::<User>(name, &["UserID", "GroupParticipation", "Shell"]);
        }
    }
}

/// The names under which both have something else.
fn others<'a, T: PartialEq>(
    before: &'a BTreeMap<String, T>,
    now: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    now.iter()
        .filter(|(name, value)| before.get(*name).is_some_and(|old| old != *value))
        .map(|(name, _)| name)
}
