//! Whom we trust: certificates from PEM files and folders.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use rustls::RootCertStore;
use sha2::{Digest, Sha256};

use crate::error::NetError;

/// The largest file that is read for certificates or keys.
pub const MAX_PEM: u64 = 4 << 20;

/// Trusted certificates.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) roots: RootCertStore,
    /// The SHA-256 of each certificate, to recognise one that a server shows as its own.
    exact: HashSet<[u8; 32]>,
    /// Where they came from, for messages.
    pub(crate) files: String,
}

impl Trust {
    /// Reads every certificate of the files and folders.
    ///
    /// What cannot be read is logged and left out: one bad file in a folder of a hundred must not cost the box its
    /// management. If nothing remains, that is an error.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        let mut exact = HashSet::new();
        let mut notes = Vec::new();
        for path in paths {
            let mut found = 0;
            let mut trouble = None;
            for file in files_of(path) {
                match file.and_then(|file| certificates(&file)) {
                    Ok(certificates) => {
                        for certificate in certificates {
                            found += 1;
                            // Folders hold the same certificate under several names.
                            if exact.insert(Sha256::digest(&certificate).into()) {
                                if let Err(error) = roots.add(certificate) {
                                    tracing::debug!(path = %path.display(), %error, "a trusted certificate is not usable, ignoring");
                                }
                            }
                        }
                    }
                    Err(error) => trouble = Some(error),
                }
            }
            if let Some(error) = &trouble {
                tracing::warn!(%error, "a trust store cannot be read in full, ignoring what is missing");
            }
            notes.push(match trouble {
                Some(error) if found == 0 => error.to_string(),
                _ if found == 0 => format!("{} (no certificate)", path.display()),
                _ => path.display().to_string(),
            });
        }
        let files =
            if notes.is_empty() { "an empty list of trust stores".to_owned() } else { notes.join(", ") };
        if roots.is_empty() {
            return Err(NetError::NoTrust { files });
        }
        Ok(Self { roots, exact, files })
    }

    /// Whether this very certificate is in the trust store.
    pub(crate) fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.exact.contains(<[u8; 32]>::from(Sha256::digest(certificate)).as_slice())
    }
}

/// The file itself, or the files of a folder; links are followed.
fn files_of(path: &Path) -> Vec<Result<PathBuf, NetError>> {
    let failed = |source| NetError::File { path: path.to_owned(), source };
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return vec![Err(failed(error))],
    };
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|file| file.is_file()).collect();
    files.sort();
    files.into_iter().map(Ok).collect()
}

/// The certificates of one PEM file; other sections are skipped.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let pem = read(path)?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        certificates.push(certificate.map_err(|error| NetError::File {
            path: path.to_owned(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()),
        })?);
    }
    Ok(certificates)
}

/// A file of a bearable size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, NetError> {
    let failed = |source| NetError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_PEM + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if read as u64 > MAX_PEM {
        return Err(failed(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!("the file has more than {MAX_PEM} bytes"),
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_file_has_a_largest_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_PEM).unwrap();
        assert_eq!(certificates(file.path()).unwrap(), []);
        file.as_file().set_len(MAX_PEM + 1).unwrap();
        assert!(matches!(certificates(file.path()), Err(NetError::File { .. })));
    }
}
