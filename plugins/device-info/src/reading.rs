//! What one request has read: each source at most once.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use cwmp_plugin_sdk::Error;

use crate::files::Files;
use crate::memory::Memory;
use crate::process::Process;
use crate::temperature;

/// The sources of one request, read when they are first wanted.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    files: &'a Files,
    memory: OnceCell<Result<Memory, Error>>,
    stat: OnceCell<Result<String, Error>>,
    processes: RefCell<HashMap<u32, Result<Process, Error>>>,
    temperatures: RefCell<HashMap<u32, Result<i32, Error>>>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(files: &'a Files) -> Self {
        Self {
            files,
            memory: OnceCell::new(),
            stat: OnceCell::new(),
            processes: RefCell::default(),
            temperatures: RefCell::default(),
        }
    }

    pub(crate) fn files(&self) -> &Files {
        self.files
    }

    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        self.memory.get_or_init(|| Memory::read(self.files)).clone()
    }

    pub(crate) fn stat(&self) -> Result<String, Error> {
        self.stat.get_or_init(|| self.files.read("proc/stat")).clone()
    }

    pub(crate) fn process(&self, pid: u32) -> Result<Process, Error> {
        let mut all = self.processes.borrow_mut();
        all.entry(pid).or_insert_with(|| Process::read(self.files, pid)).clone()
    }

    pub(crate) fn temperature(&self, row: u32) -> Result<i32, Error> {
        let mut all = self.temperatures.borrow_mut();
        all.entry(row).or_insert_with(|| temperature::read(self.files, row)).clone()
    }
}
