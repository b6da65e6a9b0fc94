//! The accounts in the files of the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cwmp_plugin_sdk::Error;

/// The most bytes of a file that are read.
pub(crate) const MAX_FILE: u64 = 1 << 20;
/// The most lines of a file that count.
pub(crate) const MAX_LINES: usize = 1_024;
/// Characters of a name, as the standard allows.
const NAME: usize = 64;

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: PathBuf::from(root) }
    }

    /// The folder that all of them are in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// The number of the last capability that the kernel has.
    pub(crate) fn last_capability(&self) -> Result<usize, Error> {
        let text = read(&self.root.join("proc/sys/kernel/cap_last_cap"))?;
        text.trim().parse().map_err(|_| Error::internal("the kernel names no last capability"))
    }

    /// What they say.
    pub(crate) fn accounts(&self) -> Result<Accounts, Error> {
        let folder = self.folder();
        let shells = match read(&folder.join("shells")) {
            Ok(text) => shells(&text),
            // Without the file the system allows these two, says getusershell(3).
            Err(Error::Name(_)) => vec!["/bin/sh".to_owned(), "/bin/csh".to_owned()],
            Err(error) => return Err(error),
        };
        Ok(Accounts {
            users: users(&read(&folder.join("passwd"))?),
            groups: groups(&read(&folder.join("group"))?),
            shells,
        })
    }
}

/// Users, groups and shells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Accounts {
    /// By their names, as groups are.
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Those that a user may have who can log in.
    pub(crate) shells: Vec<String>,
}

/// A line of `passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
    pub(crate) shell: String,
}

/// A line of `group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: u32,
    pub(crate) members: Vec<String>,
}

impl Accounts {
    /// The names of the groups of a user: first the one that its files get.
    pub(crate) fn groups_of(&self, name: &str, user: &User) -> Vec<&str> {
        let own = self.groups.iter().filter(|(_, group)| group.id == user.group);
        let is_member = |group: &Group| group.id != user.group && group.members.iter().any(|m| m == name);
        let others = self.groups.iter().filter(|(_, group)| is_member(group));
        own.chain(others).map(|(group, _)| group.as_str()).collect()
    }
}

fn users(text: &str) -> BTreeMap<String, User> {
    let user = |fields: &[&str]| {
        let [name, _, id, group, _, _, shell] = fields else { return None };
        // Nothing in its place is the usual shell.
        let shell = if shell.is_empty() { "/bin/sh" } else { shell };
        let user = User { id: id.parse().ok()?, group: group.parse().ok()?, shell: shell.to_owned() };
        Some(((*name).to_owned(), user))
    };
    lines(text, user)
}

fn groups(text: &str) -> BTreeMap<String, Group> {
    let group = |fields: &[&str]| {
        let [name, _, id, members] = fields else { return None };
        let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
        Some(((*name).to_owned(), Group { id: id.parse().ok()?, members }))
    };
    lines(text, group)
}

/// What lines of fields with colons between them say; the first of a name counts, as for the system.
fn lines<T>(text: &str, read: impl Fn(&[&str]) -> Option<(String, T)>) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    for line in text.lines().take(MAX_LINES) {
        let fields: Vec<&str> = line.split(':').collect();
        if let Some((name, value)) = read(&fields) {
            if !name.is_empty() && name.chars().count() <= NAME {
                found.entry(name).or_insert(value);
            }
        }
    }
    found
}

fn shells(text: &str) -> Vec<String> {
    let paths = text.lines().take(MAX_LINES).map(str::trim);
    let mut found: Vec<String> = Vec::new();
    for path in paths.filter(|path| path.starts_with('/') && path.chars().count() <= NAME) {
        if !found.iter().any(|other| other == path) {
            found.push(path.to_owned());
        }
    }
    found
}

fn read(path: &Path) -> Result<String, Error> {
    use std::io::Read as _;
    let wrong = |e: std::io::Error| {
        let text = format!("cannot read {}: {e}", path.display());
        match e.kind() {
            std::io::ErrorKind::NotFound => Error::name(text),
            _ => Error::internal(text),
        }
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(wrong)?.take(MAX_FILE).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_are_left_out() {
        let found = users(
            "root:x:0:0:root:/root:/bin/bash\n+::::::\nhalf:x:1\n\nnobody:*:65534:65534:::\nroot:x:9:9:::\n",
        );
        assert_eq!(found.keys().collect::<Vec<_>>(), ["nobody", "root"]);
        assert_eq!((found["root"].id, found["nobody"].shell.as_str()), (0, "/bin/sh"));
        assert_eq!(shells("# x\n/bin/sh\n/bin/sh\n\n /bin/ash \n"), ["/bin/sh", "/bin/ash"]);
    }

    #[test]
    fn there_is_a_limit_of_lines_and_of_characters() {
        let line = |i: usize| format!("u{i}:x:{i}:{i}:::");
        let many: Vec<String> = (0..2 * MAX_LINES).map(line).collect();
        assert_eq!(users(&many.join("\n")).len(), MAX_LINES);
        assert!(users(&format!("{}:x:1:1:::", "n".repeat(NAME + 1))).is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        std::fs::write(&path, vec![b'x'; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, MAX_FILE);
    }

    #[test]
    fn the_first_group_of_a_user_is_that_of_its_files() {
        let accounts = Accounts {
            users: users("tv:x:100:44:::/bin/sh\n"),
            groups: groups("audio:x:29:tv\nvideo:x:44:\nroot:x:0:\n"),
            shells: Vec::new(),
        };
        assert_eq!(accounts.groups_of("tv", &accounts.users["tv"]), ["video", "audio"]);
    }
}
