//! Commands.

use std::os::fd::BorrowedFd;

use crate::border::lend;
use crate::{Host, Job, Request};

/// An argument of a command.
#[derive(Debug, Clone, Copy)]
pub struct Argument<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// A file: to be read from, or to be filled.
    pub file: Option<BorrowedFd<'a>>,
}

/// Takes the results of a command and how far it is.
#[derive(Debug)]
pub struct Output<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) host: &'a Host,
    pub(crate) later: bool,
}

impl<'a> Output<'a> {
    /// The call that is being answered.
    pub fn request(&self) -> Request<'a> {
        self.request
    }

    /// Answers later: the command goes on in another thread, and the plugin can be asked other things meanwhile. What
    /// `invoke` returns counts no more, unless it is an error.
    ///
    /// The files of the arguments are lent until the answer; who needs one in another thread clones it.
    pub fn later(&mut self) -> Job {
        self.later = true;
        Job::new(self.host.clone(), self.request.id)
    }

    /// A result.
    pub fn put(&mut self, key: &str, value: &str) {
        let table = self.request.raw.table();
        if let Some(put) = table.put_output {
            // SAFETY: a member of the host gets its ctx and texts that live until it returns.
            unsafe { put(table.ctx, self.request.id, lend(key), lend(value)) }
        }
    }

    /// How far it is, in thousandths, if that is known.
    pub fn progress(&mut self, permille: Option<u16>, text: &str) {
        let table = self.request.raw.table();
        if let Some(progress) = table.progress {
            // SAFETY: as in `put`.
            unsafe { progress(table.ctx, self.request.id, permille.map_or(-1, i32::from), lend(text)) }
        }
    }
}
