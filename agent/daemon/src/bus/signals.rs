//! What the agent hears: changes that providers push, and names that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use cwmp_bus::names;
use cwmp_model::path::MAX_PATH;
use futures_util::StreamExt;
use tokio::sync::Notify;
use zbus::message::Type;
use zbus::{MatchRule, MessageStream};

use crate::core::{lock, Core};
use crate::provider::Stage;

/// The most names of one provider that wait to be looked at; beyond, everything it serves counts as changed.
pub(crate) const MAX_WAITING: usize = 4096;

/// What waits to be looked at, by provider.
#[derive(Debug, Default)]
struct Waiting {
    values: BTreeMap<String, BTreeSet<String>>,
    tables: BTreeMap<String, BTreeSet<String>>,
    /// Providers of which too many names came.
    flooded: BTreeSet<String>,
}

/// Listens until the bus goes away. An error is the end of the agent: who supervises it starts it again.
pub(crate) async fn listen(core: Arc<Core>) -> zbus::Result<()> {
    let bus = core.bus().clone();
    // Signals of providers are sent to us alone and need no rule at the bus; the rule here filters what arrives.
    let rule = MatchRule::builder().msg_type(Type::Signal).interface(names::PROVIDER)?.build();
    let mut changes = MessageStream::for_match_rule(rule, &bus, None).await?;
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")?
        .interface("org.freedesktop.DBus")?
        .member("NameOwnerChanged")?
        .arg0ns("org.cwmpd1.Provider")?
        .build();
    let mut owners = MessageStream::for_match_rule(rule, &bus, None).await?;
    let waiting = Arc::new(Mutex::new(Waiting::default()));
    let arrived = Arc::new(Notify::new());
    let worker = tokio::spawn(look(Arc::clone(&core), Arc::clone(&waiting), Arc::clone(&arrived)));
    loop {
        tokio::select! {
            message = changes.next() => {
                let Some(Ok(message)) = message else { break };
                note(&core, &waiting, &message);
                arrived.notify_one();
            }
            message = owners.next() => {
                let Some(Ok(message)) = message else { break };
                owner_changed(&core, &message);
            }
            () = core.stopping() => break,
        }
    }
    worker.abort();
    Ok(())
}

fn note(core: &Core, waiting: &Mutex<Waiting>, message: &zbus::Message) {
    let header = message.header();
    let Some(provider) = header.sender().and_then(|s| core.provider_of(s)) else {
        // Not the owner of a provider's name: not a provider.
        return;
    };
    let body = message.body();
    let Ok(paths) = body.deserialize::<Vec<&str>>() else { return };
    let name = provider.name().to_owned();
    // What is neither below its roots nor an object above one is not its to speak of.
    let roots = &provider.manifest.roots;
    let is_above = |p: &str| cwmp_model::path::is_partial(p) && roots.iter().any(|root| root.starts_with(p));
    let paths = paths.into_iter().filter(|p| p.len() <= MAX_PATH && (provider.covers(p) || is_above(p)));
    let paths = paths.map(str::to_owned);
    let mut waiting = lock(waiting);
    let waiting = &mut *waiting;
    let set = match header.member().map(zbus::names::MemberName::as_str) {
        Some("Changed") => waiting.values.entry(name.clone()).or_default(),
        Some("InstancesChanged") => waiting.tables.entry(name.clone()).or_default(),
        _ => return,
    };
    for path in paths {
        if set.len() >= MAX_WAITING {
            waiting.flooded.insert(name);
            break;
        }
        set.insert(path);
    }
}

/// Looks at what waits, one provider at a time.
async fn look(core: Arc<Core>, waiting: Arc<Mutex<Waiting>>, arrived: Arc<Notify>) {
    loop {
        arrived.notified().await;
        let now = std::mem::take(&mut *lock(&waiting));
        for name in now.flooded {
            tracing::warn!("provider {name} floods: everything of it that is watched is compared");
            core.catch_up(&name).await;
        }
        for (_, tables) in now.tables {
            core.rows_changed(tables.into_iter().collect()).await;
        }
        for (name, paths) in now.values {
            let (objects, mut names): (Vec<String>, Vec<String>) =
                paths.into_iter().partition(|p| cwmp_model::path::is_partial(p));
            if !objects.is_empty() {
                // A provider that speaks of objects means whatever is watched below them.
                let watched = core.watched_names(Some(&name));
                names.extend(
                    watched.into_iter().filter(|n| objects.iter().any(|o| n.starts_with(o.as_str()))),
                );
            }
            core.values_changed(names).await;
        }
    }
}

fn owner_changed(core: &Core, message: &zbus::Message) {
    let body = message.body();
    let Ok((service, old, new)) = body.deserialize::<(&str, &str, &str)>() else { return };
    let Some(name) = names::provider_of(service) else { return };
    let is_gone = match core.provider(name).and_then(|p| p.condition().owner) {
        // Also when another takes the name: what the former owner says is a provider's word no more.
        Some(owner) => owner.as_str() == old,
        None => new.is_empty(),
    };
    if is_gone {
        core.provider_lost(name, Stage::Absent, "");
    }
}
