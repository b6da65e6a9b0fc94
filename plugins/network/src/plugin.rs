//! The plugin: reads from the view, changes through the settings.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cwmp_plugin_sdk::{
    Answer, Change, ChangeFault, Config, DateTime, Effect, Error, Host, Name, Notice, Op, Plugin, Row,
    Settings, Txn,
};

use crate::facts::{prefix_of, Counters, Lifetime};
use crate::files::Files;
use crate::lease::{Client, Dhclient, Networkd, Udhcpc};
use crate::monitor::Monitor;
use crate::netlink::Netlink;
use crate::network::{Network, Places};
use crate::stats;
use crate::table::{find, find_table, Key, RowId, Table};
use crate::value::Value;
use crate::view::View;
use crate::wish::{Reader, Reference, KEYS};

/// The plugin.
#[derive(Debug)]
pub(crate) struct NetworkPlugin {
    network: Arc<Network>,
    monitor: Option<Monitor>,
}

impl Plugin for NetworkPlugin {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        config.only(&["root", "resolv_conf", "udhcpc", "dhclient", "networkd", "host_leases"])?;
        let files = Files::new(config.text("root")?.unwrap_or("/"));
        let place = |key: &str, usual: &str| -> Result<_, Error> {
            Ok(config.text(key)?.map_or_else(|| files.path(usual), std::path::PathBuf::from))
        };
        let clients: Vec<Box<dyn Client>> = vec![
            Box::new(Udhcpc::new(place("udhcpc", "/run/udhcpc")?)),
            Box::new(Dhclient::new(place("dhclient", "/var/lib/dhcp")?)),
            Box::new(Networkd::new(place("networkd", "/run/systemd/netif/leases")?)),
        ];
        let places = Places {
            resolv: place("resolv_conf", "/etc/resolv.conf")?,
            host_leases: place("host_leases", "/var/lib/misc/dnsmasq.leases")?,
            clients,
            files,
        };
        let settings = Settings::load(&host)?;
        settings.add_row("Routing.Router.1.")?;
        let network = Arc::new(Network::new(&host, &settings, Box::new(Netlink::open()?), places));
        Ok(Self { network, monitor: None })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.network.settings)
    }

    fn start(&mut self) -> Result<(), Error> {
        self.monitor = Some(Monitor::start(&self.network)?);
        Ok(())
    }

    fn stop(&mut self) {
        self.monitor = None;
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        let view = match self.network.view() {
            Ok(view) => view,
            Err(error) => return (0..names.len()).for_each(|i| answer.fault(i, &error)),
        };
        let mut reading =
            Reading { network: &self.network, view, rows: HashMap::new(), counters: OnceCell::new() };
        for (i, name) in names.iter().enumerate() {
            if let Err(error) = reading.answer(i, *name, answer) {
                answer.fault(i, &error);
            }
        }
    }

    fn rows(&mut self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        let view = self.network.view()?;
        let found = find_table(table.relative(), &self.network.numbers, &view)?;
        let (kind, above) = found.ok_or_else(|| no_such(table))?;
        if let Some((row, _)) = find(table.relative(), &self.network.numbers, &view)? {
            view.rows.get(&row).ok_or_else(|| no_such(table))?;
        }
        let row = |(id, row): (&RowId, &crate::view::Row)| Row {
            deletable: row.deletable,
            read_only: row.read_only,
            ..match &id.key {
                Key::Number(number) => Row::numbered(*number),
                Key::Text(key) => Row::keyed(key),
            }
        };
        Ok(view.rows_of(kind, above.as_ref()).map(row).collect())
    }

    fn check(&mut self, change: &Change<'_>) -> Result<(), Error> {
        let name = change.name;
        let view = self.network.view()?;
        let found = find(name.relative(), &self.network.numbers, &view)?;
        let Some((row, leaf)) = found else { return Ok(()) };
        // A row that the ACS adds comes into a table of a row that is there.
        let stands_in = match (&row.above, row.table) {
            (Some(key), Table::Ipv4Address | Table::Ipv6Address) => {
                Some(RowId { table: Table::IpInterface, above: None, key: key.clone() })
            }
            _ => None,
        };
        if stands_in.is_some_and(|above| !view.rows.contains_key(&above)) {
            return Err(no_such(name));
        }
        let of_the_device = match row.table {
            Table::EthernetInterface | Table::IpInterface => None,
            _ => Some(matches!(row.key, Key::Text(_))),
        };
        match of_the_device {
            None if !view.rows.contains_key(&row) => return Err(no_such(name)),
            Some(true) if change.op == Op::Delete => {
                return Err(Error::denied(format!("{} is of the device and cannot be deleted", name.full())))
            }
            Some(true) => {
                return Err(Error::not_writable(format!(
                    "{} is of the device and cannot be set",
                    name.full()
                )))
            }
            _ => {}
        }
        if change.op != Op::Set {
            return Ok(());
        }
        match leaf {
            "MaxMTUSize" => self.check_mtu(&row, change),
            "SubnetMask" | "DestSubnetMask" => {
                let mask = change.value.parse().ok().and_then(prefix_of);
                check(mask.is_some() || change.value.is_empty(), change, "no mask of a network")
            }
            "IPAddress" if row.table == Table::Ipv6Address => check_ip(change, IpAddr::is_ipv6),
            "NextHop" => check_ip(change, IpAddr::is_ipv6),
            "DNSServer" => check_ip(change, |_| true),
            "DestIPPrefix" => {
                let parts = change.value.split_once('/');
                let good = parts.is_some_and(|(ip, length)| {
                    ip.parse::<std::net::Ipv6Addr>().is_ok() && length.parse::<u8>().is_ok_and(|n| n <= 128)
                });
                check(good || change.value.is_empty(), change, "no prefix of IPv6")
            }
            "Interface" => {
                check(self.reader().reference(change.value) != Reference::Nothing, change, "no IP interface")
            }
            _ => Ok(()),
        }
    }

    fn prepare(&mut self, txn: &Txn<'_>, changes: &[Change<'_>]) -> Result<(), Vec<ChangeFault>> {
        let mut faults = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            if let Err(error) = self.check(change).and_then(|()| self.make_room(change)) {
                faults.push(ChangeFault { index, error });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.network.settings.prepare(txn.id, changes)
    }

    fn put_in_force(&mut self, _: &[String]) -> Result<Effect, Error> {
        self.network.enforce()?;
        Ok(Effect::Now)
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Error> {
        if notice == Notice::FactoryReset {
            for key in self.network.host.store_list(KEYS)? {
                self.network.host.store_delete(&key)?;
            }
            self.network.settings.add_row("Routing.Router.1.")?;
            self.network.enforce()?;
        }
        Ok(())
    }
}

impl NetworkPlugin {
    fn reader(&self) -> Reader<'_> {
        Reader { host: &self.network.host, settings: &self.network.settings, numbers: &self.network.numbers }
    }

    /// Rows of the device that get settings have a place among the settings, and their keys are remembered.
    fn make_room(&self, change: &Change<'_>) -> Result<(), Error> {
        let name = change.name.relative();
        for table in ["Ethernet.Interface.", "IP.Interface."] {
            if let Some((number, _)) = cwmp_plugin_sdk::split_row(name, table) {
                self.remember(&format!("{table}{number}."))?;
            }
        }
        if change.op == Op::Set && name.ends_with(".Interface") && !change.value.is_empty() {
            let row = change.value.trim_start_matches("Device.").trim_end_matches('.');
            self.remember(&format!("{row}."))?;
        }
        Ok(())
    }

    fn remember(&self, row: &str) -> Result<(), Error> {
        let view = self.network.view()?;
        let found = find(row, &self.network.numbers, &view)?;
        if let Some((RowId { key: Key::Text(key), .. }, _)) = found {
            self.network.settings.add_row(row)?;
            self.reader().keep_key(row, &key)?;
        }
        Ok(())
    }

    fn check_mtu(&self, row: &RowId, change: &Change<'_>) -> Result<(), Error> {
        let mtu: u32 = change.value()?;
        let (low, high) = self.network.mtu_range(row);
        let good = mtu >= low && (high == 0 || mtu <= high);
        check(good, change, &format!("not between {low} and {high}, as the device wants it"))
    }
}

