//! What is printed, and where.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::{json, Value};

use crate::error::CtlError;
use crate::table::{plain, Table};

/// How the caller wants to be told.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    long: bool,
    stdout: io::Stdout,
    stderr: io::Stderr,
}

impl Output {
    pub(crate) fn new(json: bool, long: bool) -> Self {
        Self { json, long, stdout: io::stdout(), stderr: io::stderr() }
    }

    /// Whether scripts read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether more columns are wanted.
    pub(crate) fn is_long(&self) -> bool {
        self.long
    }

    /// Prints one JSON value as a line.
    pub(crate) fn json(&self, value: &Value) -> io::Result<()> {
        let mut out = self.stdout.lock();
        writeln!(out, "{value}")?;
        out.flush()
    }

    /// Prints a table.
    pub(crate) fn table(&self, table: &Table) -> io::Result<()> {
        let mut out = self.stdout.lock();
        out.write_all(table.text().as_bytes())?;
        out.flush()
    }

    /// Prints a line for people.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut out = self.stdout.lock();
        writeln!(out, "{}", plain(text))?;
        out.flush()
    }

    /// Prints a value alone: as it is into a file or pipe, on one line on a terminal.
    pub(crate) fn value(&self, value: &str) -> io::Result<()> {
        let mut out = self.stdout.lock();
        if out.is_terminal() {
            writeln!(out, "{}", plain(value))
        } else {
            writeln!(out, "{value}")
        }
    }

    /// Tells a person something beside the result. Nothing can be done if that fails.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            let _ = writeln!(self.stderr.lock(), "cwmpctl: {}", plain(text));
        }
    }

    /// Tells what ended the command.
    pub(crate) fn error(&self, error: &CtlError) {
        if error.is_silent() {
            return;
        }
        let mut err = self.stderr.lock();
        let text = error.to_string();
        // Standard error may be closed too; then the exit code has to do.
        let _ = if self.json {
            let told = json!({ "error": { "name": error.name(), "text": text, "hint": error.hint() } });
            writeln!(err, "{told}")
        } else {
            match error.hint() {
                Some(hint) => writeln!(err, "cwmpctl: {}\n  {}", plain(&text), plain(&hint)),
                None => writeln!(err, "cwmpctl: {}", plain(&text)),
            }
        };
    }
}
