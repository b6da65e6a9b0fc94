//! What services announce, and what the host is told of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cwmp_mapping::mapping::Rows;
use cwmp_plugin_sdk::{Host, Level};
use futures_util::stream::{select_all, SelectAll};
use futures_util::StreamExt as _;
use zbus::fdo::DBusProxy;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, Value};
use zbus::{MatchRule, Message, MessageStream};

use crate::bus::{Bus, Ready, MAX_ANSWER};
use crate::served::{Served, Trigger};

/// How long the bus may take to answer a question about itself.
const BUS_TIMEOUT: Duration = Duration::from_secs(5);
/// How many signals of a kind may wait while something else is asked: a full queue stops the whole connection.
const QUEUE: usize = 256;
/// How many rows are remembered with their objects.
pub(crate) const MAX_SEEN: usize = 16_384;

/// The rows that somebody has read: by service and object, `Device.T.3.` of a table. Only what was read can be watched.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    rows: Mutex<SeenRows>,
}

/// Tables and rows by service and object.
type SeenRows = HashMap<(usize, String), BTreeSet<(usize, String)>>;

impl Seen {
    fn lock(&self) -> MutexGuard<'_, SeenRows> {
        // Every change of it is one step.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row of a table is this object.
    pub(crate) fn note(&self, service: usize, object: &str, table: usize, row: &str) {
        let mut rows = self.lock();
        let key = (service, object.to_owned());
        if rows.len() >= MAX_SEEN && !rows.contains_key(&key) {
            rows.clear();
        }
        rows.entry(key).or_default().insert((table, row.to_owned()));
    }

    /// The rows of an object.
    fn of_object(&self, service: usize, object: &str) -> Vec<(usize, String)> {
        self.lock().get(&(service, object.to_owned())).into_iter().flatten().cloned().collect()
    }

    /// The rows of a table.
    fn of_table(&self, table: usize) -> Vec<String> {
        let rows = self.lock();
        let all = rows.values().flatten().filter(|(t, _)| *t == table).map(|(_, row)| row.clone());
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What hears the services.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) host: Host,
    pub(crate) served: Arc<Served>,
    pub(crate) seen: Arc<Seen>,
}

/// What is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    values: BTreeSet<String>,
    tables: BTreeSet<String>,
}

impl Listener {
    /// Hears until the bus is gone.
    pub(crate) async fn run(self, bus: Arc<Bus>, ready: Ready) -> Result<(), String> {
        let begun = self.begin(&bus).await;
        let (streams, proxy) = begun.map_err(|error| error.to_string())?;
        ready();
        self.listen(&bus, streams, &proxy).await;
        self.host.log(Level::Error, "nothing is heard from the bus any more");
        Ok(())
    }

