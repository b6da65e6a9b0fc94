//! The files of the machine, below a root that is another one in tests.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use cwmp_plugin_sdk::Error;

/// The most bytes of a file that are read: none of those we want comes near.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// Where the machine's files are.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: PathBuf::from(root) }
    }

    /// The text of a file; bytes that are no UTF-8 are replaced.
    pub(crate) fn read(&self, path: &str) -> Result<String, Error> {
        let file = self.path(path);
        let wrong = |e: std::io::Error| Error::internal(format!("cannot read /{path}: {e}"));
        let mut bytes = Vec::new();
        let limit = std::fs::File::open(file).map_err(wrong)?.take(MAX_FILE + 1).read_to_end(&mut bytes);
        limit.map_err(wrong)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::internal(format!("/{path} is larger than {MAX_FILE} bytes")));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names in a folder that are `prefix` and a number, by their numbers, in order.
    pub(crate) fn numbered(&self, folder: &str, prefix: &str) -> Result<Vec<u32>, Error> {
        let wrong = |e: std::io::Error| Error::internal(format!("cannot list /{folder}: {e}"));
        let entries = std::fs::read_dir(self.path(folder)).map_err(wrong)?;
        let number =
            |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok();
        let mut numbers: Vec<u32> = entries.filter_map(|entry| number(entry.ok()?)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Where a file of the machine is for us.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(Path::new(path).strip_prefix("/").unwrap_or(Path::new(path)))
    }
}
