//! The table of a plugin and what stands between it and the author's code.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::size_of;
use std::os::fd::BorrowedFd;
use std::panic::{catch_unwind, AssertUnwindSafe};

use cwmp_plugin_abi as abi;
use cwmp_plugin_abi::status;

use crate::answer::{put_fault, put_rows};
use crate::border::{borrow, lend, Elements};
use crate::diagnostic::begin_due;
use crate::dispatch::Directory;
use crate::host::Raw;
#[cfg(feature = "tokio")]
use crate::later::{Call, Late, OwnedArgument, OwnedChange};
use crate::{
    Answer, Argument, Change, ChangeFault, Config, Effect, Error, Host, Kind, Level, Name, Notice, Op,
    Output, OwnedNode, Plugin, Request, Txn,
};

/// The table that a plugin exports.
#[allow(clippy::cast_possible_truncation)] // sizes of small structs
pub const fn plugin<P: Plugin>() -> abi::Plugin {
    let about = P::ABOUT;
    abi::Plugin {
        magic: abi::MAGIC,
        struct_size: size_of::<abi::Plugin>() as u32,
        abi_major: abi::MAJOR,
        abi_minor: abi::MINOR,
        threads: 0,
        node_size: size_of::<abi::Node>() as u32,
        kv_size: size_of::<abi::Kv>() as u32,
        str_size: size_of::<abi::Str>() as u32,
        zero: 0,
        name: lend(about.name),
        version: lend(about.version),
        build: lend(about.build),
        nodes: about.nodes.as_ptr().cast(),
        nodes_len: about.nodes.len(),
        create: Some(create::<P>),
        describe: Some(describe::<P>),
        start: Some(start::<P>),
        stop: Some(stop::<P>),
        destroy: Some(destroy::<P>),
        get: Some(get::<P>),
        instances: Some(instances::<P>),
        prepare: Some(prepare::<P>),
        commit: Some(commit::<P>),
        rollback: Some(rollback::<P>),
        finish: Some(finish::<P>),
        apply: Some(apply::<P>),
        watch: Some(watch::<P>),
        notice: Some(notice::<P>),
        invoke: Some(invoke::<P>),
        cancel: Some(cancel::<P>),
        extension: None,
        job_cancel: Some(job_cancel::<P>),
    }
}

/// What `self` of the table points to.
struct Shell<P> {
    /// For the two calls that may come while another is at work.
    host: Host,
    instance: UnsafeCell<Instance<P>>,
}

/// A plugin with what it needs.
struct Instance<P> {
    plugin: P,
    host: Host,
    raw: Raw,
    name: &'static str,
    /// What `describe` lends; the texts of nodes that were made at run time are those of `made`.
    nodes: Vec<abi::Node>,
    #[allow(dead_code)] // keeps the texts
    made: Vec<OwnedNode>,
    directory: Directory,
}

impl<P: Plugin> Instance<P> {
    /// # Safety
    /// `this` came from `create` of the same type, was not destroyed, and no other call is at work on it.
    unsafe fn at<'a>(this: *mut c_void) -> &'a mut Self {
        // SAFETY: the caller's promise, which the header gives for CWMP_THREADS_ONE and all calls but cancel() and
        // job_cancel(), which do not look at the instance.
        unsafe { &mut *(*this.cast::<Shell<P>>()).instance.get() }
    }

    /// Runs the author's code; a panic ends here.
    fn run<R>(&mut self, what: &str, f: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        contain(self.raw, self.name, what, AssertUnwindSafe(|| f(self)))
    }

    /// Runs a call that is answered by one status; the text of an error takes the way of late answers.
    fn answer(
        &mut self,
        what: &str,
        req: abi::Req,
        f: impl FnOnce(&mut Self) -> Result<abi::Status, Error>,
    ) -> abi::Status {
        match self.run(what, f) {
            Ok(status) => status,
            Err(error) if self.raw.req_done(req, error.status(), error.text()) => status::PENDING,
            Err(error) => error.status(),
        }
    }

    #[cfg(feature = "tokio")]
    fn defer(&mut self, req: abi::Req, call: Call) -> abi::Status {
        let late = Late::new(&self.host, self.raw, req, &call);
        self.plugin.defer(late, call);
        status::PENDING
    }