fn check(good: bool, change: &Change<'_>, why: &str) -> Result<(), Error> {
    if good {
        return Ok(());
    }
    Err(Error::value(format!("'{}' is {why}", change.value)))
}

fn check_ip(change: &Change<'_>, fits: impl Fn(&IpAddr) -> bool) -> Result<(), Error> {
    let good = change.value.parse().is_ok_and(|ip| fits(&ip));
    check(good || change.value.is_empty(), change, "no address that fits here")
}

fn no_such(name: Name<'_>) -> Error {
    Error::name(format!("there is no {}", name.full()))
}

/// What one request has found.
struct Reading<'a> {
    network: &'a Network,
    view: Arc<View>,
    /// The rows that objects belong to, with what follows the row in the object's name.
    rows: HashMap<String, Result<Option<(RowId, String)>, Error>>,
    counters: OnceCell<Result<HashMap<u32, Counters>, Error>>,
}

impl Reading<'_> {
    fn answer(&mut self, i: usize, name: Name<'_>, answer: &mut Answer<'_>) -> Result<(), Error> {
        if let Some(value) = self.view.single.get(name.relative()) {
            return self.value(i, value, answer);
        }
        let at = name.relative().rfind('.').map_or(0, |dot| dot + 1);
        let (object, leaf) = name.relative().split_at(at);
        let view = Arc::clone(&self.view);
        let (id, below) = self.row(object)?.ok_or_else(|| no_such(name))?;
        let row = view.rows.get(&id).ok_or_else(|| no_such(name))?;
        match (below.as_str(), row.values.get(leaf), row.link) {
            ("", Some(value), _) => self.value(i, value, answer),
            ("Stats.", _, Some(link)) => {
                // A device that went since is a row that is gone.
                let counters = self.counters()?.get(&link).copied().ok_or_else(|| no_such(name))?;
                stats::answer(i, leaf, &counters, answer)
            }
            _ => Err(no_such(name)),
        }
    }

    fn row(&mut self, object: &str) -> Result<Option<(RowId, String)>, Error> {
        if let Some(found) = self.rows.get(object) {
            return found.clone();
        }
        let found = find(object, &self.network.numbers, &self.view);
        let found = found.map(|found| found.map(|(id, below)| (id, below.to_owned())));
        self.rows.insert(object.to_owned(), found.clone());
        found
    }

    fn counters(&self) -> Result<&HashMap<u32, Counters>, Error> {
        let all = self.counters.get_or_init(|| Ok(self.network.kernel.counters()?.into_iter().collect()));
        all.as_ref().map_err(Clone::clone)
    }

    fn value(&self, i: usize, value: &Value, answer: &mut Answer<'_>) -> Result<(), Error> {
        let files = &self.network.places.files;
        match value {
            Value::Text(text) => answer.value(i, &**text),
            Value::Flag(flag) => answer.value(i, *flag),
            Value::Unsigned(number) => answer.value(i, *number),
            Value::Int(number) => answer.value(i, *number),
            Value::Moment(moment) => answer.value(i, *moment),
            Value::Rows(rows) => {
                let path = |row: &RowId| {
                    let path = row.path(&self.network.numbers)?;
                    Ok(format!("Device.{}", path.trim_end_matches('.')))
                };
                let there = rows.iter().filter(|row| self.view.rows.contains_key(row));
                let paths = there.map(path).collect::<Result<Vec<_>, Error>>()?;
                answer.value(i, paths.join(","));
            }
            Value::Since(moment) => {
                let seconds = moment.map_or(0, |moment| moment.elapsed().as_secs());
                answer.value(i, u32::try_from(seconds).unwrap_or(u32::MAX));
            }
            Value::Ends(end) => answer.value(i, end.map_or(DateTime::UNKNOWN, end_of)),
            Value::Bound(end) => answer.value(i, if seconds_left(*end) == 0 { "Init" } else { "Bound" }),
            Value::Left(end) => answer.value(i, end.map_or(0, seconds_left)),
            Value::Number(file) => {
                let number = files.word(file).and_then(|word| word.parse::<u32>().ok());
                answer.value(i, number.unwrap_or(0));
            }
            Value::Duplex(file) => answer.value(
                i,
                match files.word(file).as_deref() {
                    Some("full") => "Full",
                    Some("half") => "Half",
                    _ => "Unknown",
                },
            ),
            Value::Off(file) => answer.value(i, files.word(file).as_deref() == Some("0")),
            Value::Enabled(file) => {
                let off = files.word(file).as_deref() != Some("0");
                answer.value(i, if off { "Disabled" } else { "Enabled" });
            }
        }
        Ok(())
    }
}

/// The end of the calendar stands for no end.
const NEVER: i64 = 253_402_300_799;

fn end_of(lifetime: Lifetime) -> DateTime {
    let Lifetime::Seconds(seconds, from) = lifetime else { return DateTime::from_unix(NEVER) };
    let left = Duration::from_secs(u64::from(seconds)).saturating_sub(from.elapsed());
    let end = (SystemTime::now() + left).duration_since(UNIX_EPOCH).unwrap_or_default();
    DateTime::from_unix(i64::try_from(end.as_secs()).unwrap_or(NEVER))
}

fn seconds_left(lifetime: Lifetime) -> i32 {
    let Lifetime::Seconds(seconds, from) = lifetime else { return -1 };
    let left = u64::from(seconds).saturating_sub(from.elapsed().as_secs());
    i32::try_from(left).unwrap_or(i32::MAX)
}
