//! The thread of an async plugin.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use cwmp_plugin_abi::status;
use tokio::sync::mpsc as tasks;
use tokio::task::{JoinHandle, LocalSet};

use super::call::{Call, Late};
use super::serve::AllRows;
use super::transaction::Transactions;
use super::AsyncPlugin;
use crate::answer::{put_fault, put_rows};
use crate::dispatch::{Asker, Directory};
use crate::{About, Answer, Config, Declared, Error, Host, Job, Name, Node, OwnedNode, Plugin};

/// How long a plugin may take to stop.
const STOP_WAIT: Duration = Duration::from_millis(1_500);

/// An async plugin as the host sees it: every call goes to its thread, and is answered from there.
#[derive(Debug)]
pub struct Async<A> {
    messages: Option<tasks::UnboundedSender<Message>>,
    thread: Option<thread::JoinHandle<()>>,
    serves: Vec<&'static str>,
    nodes: Vec<OwnedNode>,
    plugin: std::marker::PhantomData<fn() -> A>,
}

enum Message {
    Start(mpsc::Sender<Result<(), Error>>),
    Call(Late, Call),
    Stop(mpsc::Sender<()>),
}

/// What a plugin says of itself once it is there.
type Created = Result<(Vec<&'static str>, Vec<OwnedNode>), Error>;

impl<A: AsyncPlugin> Declared for Async<A> {
    const ABOUT: About = A::ABOUT;
}

impl<A: AsyncPlugin> Plugin for Async<A> {
    const DEFERS: bool = true;

    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        let (messages, receiver) = tasks::unbounded_channel();
        let (created, answer) = mpsc::channel();
        let config = config.clone();
        let thread = thread::Builder::new()
            .name(A::ABOUT.name.to_owned())
            .spawn(move || run::<A>(host, config, &created, receiver))?;
        let gone = |_| Error::internal("the plugin's thread ended in create");
        let (serves, nodes) = answer.recv().map_err(gone)??;
        let (messages, thread) = (Some(messages), Some(thread));
        Ok(Self { messages, thread, serves, nodes, plugin: std::marker::PhantomData })
    }

    fn serves(&self, node: &Node) -> bool {
        self.serves.contains(&node.path())
    }

    fn nodes(&self) -> Vec<OwnedNode> {
        self.nodes.clone()
    }

    fn start(&mut self) -> Result<(), Error> {
        let (sender, answer) = mpsc::channel();
        self.send(Message::Start(sender));
        answer.recv().map_err(|_| Error::internal("the plugin's thread ended in start"))?
    }

    fn stop(&mut self) {
        let (sender, answer) = mpsc::channel();
        self.send(Message::Stop(sender));
        // Whether it stopped or not, there is no more time; the thread is waited for when the plugin goes.
        let _ = answer.recv_timeout(STOP_WAIT);
        self.messages = None;
    }

    fn defer(&mut self, late: Late, call: Call) {
        self.send(Message::Call(late, call));
    }
}

impl<A> Async<A> {
    /// A message that nobody takes is dropped, which answers it.
    fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            let _ = messages.send(message);
        }
    }
}

impl<A> Drop for Async<A> {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was answered and is not ours.
            let _ = thread.join();
        }
    }
}

fn run<A: AsyncPlugin>(
    host: Host,
    config: Config,
    created: &mpsc::Sender<Created>,
    messages: tasks::UnboundedReceiver<Message>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = created.send(Err(error.into()));
            return;
        }
    };
    LocalSet::new().block_on(&runtime, async {
        match A::create(host.clone(), config).await {
            Ok(plugin) => {
                let all = A::ABOUT.nodes.iter();
                let serves = all.filter(|node| plugin.serves(node)).map(Node::path).collect();
                // Whoever made the thread waits for this.
                let _ = created.send(Ok((serves, plugin.nodes())));
                serve(Rc::new(plugin), host, messages).await;
            }
            Err(error) => {
                let _ = created.send(Err(error));
            }
        }
    });
}

/// What the tasks share.
pub(super) struct Shared<A> {
    pub(super) plugin: Rc<A>,
    pub(super) host: Host,
    pub(super) directory: Directory,
    pub(super) transactions: Transactions,
    /// The last run of each diagnostic, by the object's path.
    pub(super) diagnostics: RefCell<HashMap<&'static str, JoinHandle<()>>>,
}

async fn serve<A: AsyncPlugin>(plugin: Rc<A>, host: Host, mut messages: tasks::UnboundedReceiver<Message>) {
    let directory = Directory::new(A::ABOUT.nodes, A::OBJECTS.iter().map(|served| served.nodes));
    let (transactions, diagnostics) = (Transactions::default(), RefCell::default());
    let shared = Rc::new(Shared { plugin, host, directory, transactions, diagnostics });
    while let Some(message) = messages.recv().await {
        match message {
            Message::Start(answer) => {
                let _ = answer.send(Rc::clone(&shared.plugin).start().await);
            }
            Message::Call(late, call) => {
                // The set owns the task; a panic in it drops the request, which answers it.
                drop(tokio::task::spawn_local(handle(Rc::clone(&shared), late, call)));
            }
            Message::Stop(answer) => {
                shared.stop_diagnostics();
                let _ = tokio::time::timeout(STOP_WAIT, Rc::clone(&shared.plugin).stop()).await;
                let _ = answer.send(());
                return;
            }
        }
    }
    shared.stop_diagnostics();
}

