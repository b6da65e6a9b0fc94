//! The files of the machine, below a root that is another one in tests.

use std::path::{Path, PathBuf};

use cwmp_plugin_sdk::Error;

/// The most bytes of a file that are read: none of those we want comes near.
pub(crate) const MAX_FILE: u64 = 256 << 10;

/// Where the machine's files are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: PathBuf::from(root) }
    }

    /// Where a file of the machine is for us.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Sets a switch of the kernel.
    pub(crate) fn set(&self, path: &str, value: &str) -> Result<(), Error> {
        std::fs::write(self.path(path), value).map_err(|e| {
            let text = format!("/{path}: {e}");
            match e.kind() {
                std::io::ErrorKind::PermissionDenied => Error::denied(text),
                _ => Error::value(text),
            }
        })
    }

    /// The first word of a file, if it can be read.
    pub(crate) fn word(&self, path: &str) -> Option<String> {
        let text = read(&self.path(path)).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    }
}

/// The text of a file; bytes that are no UTF-8 are replaced.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    use std::io::Read as _;
    let wrong = |e: std::io::Error| Error::internal(format!("cannot read {}: {e}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(wrong)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::internal(format!("{} is larger than {MAX_FILE} bytes", path.display())));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a file so that nobody ever sees half of it. A link stays one: what it leads to is replaced.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let wrong = |e: std::io::Error| {
        let text = format!("cannot write {}: {e}", path.display());
        match e.kind() {
            std::io::ErrorKind::PermissionDenied => Error::denied(text),
            _ => Error::internal(text),
        }
    };
    let mode = std::fs::metadata(&target).ok().map(|about| about.permissions());
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".cwmpd");
    let new = target.with_file_name(name);
    let replaced = std::fs::write(&new, text)
        .and_then(|()| mode.map_or(Ok(()), |mode| std::fs::set_permissions(&new, mode)))
        .and_then(|()| std::fs::rename(&new, &target));
    if replaced.is_ok() {
        return Ok(());
    }
    let _ = std::fs::remove_file(&new);
    // A file that something is mounted on, or in a folder that is not ours, can only be filled anew.
    std::fs::write(&target, text).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_a_link_when_its_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
        assert!(write(&folder.path().join("no/such"), "x").is_err());
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::write(&path, vec![b'x'; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
        assert!(read(&path).unwrap_err().text().contains("larger"));
    }
}
