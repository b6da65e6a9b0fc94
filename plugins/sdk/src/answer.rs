//! The answer to a read.

use cwmp_plugin_abi as abi;

use crate::border::lend;
use crate::host::Raw;
use crate::row::{DELETABLE, READ_ONLY};
use crate::{Error, Kind, Request, Row, Value};

/// Takes a value or a fault for each name of a read, by its position.
#[derive(Debug)]
pub struct Answer<'a> {
    request: Request<'a>,
    given: Vec<bool>,
    /// What the positions are to the host, if only a part of its names is meant.
    positions: Option<Vec<usize>>,
    text: String,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(request: Request<'a>, names: usize) -> Self {
        Self { request, given: vec![false; names], positions: None, text: String::new() }
    }

    /// The call that is being answered.
    pub fn request(&self) -> Request<'a> {
        self.request
    }

    /// The value of the name at this position.
    pub fn value<V: Value>(&mut self, index: usize, value: V) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        value.write(&mut text);
        self.text(index, V::KIND, &text);
        self.text = text;
    }

    /// The value of the name at this position, in its lexical form.
    pub fn text(&mut self, index: usize, kind: Kind, text: &str) {
        let index = self.note(index);
        let table = self.request.raw.table();
        if let Some(put) = table.put_value_at {
            // SAFETY: a member of the host gets its ctx and a text that lives until it returns.
            unsafe { put(table.ctx, self.request.id, index, kind.number(), lend(text)) }
        }
    }

    /// The name at this position has no value.
    pub fn fault(&mut self, index: usize, error: &Error) {
        let index = self.note(index);
        put_fault(self.request.raw, self.request.id, index, error);
    }

    /// From now on positions count among these.
    pub(crate) fn only(&mut self, positions: Vec<usize>) {
        self.positions = Some(positions);
    }

    /// The position as the host counts.
    fn note(&mut self, index: usize) -> usize {
        let index = match &self.positions {
            // A position that does not exist is none to the host either, which says so.
            Some(positions) => positions.get(index).copied().unwrap_or(usize::MAX),
            None => index,
        };
        if let Some(given) = self.given.get_mut(index) {
            *given = true;
        }
        index
    }

    /// Every name must be answered: a fault for each that was forgotten.
    pub(crate) fn finish(mut self) {
        self.positions = None;
        for index in 0..self.given.len() {
            if !self.given[index] {
                self.fault(index, &Error::internal("the plugin gave no answer"));
            }
        }
    }
}

pub(crate) fn put_rows(raw: Raw, req: abi::Req, index: usize, rows: &[Row]) -> Result<(), Error> {
    let host = raw.table();
    let put = host.put_row.ok_or_else(|| Error::unsupported("a host without put_row"))?;
    for row in rows {
        let flags = if row.deletable { DELETABLE } else { 0 } | if row.read_only { READ_ONLY } else { 0 };
        let (key, alias) = (lend(&row.key), lend(&row.alias));
        let row = abi::Row { number: row.number, flags, key, alias };
        // SAFETY: the host copies the row and its texts before it returns.
        unsafe { put(host.ctx, req, index, &raw const row) }
    }
    Ok(())
}

pub(crate) fn put_fault(raw: Raw, req: abi::Req, index: usize, error: &Error) {
    let table = raw.table();
    if let Some(put) = table.put_fault_at {
        // SAFETY: as in `Answer::text`.
        unsafe { put(table.ctx, req, index, error.status(), lend(error.text())) }
    }
}
