//! The numbers of rows where there is no agent to remember them: a file in the plugin's folder, to which each number is
//! added as it is given.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::rows::{Known, MAX_KEYS};

/// The file. A host that serves has an agent, and leaves it alone.
#[derive(Debug, Clone)]
pub(crate) struct KeptNumbers {
    file: PathBuf,
}

impl KeptNumbers {
    /// In a plugin's own folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { file: folder.join("numbers") }
    }

    /// All numbers are known again, up to as many as can be.
    pub(crate) fn recall(&self, known: &Known) {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return tracing::error!("{}: {error}; rows are numbered anew", self.file.display()),
        };
        for line in BufReader::new(file).split(b'\n').map_while(Result::ok).take(MAX_KEYS) {
            // A line may have been cut off by a crash; the next one begins with an end of line.
            if let Ok((table, key, number)) = serde_json::from_slice::<(String, String, u32)>(&line) {
                known.learn(&table, &key, number);
            }
        }
    }

    /// Adds numbers that were given just now.
    pub(crate) fn keep(&self, table: &str, given: &[(&str, u32)]) {
        let line = |(key, number): &(&str, u32)| format!("\n{}", serde_json::json!([table, key, number]));
        let text: String = given.iter().map(line).collect();
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.file);
        if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            tracing::error!("{}: {error}; these rows will have other numbers", self.file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_again_also_after_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptNumbers::new(folder.path());
        kept.recall(&Known::default());
        kept.keep("Device.T.", &[("a", 1), ("b\n\"c", 2)]);
        let file = folder.path().join("numbers");
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&whole[..], b"\n[\"Device.T.\",\"cut o"].concat()).unwrap();
        kept.keep("Device.U.", &[("a", 7)]);
        let known = Known::default();
        kept.recall(&known);
        assert_eq!((known.number("Device.T.", "a"), known.number("Device.U.", "a")), (Some(1), Some(7)));
        assert_eq!(known.key("Device.T.", 2).as_deref(), Some("b\n\"c"));
        assert_eq!(known.count("Device.T.", &["d"], 0), [3]);
    }

    #[test]
    fn only_so_many_lines_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let line = |number: usize| format!("[\"Device.T.\",\"{number}\",{number}]\n");
        std::fs::write(folder.path().join("numbers"), (1..=MAX_KEYS + 1).map(line).collect::<String>())
            .unwrap();
        let known = Known::default();
        KeptNumbers::new(folder.path()).recall(&known);
        assert!(known.number("Device.T.", &MAX_KEYS.to_string()).is_some());
        assert_eq!(known.number("Device.T.", &(MAX_KEYS + 1).to_string()), None);
    }
}
