use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::accounts::{of_account, of_guests, Ids, Right};
use crate::back_end::Failure;
use crate::plan::Share;

/// Everybody, guests too, as Samba calls them.
const EVERYONE: &str = "S-1-1-0";
/// The most of the file of a share that is read; Samba itself reads no more than 10 KiB.
const MAX_FILE: u64 = 64 * 1024;
/// A share of Samba.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserShare {
    pub(super) name: String,
    /// The offered folder.
    pub(super) path: PathBuf,
    /// Where Samba sees it.
    pub(super) place: PathBuf,
    /// Who may do what, by their numbers.
    list: BTreeMap<String, Right>,
    guests: bool,
}

impl UserShare {
    /// `None`: nobody may use it.
    pub(super) fn new(share: &Share, ids: &BTreeMap<String, Ids>, place: PathBuf) -> Option<Self> {
        let guests = of_guests(share);
        // By number, which means the same to every Samba, whether it runs or not.
        let own = ids.iter().map(|(name, ids)| (format!("S-1-22-1-{}", ids.user), of_account(share, name)));
        let all = own.chain([(EVERYONE.to_owned(), guests)]);
        // What everybody may is not said of each.
        let list: BTreeMap<_, _> = all
            .filter(|(who, right)| *right > if who == EVERYONE { Right::Nothing } else { guests })
            .collect();
        (!list.is_empty()).then(|| Self {
            name: share.name.clone(),
            path: share.path.clone(),
            place,
            list,
            guests: guests != Right::Nothing,
        })
    }

    /// What is both in this one and in the file of the one before.
    pub(super) fn only(&self, before: &str) -> Self {
        let before = Standing::read(before);
        let everyone = before.list.get(EVERYONE).copied().unwrap_or(Right::Nothing);
        let mut both = self.clone();
        let mine = self.list.get(EVERYONE).copied().unwrap_or(Right::Nothing);
        // Whoever is in one of them only by being anybody.
        for who in before.list.keys() {
            both.list.entry(who.clone()).or_insert(mine);
        }
        for (who, right) in &mut both.list {
            *right = (*right).min(before.list.get(who).copied().unwrap_or(everyone));
        }
        both.list.retain(|_, right| *right != Right::Nothing);
        both.guests &= before.guests;
        both
    }

    fn acl(&self) -> String {
        let letter = |right: &Right| if *right == Right::Write { "F" } else { "R" };
        let all: Vec<String> =
            self.list.iter().map(|(who, right)| format!("{who}:{}", letter(right))).collect();
        if all.is_empty() {
            // Without a list, Samba would let everybody read.
            return format!("{EVERYONE}:D");
        }
        all.join(",")
    }

    /// What `net usershare add` is told.
    pub(super) fn arguments(&self) -> [String; 5] {
        let guests = if self.guests { "guest_ok=y" } else { "guest_ok=n" };
        let place = self.place.display().to_string();
        [self.name.clone(), place, String::new(), self.acl(), guests.to_owned()]
    }

    /// Whether the file of a share says this.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let standing = Standing::read(text);
        standing.name == self.name
            && Path::new(&standing.path) == self.place
            && standing.list == self.list
            && standing.guests == self.guests
    }
}

/// The file of a share.
#[derive(Debug, Default)]
struct Standing {
    name: String,
    path: String,
    list: BTreeMap<String, Right>,
    guests: bool,
}

impl Standing {
    fn read(text: &str) -> Self {
        let mut all = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "sharename" => value.clone_into(&mut all.name),
                "path" => value.clone_into(&mut all.path),
                "guest_ok" => all.guests = value == "y",
                "usershare_acl" => {
                    for (who, letter) in value.split(',').filter_map(|entry| entry.rsplit_once(':')) {
                        let right = match letter {
                            "F" | "f" => Right::Write,
                            "R" | "r" => Right::Read,
                            _ => continue,
                        };
                        all.list.insert(who.to_owned(), right);
                    }
                }
                _ => {}
            }
        }
        all
    }
}

/// All shares that there are, by the names of their files, with what is in these.
pub(super) fn standing(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let refused = |error: std::io::Error| Failure::Refused(format!("{}: {error}", folder.display()));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let name = entry.map_err(refused)?.file_name().to_string_lossy().into_owned();
        let file = std::fs::File::open(folder.join(&name)).map_err(refused)?;
        let mut text = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut text).map_err(refused)?;
        // Samba writes beside, too, for a moment.
        if !name.starts_with(':') {
            all.push((name, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(all)
}
