//! A daemon that serves `org.cwmpd1.Provider` itself, without a host around it: it can do what a host would not let through.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use cwmp_bus::{names, BusError};
use serde::de::DeserializeOwned;
use serde::Serialize;
use tokio::sync::oneshot;
use zbus::zvariant::{self, DynamicType, OwnedValue};

/// Values of a Get: path, type number, text.
pub type Values = Vec<(String, u8, String)>;
/// Faults by path.
pub type PathFaults = Vec<(String, u32, String)>;
/// Tables with their rows: number, alias, flags.
pub type Tables = Vec<(String, Vec<(u32, String, u32)>)>;
/// What a step of a transaction comes to.
pub type Step<T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send>>;

/// What a provider does; each method has the answer of one that serves nothing special.
pub trait Serve: Send + Sync + 'static {
    /// What there is: path, type number, flags, facets.
    fn nodes(&self) -> Vec<(String, u8, u32, String)>;

    /// How long it takes to say so.
    fn describing(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    /// Reads. Each value is a text with nothing in it.
    fn get(&self, paths: &[String]) -> (Values, PathFaults) {
        (paths.iter().map(|path| (path.clone(), 1, String::new())).collect(), Vec::new())
    }

    /// The rows of its tables.
    fn instances(&self) -> Tables {
        Vec::new()
    }

    /// Prepares a transaction, and may use its own connection to the bus for that.
    fn prepare(&self, bus: zbus::Connection, txn: u64, paths: Vec<String>) -> Step<PathIndexFaults> {
        let _ = (bus, txn, paths);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// What the transaction is to change, before it is prepared: operation, type number, path, value.
    fn changes(&self, txn: u64, changes: &[(u32, u8, String, String)]) {
        let _ = (txn, changes);
    }

    /// Commits it.
    fn commit(&self, txn: u64) -> Step<u32> {
        let _ = txn;
        Box::pin(async { Ok(0) })
    }

    /// `Rollback`, `Finish` or `Apply` was called.
    fn ends(&self, member: &'static str, txn: u64) {
        let _ = (member, txn);
    }

    /// `Notice` was called.
    fn noticed(&self, what: &str) {
        let _ = what;
    }
}

/// Faults by the index of the change.
pub type PathIndexFaults = Vec<(u32, u32, String)>;

/// A provider of the test's own, on a connection of its own. It leaves the bus when it is dropped.
pub struct Native {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    connection: zbus::Connection,
}

impl Native {
    /// Connects, serves, and takes the name; then announces itself, and answers what came of that.
    ///
    /// # Panics
    /// If the bus is not there.
    #[track_caller]
    pub fn start(address: &str, name: &str, serve: impl Serve) -> (Self, Result<(), BusError>) {
        Self::start_with(address, name, serve, true)
    }

    /// The same; without `owning`, it announces a name that it does not own.
    ///
    /// # Panics
    /// If the bus is not there.
    #[track_caller]
    pub fn start_with(
        address: &str,
        name: &str,
        serve: impl Serve,
        owning: bool,
    ) -> (Self, Result<(), BusError>) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (address, name) = (address.to_owned(), name.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let service = names::provider_service(&name).expect("a name of a provider");
                let builder = zbus::connection::Builder::address(address.as_str()).expect("an address");
                let builder = builder
                    .serve_at(names::PROVIDER_PATH, Interface(Arc::new(serve)))
                    .expect("the path is one");
                let connection = builder.build().await.expect("the bus can be reached");
                if owning {
                    connection.request_name(service.as_str()).await.expect("the name is free");
                }
                let options: HashMap<&str, OwnedValue> = HashMap::new();
                let announced = connection
                    .call_method(
                        Some(names::SERVICE),
                        names::PATH,
                        Some(names::REGISTRY),
                        "Announce",
                        &(name.as_str(), options),
                    )
                    .await
                    .map(drop)
                    .map_err(|e| BusError::from_reply(&e));
                // The test waits for it.
                let _ = ready.send((connection, announced));
                let _ = stopped.await;
            });
        });
        let (connection, announced) = is_ready.recv().expect("the provider starts");
        (Self { stop: Some(stop), thread: Some(thread), connection }, announced)
    }

    /// Sends the signal `Changed` or `InstancesChanged` to the agent.
    ///
    /// # Panics
    /// If the bus does not take it.
    pub fn signal(&self, member: &str, paths: &[&str]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let to = Some(names::SERVICE);
        runtime
            .block_on(self.connection.emit_signal(
                to,
                names::PROVIDER_PATH,
                names::PROVIDER,
                member,
                &(paths,),
            ))
            .expect("the bus takes a signal");
    }

    /// Calls a method of the agent on the provider's own connection.
    ///
    /// # Errors
    /// What the agent refuses.
    ///
    /// # Panics
    /// If the answer is another than the interface says.
    pub fn ask<R, B>(&self, interface: &str, member: &str, body: &B) -> Result<R, BusError>
    where
        R: DeserializeOwned + zvariant::Type,
        B: Serialize + DynamicType,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let to = Some(names::SERVICE);
        let call = self.connection.call_method(to, names::PATH, Some(interface), member, body);
        let reply = runtime.block_on(call).map_err(|error| BusError::from_reply(&error))?;
        Ok(reply.body().deserialize().unwrap_or_else(|e| panic!("the answer to {member}: {e}")))
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was printed.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").finish_non_exhaustive()
    }
}

struct Interface<S>(Arc<S>);

type Options = HashMap<String, OwnedValue>;

#[allow(clippy::needless_pass_by_value, clippy::unused_self)] // the interface says what a method looks like
#[zbus::interface(name = "org.cwmpd1.Provider")]
impl<S: Serve> Interface<S> {
    #[zbus(out_args("version", "build", "nodes"))]
    async fn describe(&self) -> (String, String, Vec<(String, u8, u32, String)>) {
        tokio::time::sleep(self.0.describing()).await;
        ("1".to_owned(), "1".to_owned(), self.0.nodes())
    }

    #[zbus(out_args("values", "faults"))]
    fn get(&self, paths: Vec<String>, options: Options) -> (Values, PathFaults) {
        let _ = options;
        self.0.get(&paths)
    }

    #[zbus(out_args("tables", "faults"))]
    fn instances(&self, paths: Vec<String>) -> (Tables, PathFaults) {
        let _ = paths;
        (self.0.instances(), Vec::new())
    }

    #[zbus(out_args("faults"))]
    async fn prepare(
        &self,
        txn: u64,
        changes: Vec<(u32, u8, String, String)>,
        lease_ms: u32,
        options: Options,
        #[zbus(connection)] bus: &zbus::Connection,
    ) -> Result<PathIndexFaults, BusError> {
        let _ = (lease_ms, options);
        self.0.changes(txn, &changes);
        let paths = changes.into_iter().map(|(_, _, path, _)| path).collect();
        self.0.prepare(bus.clone(), txn, paths).await
    }

    async fn commit(&self, txn: u64) -> Result<u32, BusError> {
        self.0.commit(txn).await
    }

    fn rollback(&self, txn: u64) {
        self.0.ends("Rollback", txn);
    }

    fn finish(&self, txn: u64) {
        self.0.ends("Finish", txn);
    }

    fn apply(&self, txn: u64) {
        self.0.ends("Apply", txn);
    }

    fn watch(&self, paths: Vec<String>, on: bool) {
        let _ = (paths, on);
    }

    fn notice(&self, what: String, options: Options) {
        let _ = options;
        self.0.noticed(&what);
    }
}
