//! Connection requests: the port is open while the settings want it, and its URL is told to the ACS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cwmp_net::{Credentials, Gatekeeper, Listener, Url};
use cwmp_session::connection_request::Admission;
use cwmp_store::Op;

use crate::core::{lock, Core};
use crate::local;

/// The fact of the path that is hard to guess.
pub(super) const PATH: &str = "connection_request_path";
/// How long the agent tries again to open the port when it cannot.
const RETRY: Duration = Duration::from_secs(30);
/// How long the host of the ACS may take to resolve before our own address is guessed without it.
const RESOLVE_WAIT: Duration = Duration::from_millis(500);

/// Who is let in.
struct Gate(Arc<Core>);

impl Gatekeeper for Gate {
    fn credentials(&self) -> Option<Credentials> {
        let core = &self.0;
        if core.identity.is_err() || !core.truth(local::ENABLE_CWMP) {
            return None;
        }
        let username = core.setting(local::CR_USERNAME);
        let password = core.setting(local::CR_PASSWORD);
        // Without a name nobody can prove to be the ACS.
        (!username.is_empty()).then_some(Credentials { username, password })
    }

    fn admit(&self) -> bool {
        let core = &self.0;
        let now = core.clock.steady().as_secs_f64();
        let admission = lock(&core.gate).request(now);
        match admission {
            Admission::Accept => {
                tracing::info!("connection request accepted");
                core.connection_request();
                true
            }
            Admission::Joined => true,
            Admission::Busy => false,
        }
    }

    fn document(&self, name: &str) -> Option<Bytes> {
        self.0.device_type_document(name).map(Bytes::from)
    }
}

/// Serves connection requests while the settings want it; reopens when they change.
pub(crate) async fn serve(core: Arc<Core>) {
    let mut settings = core.settings.subscribe();
    loop {
        settings.borrow_and_update();
        let wanted = core.truth(local::CR_ENABLE);
        let opened = if wanted { open(&core).await } else { None };
        match opened {
            Some(listener) => {
                let port = listener.port();
                core.note(|s| s.connection_request_port = Some(port));
                publish(&core, None).await;
                tell_tried(&core).await;
                tokio::select! {
                    () = listener.serve(Arc::new(Gate(Arc::clone(&core)))) => {}
                    () = unwanted(&core, &mut settings) => {}
                    () = core.stopping() => return,
                }
                core.note(|s| s.connection_request_port = None);
            }
            None => {
                publish(&core, None).await;
                tell_tried(&core).await;
                tokio::select! {
                    _ = settings.changed() => {}
                    () = tokio::time::sleep(RETRY), if wanted => {}
                    () = core.stopping() => return,
                }
            }
        }
    }
}

/// Waits until the port was opened, or could not be.
pub(super) async fn tried(core: &Core) {
    let mut tried = core.listener_tried.subscribe();
    tokio::select! {
        // The sender lives as long as the core.
        _ = tried.wait_for(|tried| *tried) => {}
        () = core.stopping() => {}
    }
}

/// The first time: the URL is what it will be, and is compared with what the ACS knows from before this start (C133).
async fn tell_tried(core: &Core) {
    if !core.listener_tried.send_replace(true) {
        core.values_changed(vec![local::CR_URL.to_owned()]).await;
    }
}

/// Waits until the settings want no port any more.
async fn unwanted(core: &Core, settings: &mut tokio::sync::watch::Receiver<u64>) {
    // The sender lives as long as the core.
    while settings.changed().await.is_ok() {
        if !core.truth(local::CR_ENABLE) {
            return;
        }
    }
}

async fn open(core: &Core) -> Option<Listener> {
    let config = &core.config.connection_request;
    let address = config.listen;
    match Listener::bind(address, config.port, path(core).await).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::error!("connection requests: cannot listen on {address}:{}: {error}", config.port);
            None
        }
    }
}

/// The path of the URL; it stays the same, so that the ACS need not hear of a new one with every start.
async fn path(core: &Core) -> String {
    if let Some(path) = core.persist.read().meta.get(PATH) {
        return path.clone();
    }
    let path = cwmp_net::random_path();
    core.persist.commit(vec![Op::PutMeta { key: PATH.into(), value: path.clone() }]).await;
    path
}

/// A session opens: requests that came before are served by it.
pub(super) fn session_opens(core: &Core) {
    lock(&core.gate).session_opens();
}

/// Before a session: the address that faces this ACS may be another than before (C183).
pub(super) async fn refresh_url(core: &Core, acs: &Url) {
    publish(core, Some(acs)).await;
}

/// Makes the URL of what listens now. A URL that changed is compared like any other value.
async fn publish(core: &Core, acs: Option<&Url>) {
    let port = lock(&core.status).connection_request_port;
    let config = &core.config.connection_request;
    let url = match port {
        None => String::new(),
        Some(port) => {
            let host = if config.host.is_empty() {
                let own;
                let url = match acs {
                    Some(url) => Some(url),
                    None => {
                        own = Url::parse(&core.setting(local::URL)).ok();
                        own.as_ref()
                    }
                };
                facing(url, config.listen).await
            } else {
                config.host.clone()
            };
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let path = path(core).await;
            format!("http://{host}:{port}{path}")
        }
    };
    let changed = {
        let mut status = lock(&core.status);
        let changed = status.connection_request_url != url;
        status.connection_request_url = url;
        changed
    };
    if changed {
        core.values_changed(vec![local::CR_URL.to_owned()]).await;
    }
}

/// Our address on the way to the ACS. No packet is sent for it.
async fn facing(acs: Option<&Url>, listen: IpAddr) -> String {
    if !listen.is_unspecified() {
        return listen.to_string();
    }
    let guess = async {
        let acs = acs?;
        let mut addresses = tokio::net::lookup_host((acs.host.as_str(), acs.port)).await.ok()?;
        let target: SocketAddr = addresses.next()?;
        let any: SocketAddr =
            if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = std::net::UdpSocket::bind(any).ok()?;
        socket.connect(target).ok()?;
        socket.local_addr().ok().map(|a| a.ip())
    };
    match tokio::time::timeout(RESOLVE_WAIT, guess).await {
        Ok(Some(address)) => address.to_string(),
        _ => "127.0.0.1".to_owned(),
    }
}
