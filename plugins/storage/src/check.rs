//! What is looked at before anything is prepared: rules that facets cannot say.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cwmp_plugin_sdk::{Change, ChangeFault, Edit, Error, Op, Parse as _};

use crate::accounts::is_account;
use crate::objects::LogicalVolume;
use crate::offer::is_folder_name;
use crate::plugin::Storage;
use crate::row_id::{RowId, Table, SERVICE};

/// How long between the look at a transaction and what is prepared for it. The agent waits less long for both.
const PREPARED: Duration = Duration::from_secs(10);
/// The longest name in the network: what NetBIOS has place for.
const MAX_HOST_NAME: usize = 15;

/// Looks at one change alone, by its text.
pub(crate) fn check_change(change: &Change<'_>) -> Result<(), Error> {
    let name = change.name.relative();
    let mut parts = name.rsplit('.');
    let (leaf, value) = (parts.next().unwrap_or_default(), change.value);
    if change.op != Op::Set {
        return Ok(());
    }
    if leaf == "AFPEnable" && bool::parse(value) == Some(true) {
        return Err(Error::value("AFPEnable can only be false: there is no server for AFP"));
    }
    let shown = !value.chars().any(char::is_control);
    let good = match leaf {
        "Name" if name.contains(".Folder.") => value.is_empty() || is_folder_name(value),
        "Name" | "GroupName" | "Password" => shown,
        "Username" => value.is_empty() || is_account(value),
        "HostName" => is_host_name(value),
        "PortNumber" => value.parse::<u16>().is_ok_and(|port| port > 0),
        "DomainName" => is_host_name(value.split('.').next().unwrap_or_default()) && shown,
        _ => true,
    };
    // The value may be a secret.
    good.then_some(()).ok_or_else(|| Error::value(format!("{leaf} cannot have that value")))
}

fn is_host_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !name.is_empty() && name.len() <= MAX_HOST_NAME && name.chars().all(good) && !name.starts_with('-')
}

impl Storage {
    /// A transaction is to delete this row.
    pub(crate) fn note_deletion(&self, row: &str) {
        let mut deleting = self.deleting.borrow_mut();
        match &mut *deleting {
            Some((moment, rows)) if moment.elapsed() < PREPARED => {
                rows.insert(row.to_owned());
            }
            _ => *deleting = Some((Instant::now(), BTreeSet::from([row.to_owned()]))),
        }
    }

    /// Looks at the volumes of a transaction. Gives those that are to be removed: only what a transaction says itself, never
    /// what a factory reset or one that is taken back forgets.
    pub(crate) fn check_volumes(
        &self,
        edits: &[Edit<LogicalVolume>],
    ) -> Result<Vec<RowId>, Vec<ChangeFault>> {
        if !self.preparing.get() {
            return Ok(Vec::new());
        }
        let deleting = self.deleting.borrow_mut().take();
        let deleting = deleting.filter(|(moment, _)| moment.elapsed() < PREPARED).map(|(_, rows)| rows);
        let (mut faults, mut removals) = (Vec::new(), Vec::new());
        let state = self.state.borrow();
        for edit in edits {
            let node = state.tree.volume(&RowId::of(&edit.at.row));
            let protected = node.and_then(|node| node.protected());
            let denied = |name: &str| {
                let why = protected.map_or("it is there already", |why| why);
                edit.fault(name, Error::not_writable(format!("{name}: the volume stays as it is: {why}")))
            };
            let Some(new) = &edit.new else {
                if let Some(why) = protected {
                    faults
                        .push(edit.fault("", Error::denied(format!("the volume cannot be deleted: {why}"))));
                    continue;
                }
                let row = format!("1.{}{}.", Table::Volume.path(), edit.at.row.number);
                if deleting.as_ref().is_some_and(|rows| rows.contains(&row)) {
                    removals.push(RowId::of(&edit.at.row));
                }
                continue;
            };
            let there = node.is_some_and(|node| node.volume.is_some() || node.made.is_some());
            if let (true, Some(old)) = (there, &edit.old) {
                let same_size = old.capacity.as_ref().ok() == new.capacity.as_ref().ok();
                if edit.sets("Capacity") && !same_size {
                    faults.push(denied("Capacity"));
                }
                let place = |volume: &LogicalVolume| {
                    let reference = volume.physical_reference.as_ref().ok();
                    reference.map(|path| path.trim_end_matches('.').to_owned())
                };
                if edit.sets("PhysicalReference") && place(old) != place(new) {
                    faults.push(denied("PhysicalReference"));
                }
                if edit.sets("Enable") && protected.is_some() && old.enable != new.enable {
                    faults.push(denied("Enable"));
                }
                continue;
            }
            if let Err(error) = self.check_place(new.physical_reference.as_deref().unwrap_or_default()) {
                if edit.sets("PhysicalReference") {
                    faults.push(edit.fault("PhysicalReference", error));
                }
            }
        }
        if faults.is_empty() {
            Ok(removals)
        } else {
            Err(faults)
        }
    }

    /// Whether a volume can be made there.
    fn check_place(&self, reference: &str) -> Result<(), Error> {
        if reference.is_empty() {
            return Ok(());
        }
        let key = self.numbers.referred(Table::Medium, reference);
        let state = self.state.borrow();
        let drive = key.as_deref().and_then(|key| state.world.drive(key));
        match drive.map(|drive| &drive.protected) {
            None => Err(Error::value(format!(
                "there is no drive {reference}; they are {SERVICE}PhysicalMedium.N"
            ))),
            Some(Some(why)) => Err(Error::value(format!("nothing is made on this drive: {why}"))),
            Some(None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_that_everybody_knows() {
        assert!(["box", "BOX-1"].into_iter().all(is_host_name));
        assert!(!["", "a.b", "-a", "a b", "a\n"].into_iter().any(is_host_name));
        assert!(is_host_name(&"x".repeat(MAX_HOST_NAME)) && !is_host_name(&"x".repeat(MAX_HOST_NAME + 1)));
    }
}