    /// First the signals, then who is there: so nothing that happens between the two is missed.
    async fn begin<'a>(&self, bus: &'a Bus) -> zbus::Result<(SelectAll<MessageStream>, DBusProxy<'a>)> {
        let streams = self.subscribe(bus).await?;
        let proxy = DBusProxy::new(bus.connection()).await?;
        self.learn_activatable(bus, &proxy).await;
        let mut owners = BTreeMap::new();
        for service in &self.served.services {
            let name = zbus::names::BusName::try_from(service.name.as_str())?;
            let owner = tokio::time::timeout(BUS_TIMEOUT, proxy.get_name_owner(name)).await;
            owners.insert(&service.name, owner.ok().and_then(Result::ok));
        }
        for (name, owner) in owners {
            bus.set_owner(name, owner.as_ref().map(|o| o.as_str()));
        }
        Ok((streams, proxy))
    }

    async fn listen(&self, bus: &Bus, mut streams: SelectAll<MessageStream>, proxy: &DBusProxy<'_>) {
        while let Some(message) = streams.next().await {
            let Ok(message) = message else { continue };
            if message.body().len() > MAX_ANSWER {
                continue;
            }
            let header = message.header();
            let member = header.member().map_or("", |m| m.as_str());
            if member == "NameOwnerChanged" {
                self.owner_changed(bus, proxy, &message).await;
                continue;
            }
            let sender = header.sender().map_or("", |s| s.as_str());
            let path = header.path().map_or("", |p| p.as_str());
            let mut news = News::default();
            for (index, service) in self.served.services.iter().enumerate() {
                if bus.is_owner(&service.name, sender) {
                    self.hear(index, member, path, &message, &mut news);
                }
            }
            self.tell(&news);
        }
    }

    async fn subscribe(&self, bus: &Bus) -> zbus::Result<SelectAll<MessageStream>> {
        let mut streams = Vec::new();
        let names: BTreeSet<&str> = self.served.services.iter().map(|s| s.name.as_str()).collect();
        for name in names {
            let signal = || MatchRule::builder().msg_type(Type::Signal);
            let properties = signal()
                .sender(name)?
                .interface("org.freedesktop.DBus.Properties")?
                .member("PropertiesChanged")?
                .build();
            let objects = signal().sender(name)?.interface("org.freedesktop.DBus.ObjectManager")?.build();
            let owner = signal()
                .sender("org.freedesktop.DBus")?
                .interface("org.freedesktop.DBus")?
                .member("NameOwnerChanged")?
                .arg(0, name)?
                .build();
            for rule in [properties, objects, owner] {
                streams.push(MessageStream::for_match_rule(rule, bus.connection(), Some(QUEUE)).await?);
            }
        }
        Ok(select_all(streams))
    }

    async fn learn_activatable(&self, bus: &Bus, proxy: &DBusProxy<'_>) {
        // Without an answer what was known stays.
        if let Ok(Ok(names)) = tokio::time::timeout(BUS_TIMEOUT, proxy.list_activatable_names()).await {
            bus.set_activatable(names.into_iter().map(|n| n.to_string()).collect::<HashSet<_>>());
        }
    }

    async fn owner_changed(&self, bus: &Bus, proxy: &DBusProxy<'_>, message: &Message) {
        let body = message.body();
        let Ok((name, _, new)) = body.deserialize::<(&str, &str, &str)>() else { return };
        bus.set_owner(name, Some(new).filter(|n| !n.is_empty()));
        if new.is_empty() {
            self.learn_activatable(bus, proxy).await;
        }
        let mut news = News::default();
        for (index, service) in self.served.services.iter().enumerate().filter(|(_, s)| s.name == name) {
            // A service that ends when nobody needs it is not gone; asking it would only start it again.
            if new.is_empty() && bus.would_start(service) {
                continue;
            }
            self.everything(index, &mut news);
        }
        self.tell(&news);
    }

    /// All that a service says may be different.
    fn everything(&self, service: usize, news: &mut News) {
        for parameter in self.served.parameters.iter().filter(|p| p.service == Some(service) && p.pushed) {
            match parameter.table {
                None => drop(news.values.insert(parameter.path.clone())),
                Some(table) => self.in_all_rows(table, &parameter.path, news),
            }
        }
        let tables = self.served.tables.iter().enumerate().filter(|(_, t)| t.service == service);
        for (table, _) in tables {
            self.rows_of(table, news);
        }
    }

    fn in_all_rows(&self, table: usize, parameter: &str, news: &mut News) {
        for row in self.seen.of_table(table) {
            news.values.insert(in_row(&self.served.tables[table].path, &row, parameter));
        }
    }

    /// The concrete tables that a table of the schema is.
    fn rows_of(&self, table: usize, news: &mut News) {
        let own = &self.served.tables[table];
        let Some(inside) = own.path.strip_suffix("{i}.") else { return };
        match own.outer {
            None => drop(news.tables.insert(inside.to_owned())),
            Some(outer) => {
                for row in self.seen.of_table(outer) {
                    news.tables.insert(in_row(&self.served.tables[outer].path, &row, inside));
                }
            }
        }
    }

    fn hear(&self, service: usize, member: &str, path: &str, message: &Message, news: &mut News) {
        let body = message.body();
        match member {
            "PropertiesChanged" => {
                type Body<'a> = (&'a str, HashMap<&'a str, Value<'a>>, Vec<&'a str>);
                let Ok((interface, changed, invalid)) = body.deserialize::<Body<'_>>() else { return };
                let names: Vec<String> = changed.into_keys().chain(invalid).map(str::to_owned).collect();
                self.properties_changed(service, path, interface, &names, news);
            }
            "InterfacesAdded" => {
                type Body<'a> = (ObjectPath<'a>, HashMap<&'a str, HashMap<&'a str, Value<'a>>>);
                let Ok((object, interfaces)) = body.deserialize::<Body<'_>>() else { return };
                for (interface, properties) in interfaces {
                    let names: Vec<String> = properties.into_keys().map(str::to_owned).collect();
                    self.properties_changed(service, object.as_str(), interface, &names, news);
                    self.interface_changed(service, path, interface, news);
                }
            }
            "InterfacesRemoved" => {
                let Ok((object, interfaces)) = body.deserialize::<(ObjectPath<'_>, Vec<&str>)>() else {
                    return;
                };
                let _ = object;
                for interface in interfaces {
                    self.interface_changed(service, path, interface, news);
                }
            }
            _ => {}
        }
    }

    fn properties_changed(
        &self,
        service: usize,
        path: &str,
        interface: &str,
        names: &[String],
        news: &mut News,
    ) {
        let rows = self.seen.of_object(service, path);
        for (index, trigger) in self.served.depending(interface, names) {
            let parameter = &self.served.parameters[index];
            if parameter.service != Some(service) {
                continue;
            }
            match (trigger, parameter.table) {
                (Trigger::On(on), _) if on != path => {}
                (Trigger::On(_) | Trigger::Any, None) => drop(news.values.insert(parameter.path.clone())),
                (Trigger::On(_) | Trigger::Any, Some(table)) => {
                    self.in_all_rows(table, &parameter.path, news);
                }
                (Trigger::Row, None) => {}
                (Trigger::Row, Some(table)) => {
                    for (_, row) in rows.iter().filter(|(t, _)| *t == table) {
                        news.values.insert(in_row(&self.served.tables[table].path, row, &parameter.path));
                    }
                }
            }
        }
        for table in self.served.rows_depending(interface, names) {
            if self.served.tables[table].service == service {
                self.rows_of(table, news);
            }
        }
    }

    /// Objects of a manager came or went.
    fn interface_changed(&self, service: usize, manager: &str, interface: &str, news: &mut News) {
        for (index, table) in self.served.tables.iter().enumerate().filter(|(_, t)| t.service == service) {
            if matches!(&table.rows, Rows::Managed { manager: m, interface: i, .. } if m == manager && i == interface)
            {
                self.rows_of(index, news);
            }
        }
        for parameter in self.served.parameters.iter().filter(|p| p.service == Some(service) && p.pushed) {
            use cwmp_mapping::mapping::Source;
            if let Source::Count { manager: m, interface: i, .. } = &parameter.source {
                if m == manager && i == interface {
                    match parameter.table {
                        None => drop(news.values.insert(parameter.path.clone())),
                        Some(table) => self.in_all_rows(table, &parameter.path, news),
                    }
                }
            }
        }
    }

    fn tell(&self, news: &News) {
        for table in &news.tables {
            self.host.rows_changed(table);
        }
        if !news.values.is_empty() {
            let values: Vec<&String> = news.values.iter().collect();
            self.host.changed(&values);
        }
    }
}

/// The name of what lies in a row: `Device.T.3.Leaf` for the table `Device.T.{i}.` and `Device.T.{i}.Leaf`.
fn in_row(table: &str, row: &str, path: &str) -> String {
    format!("{row}{}", path.strip_prefix(table).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_rows_are_made() {
        assert_eq!(in_row("Device.T.{i}.", "Device.T.3.", "Device.T.{i}.A.B"), "Device.T.3.A.B");
        assert_eq!(in_row("Device.T.{i}.", "Device.T.3.", "Device.T.{i}.Sub."), "Device.T.3.Sub.");
    }

    #[test]
    fn what_is_remembered_of_rows_has_an_end() {
        let seen = Seen::default();
        for i in 0..=MAX_SEEN {
            seen.note(0, &format!("/{i}"), 0, "Device.T.1.");
        }
        assert_eq!(seen.of_object(0, "/0"), []);
        assert_eq!(seen.of_object(0, &format!("/{MAX_SEEN}")), [(0, "Device.T.1.".to_owned())]);
    }
}
