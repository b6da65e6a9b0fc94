//! What is wrong with a mapping.

use std::fmt;
use std::path::PathBuf;

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read {file}: {error}", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is larger than [`MAX_FILE`](crate::MAX_FILE).
    #[error("{file} is larger than {limit} bytes", file = .0.display(), limit = crate::MAX_FILE)]
    TooLarge(PathBuf),
    /// What it says cannot be served; everything that is wrong with it.
    #[error("{}", Problems(file, problems))]
    Wrong {
        /// The name of the file.
        file: String,
        /// What is wrong, in the order of the file. Never empty.
        problems: Vec<Problem>,
    },
    /// The standard's tables cannot be read.
    #[error("the tables of the standard: {0}")]
    Standard(String),
}

/// One thing that is wrong: where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line of the file, from 1.
    pub line: usize,
    /// The key: `parameter."Device.Time.Enable".write`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "{}: {}", self.key, self.text)
        }
    }
}

struct Problems<'a>(&'a str, &'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.1.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}: {problem}", self.0, problem.line)?;
        }
        Ok(())
    }
}
