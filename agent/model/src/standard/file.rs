//! One model where it lies, searched by halves.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::Path;

use super::disk::Disk;
use super::{line, profile, LibraryError, ModelName, Object, Profile};

/// The longest file that is taken for a model, in bytes.
pub const MAX_FILE: u64 = 16 * 1024 * 1024;
/// The longest text of one object with its parameters, in bytes; the first line of a file is shorter, too.
pub const MAX_BLOCK: usize = 256 * 1024;
/// How much is read at once of an object.
const CHUNK: usize = 4096;
/// How much is read at once in a search: most objects are shorter.
const STEP: usize = 1024;

/// A model: a file, or bytes in memory.
#[derive(Debug)]
pub(super) struct ModelFile {
    /// The model.
    pub(super) name: ModelName,
    /// Where its paths begin.
    root: String,
    /// What the definition is called.
    pub(super) urn: String,
    source: Source,
    /// The file's name, for messages.
    shown: String,
    /// Where the first object begins.
    start: u64,
    len: u64,
}

#[derive(Debug)]
enum Source {
    Memory { model: Cow<'static, [u8]>, profiles: Cow<'static, [u8]> },
    Disk(Disk),
}

impl ModelFile {
    /// Opens a file and reads its first line.
    pub(super) fn open(path: &Path) -> Result<Self, LibraryError> {
        let (disk, len) = Disk::open(path)?;
        Self::new(Source::Disk(disk), path.display().to_string(), len)
    }

    /// A model in memory.
    pub(super) fn in_memory(
        shown: &str,
        model: Cow<'static, [u8]>,
        profiles: Cow<'static, [u8]>,
    ) -> Result<Self, LibraryError> {
        let len = model.len() as u64;
        Self::new(Source::Memory { model, profiles }, shown.to_owned(), len)
    }

    fn new(source: Source, shown: String, len: u64) -> Result<Self, LibraryError> {
        let name = ModelName { name: String::new(), version: super::Version::default() };
        let mut file = Self { name, root: String::new(), urn: String::new(), source, shown, start: 0, len };
        if len > MAX_FILE {
            return Err(file.malformed(0, "it is too long"));
        }
        let first = file.line(0)?;
        file.start = first.len() as u64;
        let header = line::read_header(first.trim_end_matches('\n'));
        (file.name, file.root, file.urn) = header.ok_or_else(|| file.malformed(0, "the first line"))?;
        Ok(file)
    }

    /// Whether the path can be in this model: below its root, or the object that a service model adds its count to.
    pub(super) fn may_have(&self, path: &str) -> bool {
        path.starts_with(&self.root) || self.root.starts_with(path)
    }