    fn txn(&self, req: abi::Req, id: u64) -> Txn<'static> {
        Txn { id, request: Request::new(self.raw, req) }
    }

    /// # Safety
    /// `texts` points to `n` texts of the host, which stay until the call returns.
    unsafe fn names<'a>(&self, texts: *const abi::Str, n: usize) -> Result<Vec<Name<'a>>, Error> {
        // SAFETY: the caller's promise, for the array and for each text.
        let elements = unsafe { Elements::new(texts, n, self.raw.table().str_size) }?;
        let base = self.host.about().base;
        elements.map(|text| Ok(Name::new(unsafe { borrow(text) }?, base))).collect()
    }
}

#[cfg(feature = "tokio")]
fn owned(names: &[Name<'_>]) -> Vec<String> {
    names.iter().map(|name| name.full().to_owned()).collect()
}

fn contain<R>(
    raw: Raw,
    name: &str,
    what: &str,
    f: AssertUnwindSafe<impl FnOnce() -> Result<R, Error>>,
) -> Result<R, Error> {
    match catch_unwind(f) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("of unknown cause");
            let text = format!("a panic in {what}: {text}");
            raw.log(Level::Error, name, &text);
            // Whatever was thrown might panic again as it is dropped.
            std::mem::forget(panic);
            Err(Error::Internal(text))
        }
    }
}

unsafe extern "C" fn create<P: Plugin>(
    host: *const abi::Host,
    config: abi::Str,
    this: *mut *mut c_void,
) -> abi::Status {
    // SAFETY: the host passes its table, which stays until `destroy`.
    let raw = match unsafe { Raw::new(host) } {
        Ok(raw) => raw,
        Err(error) => return error.status(),
    };
    let about: &'static crate::About = const { &P::ABOUT };
    let made = contain(
        raw,
        about.name,
        "create",
        AssertUnwindSafe(|| {
            // SAFETY: the host lends the configuration until the call returns.
            let config = Config::parse(unsafe { borrow(config) }?)?;
            let host = Host::new(raw, about);
            let plugin = P::create(host.clone(), &config)?;
            let made = plugin.nodes();
            let declared = about.nodes.iter().filter(|n| plugin.serves(n)).map(|n| *n.raw());
            let nodes = declared.chain(made.iter().map(OwnedNode::lend)).collect();
            let instance = UnsafeCell::new(Instance {
                plugin,
                host: host.clone(),
                raw,
                name: about.name,
                nodes,
                made,
                directory: Directory::of::<P>(),
            });
            Ok(Box::new(Shell { host, instance }))
        }),
    );
    match made {
        Ok(instance) => {
            // SAFETY: the host passes a place for the pointer.
            unsafe { this.write(Box::into_raw(instance).cast()) };
            status::OK
        }
        Err(error) => {
            raw.log(Level::Error, about.name, &format!("cannot begin: {error}"));
            error.status()
        }
    }
}

unsafe extern "C" fn describe<P: Plugin>(
    this: *mut c_void,
    nodes: *mut *const abi::Node,
    n: *mut usize,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    // SAFETY: the host passes places for both. List and texts stay as long as the instance.
    unsafe {
        nodes.write(instance.nodes.as_ptr());
        n.write(instance.nodes.len());
    }
    status::OK
}

unsafe extern "C" fn start<P: Plugin>(this: *mut c_void) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    match instance.run("start", |i| i.plugin.start()) {
        Ok(()) => status::OK,
        Err(error) => {
            instance.raw.log(Level::Error, instance.name, &format!("cannot start: {error}"));
            error.status()
        }
    }
}

unsafe extern "C" fn stop<P: Plugin>(this: *mut c_void) {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    // Before the plugin stops: it may wait for the threads of its commands, and they for a cancel.
    for request in instance.host.ledger().close() {
        instance.raw.req_done(request, status::E_CANCELLED, "the plugin stops");
    }
    // A panic was logged, and there is nobody else to tell.
    let _ = instance.run("stop", |i| {
        if let Some(settings) = i.plugin.settings() {
            settings.diagnostics().stop();
        }
        i.plugin.stop();
        Ok(())
    });
}

