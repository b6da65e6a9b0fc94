//! The version of the image, which stands behind a key in a file.

use cwmp_plugin_sdk::{Config, Error};

use crate::files::Files;

/// The most characters of a software version.
const MAX_VERSION: usize = 64;
/// Where it is looked for if the integrator says nothing: RDK's file first, then the one that every image has.
const USUAL: &[(&str, &str)] =
    &[("/version.txt", "imagename"), ("/etc/os-release", "IMAGE_VERSION"), ("/etc/os-release", "VERSION_ID")];

/// Where the version stands.
#[derive(Debug)]
pub(crate) struct Source {
    places: Vec<(String, String)>,
}

impl Source {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let places = match (config.text("version_file")?, config.text("version_key")?) {
            (Some(file), Some(key)) => vec![(file.to_owned(), key.to_owned())],
            (None, None) => USUAL.iter().map(|(f, k)| ((*f).to_owned(), (*k).to_owned())).collect(),
            _ => return Err(Error::arguments("version_file and version_key go together")),
        };
        Ok(Self { places })
    }

    pub(crate) fn read(&self, files: &Files) -> Result<String, Error> {
        let found = self.places.iter().find_map(|(file, key)| find(&files.read(file).ok()?, key));
        found.ok_or_else(|| {
            let places: Vec<_> = self.places.iter().map(|(file, key)| format!("{file} ({key})")).collect();
            Error::internal(format!("no version in {}", places.join(", ")))
        })
    }
}

/// The text behind `KEY=` or `KEY:`, without quotation marks.
fn find(text: &str, key: &str) -> Option<String> {
    let after = |line: &str| -> Option<String> {
        let value = line.trim().strip_prefix(key)?.trim_start().strip_prefix(['=', ':'])?.trim();
        let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let bare = bare.or_else(|| value.strip_prefix('\'')?.strip_suffix('\'')).unwrap_or(value);
        Some(bare.chars().take(MAX_VERSION).collect())
    };
    text.lines().find_map(after).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_behind_its_key() {
        let text = "VERSION_ID_OLD=1\nimagename:BOX_1.2.3\nVERSION_ID=\"12\"\nVERSION = 'a b'\nEMPTY=\n";
        assert_eq!(find(text, "imagename").as_deref(), Some("BOX_1.2.3"));
        assert_eq!(find(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(find(text, "VERSION").as_deref(), Some("a b"));
        assert_eq!(find(text, "EMPTY"), None);
        assert_eq!(find(text, "NAME"), None);
        assert_eq!(find(&format!("V={}", "ü".repeat(65)), "V"), Some("ü".repeat(64)));
    }
}
