//! `status`, `plugins`, `inform` and `reload`.

use std::collections::HashMap;

use cwmp_bus::names;
use serde_json::{json, Value as Json};
use zbus::zvariant::OwnedValue;

use crate::agent::{Agent, Member};
use crate::error::CtlError;
use crate::output::Output;
use crate::table::Table;
use crate::values::no_options;

const GET_ALL: Member = Member::read("org.freedesktop.DBus.Properties", "GetAll");
const INFORM: Member = Member::admin(names::AGENT, "Inform");
const RELOAD: Member = Member::admin(names::AGENT, "Reload");

/// As the agent tells them: name, state, version, cause, roots.
type Providers = Vec<(String, String, String, String, Vec<String>)>;

/// The agent's properties. One that an older agent does not have reads as empty.
#[derive(Debug)]
struct Properties(HashMap<String, OwnedValue>);

impl Properties {
    async fn read(agent: &Agent) -> Result<Self, CtlError> {
        Ok(Self(agent.call(GET_ALL, &(names::AGENT,)).await?))
    }

    fn get<T: TryFrom<OwnedValue> + Default>(&self, name: &str) -> T {
        let value = self.0.get(name).and_then(|v| v.try_clone().ok());
        value.and_then(|v| T::try_from(v).ok()).unwrap_or_default()
    }

    fn text(&self, name: &str) -> String {
        self.get(name)
    }

    fn providers(&self) -> Providers {
        self.get("Providers")
    }
}

/// Tells the agent's state.
pub(crate) async fn status(agent: &Agent, output: &Output) -> Result<(), CtlError> {
    let p = Properties::read(agent).await?;
    let events: Vec<(String, String)> = p.get("PendingEvents");
    let changes: Vec<String> = p.get("PendingChanges");
    let retries: u32 = p.get("RetryCount");
    let (manufacturer, oui, class, serial): (String, String, String, String) = p.get("Identity");
    if output.is_json() {
        let events: Vec<_> =
            events.iter().map(|(code, key)| json!({ "code": code, "commandKey": key })).collect();
        output.json(&json!({
            "version": p.text("Version"), "state": p.text("State"), "acsUrl": p.text("AcsUrl"),
            "lastInform": p.text("LastInform"), "lastResult": p.text("LastResult"),
            "nextInform": p.text("NextInform"), "retryCount": retries,
            "pendingEvents": events, "pendingChanges": changes,
            "providers": providers_json(&p.providers()), "store": p.text("Store"),
            "identity": {
                "manufacturer": manufacturer, "oui": oui, "productClass": class, "serialNumber": serial,
            },
        }))?;
        return Ok(());
    }
    let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
    let state = p.text("State");
    let mut table = Table::new(&["WHAT", "STATE"]);
    table.row(["agent", &format!("cwmpd {}, {}", or(p.text("Version"), "?"), explained(&state))]);
    table.row(["device", &[manufacturer, oui, class, serial].join(" ")]);
    table.row(["ACS", &or(p.text("AcsUrl"), "none")]);
    let result = p.text("LastResult");
    let result = if result.is_empty() { result } else { format!(", {result}") };
    table.row(["last inform", &format!("{}{result}", or(p.text("LastInform"), "never"))]);
    table.row(["next inform", &or(p.text("NextInform"), "not planned")]);
    if retries > 0 {
        table.row(["failed sessions", &retries.to_string()]);
    }
    let events: Vec<_> = events
        .into_iter()
        .map(|(code, key)| if key.is_empty() { code } else { format!("{code} ({key})") })
        .collect();
    table.row(["pending events", &or(events.join(", "), "none")]);
    table.row(["pending changes", &or(changes.join(", "), "none")]);
    table.row(["plugins", &or(summary(&p.providers()), "none")]);
    table.row(["store", &or(p.text("Store"), "?")]);
    Ok(output.table(&table)?)
}

/// A state in words, with what to do about it.
fn explained(state: &str) -> String {
    match state {
        "waiting" => "waiting to try again (cwmpctl inform tries now)".to_owned(),
        "session" => "in session with the ACS".to_owned(),
        "disabled" => "disabled: Device.ManagementServer.EnableCWMP is false, or its URL is empty".to_owned(),
        "unidentified" => {
            "does not inform until the identity is complete, see /etc/cwmpd/identity.toml".to_owned()
        }
        other => other.to_owned(),
    }
}

/// How many plugins are in each state.
fn summary(providers: &Providers) -> String {
    let mut states: Vec<(&str, usize)> = Vec::new();
    for (_, state, ..) in providers {
        match states.iter_mut().find(|(name, _)| name == state) {
            Some((_, count)) => *count += 1,
            None => states.push((state, 1)),
        }
    }
    states.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
}

fn providers_json(providers: &Providers) -> Json {
    let one = |(name, state, version, cause, roots): &(String, String, String, String, Vec<String>)| json!({ "name": name, "state": state, "version": version, "cause": cause, "roots": roots });
    Json::Array(providers.iter().map(one).collect())
}

/// Lists the plugins.
pub(crate) async fn plugins(agent: &Agent, output: &Output) -> Result<(), CtlError> {
    let providers = Properties::read(agent).await?.providers();
    if output.is_json() {
        output.json(&json!({ "plugins": providers_json(&providers) }))?;
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "STATE", "VERSION", "CAUSE", "ROOTS"]);
    for (name, state, version, cause, roots) in &providers {
        let roots = roots.join(" ");
        table.row([name.as_str(), state, version, cause, &roots]);
    }
    if providers.is_empty() {
        output.remark("there are no plugins: manifests are in /usr/lib/cwmpd/plugins");
    }
    Ok(output.table(&table)?)
}

/// Opens a session with the ACS.
pub(crate) async fn inform(agent: &Agent, output: &Output) -> Result<(), CtlError> {
    let () = agent.call(INFORM, &(no_options(),)).await?;
    if output.is_json() {
        return Ok(output.json(&json!({ "status": "requested" }))?);
    }
    Ok(output.line("requested; cwmpctl status tells how it went")?)
}

/// Reads configuration and manifests again.
pub(crate) async fn reload(agent: &Agent, output: &Output) -> Result<(), CtlError> {
    let () = agent.call(RELOAD, &()).await?;
    if output.is_json() {
        return Ok(output.json(&json!({ "status": "reloaded" }))?);
    }
    Ok(output.line("reloaded")?)
}