unsafe extern "C" fn destroy<P: Plugin>(this: *mut c_void) {
    // SAFETY: `this` came from `create` and is destroyed once.
    let instance = unsafe { Box::from_raw(this.cast::<Shell<P>>()) }.instance.into_inner();
    let (host, raw, name) = (instance.host.clone(), instance.raw, instance.name);
    // As in `stop`.
    let _ = contain(
        raw,
        name,
        "destroy",
        AssertUnwindSafe(|| {
            drop(instance);
            Ok(())
        }),
    );
    host.retire();
}

unsafe extern "C" fn get<P: Plugin>(
    this: *mut c_void,
    req: abi::Req,
    names: *const abi::Str,
    n: usize,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("get", req, |i| {
        // SAFETY: the host lends the names until the call returns.
        let names = unsafe { i.names(names, n) }?;
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            return Ok(i.defer(req, Call::Get(owned(&names))));
        }
        let mut answer = Answer::new(Request::new(i.raw, req), names.len());
        if i.directory.is_empty() {
            i.plugin.get(&names, &mut answer);
        } else {
            let others = i.directory.get(&mut i.plugin, &i.host, &names, &mut answer);
            if !others.is_empty() {
                let names: Vec<Name<'_>> = others.iter().map(|position| names[*position]).collect();
                answer.only(others);
                i.plugin.get(&names, &mut answer);
            }
        }
        answer.finish();
        Ok(status::OK)
    })
}

unsafe extern "C" fn instances<P: Plugin>(
    this: *mut c_void,
    req: abi::Req,
    tables: *const abi::Str,
    n: usize,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("rows", req, |i| {
        // SAFETY: the host lends the names until the call returns.
        let tables = unsafe { i.names(tables, n) }?;
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            return Ok(i.defer(req, Call::Rows(owned(&tables))));
        }
        let request = Request::new(i.raw, req);
        let typed = i.directory.rows(&mut i.plugin, &i.host, &tables, request);
        for (index, (table, typed)) in tables.into_iter().zip(typed).enumerate() {
            let rows = match typed.unwrap_or_else(|| i.plugin.rows(table)) {
                Ok(rows) => rows,
                Err(error) => {
                    put_fault(i.raw, req, index, &error);
                    continue;
                }
            };
            put_rows(i.raw, req, index, &rows)?;
        }
        Ok(status::OK)
    })
}

unsafe extern "C" fn prepare<P: Plugin>(
    this: *mut c_void,
    req: abi::Req,
    txn: u64,
    changes: *const abi::Change,
    n: usize,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("prepare", req, |i| {
        // SAFETY: the host lends the changes until the call returns.
        let elements = unsafe { Elements::new(changes, n, i.raw.table().change_size) }?;
        let mut changes = Vec::with_capacity(n);
        for element in elements {
            // SAFETY: the host lends the texts of the changes, too.
            let (name, value) = unsafe { (borrow(element.path)?, borrow(element.value)?) };
            let op = match element.op {
                1 => Op::Set,
                2 => Op::Add,
                3 => Op::Delete,
                _ => return Err(Error::arguments("an unknown kind of change")),
            };
            changes.push(Change {
                op,
                name: i.host.name(name),
                kind: Kind::from_number(element.kind),
                value,
            });
        }
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            let changes = changes.iter().map(OwnedChange::of).collect();
            return Ok(i.defer(req, Call::Prepare(txn, changes)));
        }
        let txn = i.txn(req, txn);
        match i.plugin.prepare(&txn, &changes) {
            Ok(()) => Ok(status::OK),
            Err(faults) => {
                for ChangeFault { index, error } in &faults {
                    put_fault(i.raw, req, *index, error);
                }
                let first = faults.into_iter().next().map(|f| f.error);
                Err(first.unwrap_or_else(|| Error::internal("refused without a reason")))
            }
        }
    })
}

unsafe extern "C" fn commit<P: Plugin>(this: *mut c_void, req: abi::Req, txn: u64) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("commit", req, |i| {
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            return Ok(i.defer(req, Call::Commit(txn)));
        }
        let txn = i.txn(req, txn);
        Ok(match i.plugin.commit(&txn)? {
            Effect::Now => status::OK,
            Effect::AfterSession => status::OK_AFTER_SESSION,
            Effect::AfterReboot => status::OK_AFTER_REBOOT,
        })
    })
}

