//! Calls of the agent's `org.cwmpd1.Registry`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use cwmp_bus::names;
use tokio::time::timeout;
use zbus::zvariant::Structure;
use zbus::{Connection, Message};

/// How long the agent may take to answer a call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer of the agent; nothing if there is none in time.
pub(crate) type Answer = Option<zbus::Result<Message>>;

/// A call under way.
type Calling<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Calls a method with these arguments.
///
/// All calls are one function with one type of arguments, on the heap: async code is compiled once for each type and into each of its
/// callers, and none of these calls is frequent.
pub(crate) fn call<'a>(
    bus: &'a Connection,
    method: &'static str,
    arguments: impl Into<Structure<'a>>,
) -> Calling<'a> {
    send(bus, method, arguments.into())
}

fn send<'a>(bus: &'a Connection, method: &'static str, arguments: Structure<'a>) -> Calling<'a> {
    Box::pin(async move {
        let call =
            bus.call_method(Some(names::SERVICE), names::PATH, Some(names::REGISTRY), method, &arguments);
        timeout(CALL_TIMEOUT, call).await.ok()
    })
}
