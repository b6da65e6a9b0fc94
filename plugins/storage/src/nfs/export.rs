use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::accounts::{of_guests, Ids, Right};
use crate::back_end::Failure;
use crate::plan::Share;

/// The first number of ours; below are an integrator's own.
pub(super) const FIRST: u16 = 1000;

/// A folder that is offered to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    pub(super) number: u16,
    pub(super) name: String,
    /// The offered folder.
    pub(super) path: PathBuf,
    /// Where the server sees it.
    pub(super) place: PathBuf,
    pub(super) read_only: bool,
    /// What everybody is here.
    ids: Ids,
}

impl Export {
    /// `None`: it is not for everybody.
    pub(super) fn new(share: &Share, place: PathBuf, ids: Ids) -> Option<Self> {
        let right = of_guests(share);
        (right > Right::Nothing).then(|| Self {
            number: FIRST,
            name: share.name.clone(),
            path: share.path.clone(),
            place,
            read_only: right == Right::Read,
            ids,
        })
    }

    /// What its file says. Its name and its place have no signs that would mean anything there.
    pub(super) fn text(&self) -> String {
        let access = if self.read_only { "RO" } else { "RW" };
        format!(
            "EXPORT {{\n  Export_Id = {};\n  Path = \"{}\";\n  Pseudo = \"/{}\";\n  Access_Type = {access};\n  \
             Squash = All_Squash;\n  Anonymous_Uid = {};\n  Anonymous_Gid = {};\n  SecType = sys;\n  \
             Protocols = 4;\n  Transports = TCP;\n  FSAL {{ Name = VFS; }}\n}}\n",
            self.number,
            self.place.display(),
            self.name,
            self.ids.user,
            self.ids.group
        )
    }

    /// Whether a file of this number is of the same share.
    pub(super) fn same_place(&self, number: u16, text: &str) -> bool {
        [true, false].into_iter().any(|read_only| Self { number, read_only, ..self.clone() }.text() == text)
    }
}

/// What the server starts with.
pub(super) fn main(port: u16, state: &Path, exports: &[PathBuf]) -> Result<String, Failure> {
    let mut text = format!(
        "NFS_CORE_PARAM {{\n  Protocols = 4;\n  NFS_Port = {port};\n  Enable_NLM = false;\n  Enable_RQUOTA = false;\n}}\n\
         NFSV4 {{\n  Graceless = true;\n  RecoveryRoot = \"{}\";\n  Minor_Versions = 0, 1, 2;\n}}\n",
        quoted(state)?
    );
    for export in exports {
        // Writing into a String does not fail.
        let _ = writeln!(text, "%include \"{}\"", quoted(export)?);
    }
    Ok(text)
}

fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.display().to_string();
    if text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '\u{FFFD}')) {
        return Err(Failure::Impossible(format!("{} cannot be configured", text.escape_debug())));
    }
    Ok(text)
}