macro_rules! transaction_calls {
    ($($name:ident = $call:ident),*) => {
        $(unsafe extern "C" fn $name<P: Plugin>(this: *mut c_void, req: abi::Req, txn: u64) -> abi::Status {
            // SAFETY: `this` came from `create`.
            let instance = unsafe { Instance::<P>::at(this) };
            instance.answer(stringify!($name), req, |i| {
                #[cfg(feature = "tokio")]
                if P::DEFERS {
                    return Ok(i.defer(req, Call::$call(txn)));
                }
                let txn = i.txn(req, txn);
                let result = i.plugin.$name(&txn).map(|()| status::OK);
                begin_due(&mut i.plugin);
                result
            })
        })*
    };
}

transaction_calls!(rollback = Rollback, finish = Finish, apply = Apply);

unsafe extern "C" fn watch<P: Plugin>(
    this: *mut c_void,
    names: *const abi::Str,
    n: usize,
    on: u32,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    let result = instance.run("watch", |i| {
        // SAFETY: the host lends the names until the call returns.
        let names = unsafe { i.names(names, n) }?;
        i.plugin.watch(&names, on != 0)
    });
    result.map_or_else(|error| error.status(), |()| status::OK)
}

unsafe extern "C" fn notice<P: Plugin>(this: *mut c_void, req: abi::Req, what: u32) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("notice", req, |i| {
        let notice = match what {
            1 => Notice::SessionStart,
            2 => Notice::SessionEnd,
            3 => Notice::ClockTrusted,
            4 => Notice::FactoryReset,
            5 => Notice::Shutdown,
            // A notice that this version does not know needs no answer.
            _ => return Ok(status::OK),
        };
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            return Ok(i.defer(req, Call::Notice(notice)));
        }
        if notice == Notice::FactoryReset {
            crate::transaction::reset(&mut i.plugin)?;
        }
        if let Some(settings) = i.plugin.settings() {
            settings.diagnostics().notice(notice);
        }
        begin_due(&mut i.plugin);
        i.plugin.notice(notice).map(|()| status::OK)
    })
}

unsafe extern "C" fn invoke<P: Plugin>(
    this: *mut c_void,
    req: abi::Req,
    command: abi::Str,
    arguments: *const abi::Arg,
    n: usize,
) -> abi::Status {
    // SAFETY: `this` came from `create`.
    let instance = unsafe { Instance::<P>::at(this) };
    instance.answer("invoke", req, |i| {
        // SAFETY: the host lends the command until the call returns.
        let command = i.host.name(unsafe { borrow(command) }?);
        // SAFETY: the host lends the arguments until the call returns.
        let elements = unsafe { Elements::new(arguments, n, i.raw.table().arg_size) }?;
        let mut arguments = Vec::with_capacity(n);
        for element in elements {
            // SAFETY: the host lends texts and descriptors until the request is done.
            let file = (element.fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(element.fd) });
            // SAFETY: as above.
            let (key, value) = unsafe { (borrow(element.key)?, borrow(element.value)?) };
            arguments.push(Argument { key, value, file });
        }
        #[cfg(feature = "tokio")]
        if P::DEFERS {
            let own = |a: &Argument<'_>| {
                let file = a.file.map(|file| file.try_clone_to_owned()).transpose()?;
                Ok(OwnedArgument { key: a.key.to_owned(), value: a.value.to_owned(), file })
            };
            let arguments = arguments.iter().map(own).collect::<Result<_, Error>>()?;
            return Ok(i.defer(req, Call::Invoke(command.full().to_owned(), arguments)));
        }
        let mut output = Output { request: Request::new(i.raw, req), host: &i.host, later: false };
        let result = i.plugin.invoke(command, &arguments, &mut output);
        if !output.later {
            return result.map(|()| status::OK);
        }
        match result {
            // It may be answered already, which is as good.
            Err(error) if i.host.ledger().leave(req) => Err(error),
            _ => Ok(status::PENDING),
        }
    })
}

unsafe extern "C" fn cancel<P: Plugin>(this: *mut c_void, req: abi::Req) {
    // SAFETY: `this` came from `create`. The host is all that is looked at: another call may be at work on the rest.
    let host = unsafe { &(*this.cast::<Shell<P>>()).host };
    host.ledger().cancel(req);
}

unsafe extern "C" fn job_cancel<P: Plugin>(this: *mut c_void, job: abi::Job) {
    // SAFETY: as in `cancel`.
    let host = unsafe { &(*this.cast::<Shell<P>>()).host };
    host.ledger().cancel_begun(job);
}