    /// The object at a path.
    pub(super) fn object(&self, path: &str) -> Result<Option<Object>, LibraryError> {
        if !path.ends_with('.') {
            return Ok(None);
        }
        let (mut low, mut high) = (self.start, self.len);
        // What is sought begins at or behind `low` and before `high`; every turn at least halves what is between.
        while high - low > CHUNK as u64 {
            let middle = low + (high - low) / 2;
            let Some((at, line)) = self.next_object(middle, high)? else {
                high = middle;
                continue;
            };
            match path_of(&line).cmp(path.as_bytes()) {
                Ordering::Less => low = at + line.len().max(1) as u64,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Some(self.block(at)?.0)),
            }
        }
        // The rest is read once, with the whole path of the last line that begins in it.
        let mut at = low;
        let rest = self.bytes(low, CHUNK + path.len() + 1)?;
        for line in rest.split_inclusive(|b| *b == b'\n') {
            if at < high && path_of(line) == path.as_bytes() {
                return Ok(Some(self.block(at)?.0));
            }
            at += line.len() as u64;
        }
        Ok(None)
    }

    /// All objects, one after the other.
    pub(super) fn objects(&self) -> Objects<'_> {
        Objects { file: self, at: self.start }
    }

    /// The profiles in the file beside this one; none if there is no such file.
    pub(super) fn profiles(&self) -> Result<Vec<Profile>, LibraryError> {
        let (shown, text) = match &self.source {
            Source::Memory { profiles, .. } if profiles.is_empty() => return Ok(Vec::new()),
            Source::Memory { profiles, .. } => (self.shown.clone(), Cow::Borrowed(&**profiles)),
            Source::Disk(disk) => match disk.profiles()? {
                Some((shown, text)) => (shown, Cow::Owned(text)),
                None => return Ok(Vec::new()),
            },
        };
        let text = std::str::from_utf8(&text).map_err(|_| malformed(&shown, 0, "it is no text"))?;
        profile::read_profiles(text).map_err(|(at, what)| malformed(&shown, at as u64, what))
    }

    /// Where the first object at or behind `from` and before `end` begins, and its line as far as it was read: not less
    /// than its path.
    fn next_object(&self, from: u64, end: u64) -> Result<Option<(u64, Vec<u8>)>, LibraryError> {
        // The line end before tells a line's begin; there is always one, that of the first line.
        let mut at = from - 1;
        let mut after_line_end = false;
        while at < end {
            let bytes = self.bytes(at, STEP)?;
            if bytes.is_empty() {
                break;
            }
            for (i, byte) in bytes.iter().enumerate() {
                if at >= end {
                    return Ok(None);
                }
                if after_line_end && *byte != b'\t' {
                    let line = &bytes[i..];
                    let has_path = line.iter().any(|b| matches!(b, b'\t' | b'\n'));
                    let line = if has_path { line.to_vec() } else { self.line(at)?.into_bytes() };
                    let length = line.iter().position(|b| *b == b'\n').map_or(line.len(), |i| i + 1);
                    return Ok(Some((at, line[..length].to_vec())));
                }
                after_line_end = *byte == b'\n';
                at += 1;
            }
        }
        Ok(None)
    }

    /// The object that begins at a place, and where the next one begins.
    fn block(&self, at: u64) -> Result<(Object, u64), LibraryError> {
        let text = self.text(at, |bytes| {
            bytes.windows(2).position(|pair| pair[0] == b'\n' && pair[1] != b'\t').map(|i| i + 1)
        })?;
        let object = line::read_object(&text).map_err(|what| self.malformed(at, what))?;
        Ok((object, at + text.len() as u64))
    }

    /// The line that begins at a place, with its end.
    fn line(&self, at: u64) -> Result<String, LibraryError> {
        self.text(at, |bytes| bytes.iter().position(|b| *b == b'\n').map(|i| i + 1))
    }

    /// Text from a place to where `end` finds its end, or to the end of the file.
    fn text(&self, at: u64, end: impl Fn(&[u8]) -> Option<usize>) -> Result<String, LibraryError> {
        let mut bytes = Vec::new();
        loop {
            let more = self.bytes(at + bytes.len() as u64, CHUNK)?;
            bytes.extend_from_slice(&more);
            let found = end(&bytes);
            if found.is_some() || more.is_empty() {
                bytes.truncate(found.unwrap_or(bytes.len()));
                return String::from_utf8(bytes).map_err(|_| self.malformed(at, "it is no text"));
            }
            if bytes.len() > MAX_BLOCK {
                return Err(self.malformed(at, "an object is too long"));
            }
        }
    }

    /// Up to `count` bytes from a place; none at the end.
    fn bytes(&self, at: u64, count: usize) -> Result<Cow<'_, [u8]>, LibraryError> {
        match &self.source {
            Source::Memory { model, .. } => {
                let from = usize::try_from(at).unwrap_or(usize::MAX).min(model.len());
                Ok(Cow::Borrowed(&model[from..from.saturating_add(count).min(model.len())]))
            }
            Source::Disk(disk) => disk.bytes(at, count).map(Cow::Owned),
        }
    }

    fn malformed(&self, at: u64, what: &'static str) -> LibraryError {
        malformed(&self.shown, at, what)
    }
}

/// The error about a place in a file.
pub(super) fn malformed(file: &str, at: u64, what: &'static str) -> LibraryError {
    LibraryError::Malformed { file: file.to_owned(), at, what }
}

/// The path at the begin of an object's line; a parameter's line has none.
fn path_of(line: &[u8]) -> &[u8] {
    line.split(|b| matches!(b, b'\t' | b'\n')).next().unwrap_or_default()
}

/// The objects of a model, read one after the other. An error ends them.
#[derive(Debug)]
pub struct Objects<'a> {
    file: &'a ModelFile,
    at: u64,
}

impl Iterator for Objects<'_> {
    type Item = Result<Object, LibraryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.file.len {
            return None;
        }
        match self.file.block(self.at) {
            // A file that became shorter meanwhile.
            Ok((_, next)) if next == self.at => None,
            Ok((object, next)) => {
                self.at = next;
                Some(Ok(object))
            }
            Err(error) => {
                self.at = self.file.len;
                Some(Err(error))
            }
        }
    }
}