async fn handle<A: AsyncPlugin>(shared: Rc<Shared<A>>, late: Late, call: Call) {
    let plugin = Rc::clone(&shared.plugin);
    let result = match call {
        Call::Get(names) => shared.get(&names, &late).await,
        Call::Rows(tables) => shared.rows(&tables, &late).await,
        Call::Prepare(txn, changes) => shared.prepare(txn, &changes, &late).await,
        Call::Commit(txn) => shared.commit(txn).await,
        Call::Rollback(txn) => shared.rollback(txn).await,
        Call::Finish(txn) => shared.finish(txn).await,
        Call::Apply(txn) => plugin.apply(txn).await.map(|()| status::OK),
        Call::Notice(notice) => shared.notice(notice).await,
        Call::Invoke(command, arguments) => {
            // The job answers from here on.
            let job = Job::new(shared.host.clone(), late.id());
            late.forget();
            let result = unless_cancelled(plugin.invoke(&command, arguments, &job), &job).await;
            return job.finish(result);
        }
    };
    late.done(result);
}

async fn unless_cancelled(work: impl Future<Output = Result<(), Error>>, job: &Job) -> Result<(), Error> {
    let (mut work, mut cancelled) = (pin!(work), pin!(job.cancelled()));
    poll_fn(|context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        cancelled.as_mut().poll(context).map(|()| Err(Error::Cancelled))
    })
    .await
}

impl<A: AsyncPlugin> Shared<A> {
    pub(super) fn asker<'a>(&'a self, late: &Late) -> Asker<'a> {
        Asker { host: &self.host, settings: self.plugin.settings(), request: late.request() }
    }

    async fn get(&self, names: &[String], late: &Late) -> Result<i32, Error> {
        let names: Vec<Name<'_>> = names.iter().map(|name| self.host.name(name)).collect();
        let mut answer = Answer::new(late.request(), names.len());
        let (questions, others) = self.directory.values(&names, self.asker(late));
        let reads = questions.iter().map(|question| {
            let read = A::OBJECTS[question.object].read;
            read(Rc::clone(&self.plugin), &question.kept, &question.wanted)
        });
        let all = side_by_side(reads.collect()).await;
        for (question, rows) in questions.iter().zip(all) {
            question.answer(rows, &mut answer);
        }
        if !others.is_empty() {
            let names: Vec<Name<'_>> = others.iter().map(|position| names[*position]).collect();
            answer.only(others);
            Rc::clone(&self.plugin).get(&names, &mut answer).await;
        }
        answer.finish();
        Ok(status::OK)
    }

    async fn rows(&self, tables: &[String], late: &Late) -> Result<i32, Error> {
        let tables: Vec<Name<'_>> = tables.iter().map(|name| self.host.name(name)).collect();
        let typed = self.directory.tables(&tables);
        let mut open: Vec<bool> = vec![true; tables.len()];
        for (object, positions) in typed {
            let question = self.directory.rows_of(object, self.asker(late));
            let read = A::OBJECTS[object].read;
            let rows = read(Rc::clone(&self.plugin), &question.kept, &question.wanted).await;
            for position in positions {
                open[position] = false;
                match question.rows_in(&rows, tables[position].full()) {
                    Ok(rows) => put_rows(late.raw(), late.id(), position, &rows)?,
                    Err(error) => put_fault(late.raw(), late.id(), position, &error),
                }
            }
        }
        for position in (0..tables.len()).filter(|position| open[*position]) {
            match Rc::clone(&self.plugin).rows(tables[position]).await {
                Ok(rows) => put_rows(late.raw(), late.id(), position, &rows)?,
                Err(error) => put_fault(late.raw(), late.id(), position, &error),
            }
        }
        Ok(status::OK)
    }
}

/// Waits for all of them at once.
async fn side_by_side(mut reads: Vec<Pin<Box<dyn Future<Output = AllRows> + '_>>>) -> Vec<AllRows> {
    let mut results: Vec<Option<AllRows>> = reads.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut open = false;
        for (read, result) in reads.iter_mut().zip(&mut results) {
            if result.is_none() {
                match read.as_mut().poll(context) {
                    Poll::Ready(rows) => *result = Some(rows),
                    Poll::Pending => open = true,
                }
            }
        }
        if open {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    let unread = || Err(Error::internal("it was not read"));
    results.into_iter().map(|result| result.unwrap_or_else(unread)).collect()
}
