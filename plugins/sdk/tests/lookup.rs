//! A plugin whose rows have keys asks for their numbers.

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{declare, Answer, Config, Error, Host, Lookup, Name, Plugin, Row};

struct Ports {
    lookup: Lookup,
    too_early: Result<u32, Error>,
}

declare! {
    Ports, name: "ports", base: "Device.X_ACME_Ports.",
    nodes {
        object "";
        param "Uplink" string;
        table "Port.{i}.";
        param "Port.{i}.Mac" string;
    }
}

impl Plugin for Ports {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        let lookup = host.lookup()?;
        let too_early = lookup.number_of("Port.", "mac-a");
        Ok(Self { lookup, too_early })
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        for (index, name) in names.iter().enumerate() {
            let found = match name.in_row("Port.") {
                Some((number, _)) => self
                    .lookup
                    .key_of("Port.", number)
                    .and_then(|key| key.ok_or_else(|| Error::name("there is no such port"))),
                None => self
                    .lookup
                    .number_of("Device.X_ACME_Ports.Port.", "mac-b")
                    .map(|number| format!("Device.X_ACME_Ports.Port.{number}.")),
            };
            match found {
                Ok(text) => answer.value(index, text),
                Err(error) => answer.fault(index, &error),
            }
        }
    }

    fn rows(&mut self, _: Name<'_>) -> Result<Vec<Row>, Error> {
        Ok(vec![Row::keyed("mac-a"), Row::keyed("mac-b")])
    }

    fn stop(&mut self) {
        assert!(matches!(self.too_early, Err(Error::Busy(_))), "{:?}", self.too_early);
    }
}

const TABLE: &str = "Device.X_ACME_Ports.Port.";

#[test]
fn keys_and_numbers_lead_to_each_other() {
    let ports = Harness::new(&PLUGIN, "");
    ports.give_number(TABLE, "mac-a", 7);
    assert_eq!(ports.get("Device.X_ACME_Ports.Uplink").unwrap(), "Device.X_ACME_Ports.Port.8.");
    assert_eq!(ports.number_of(TABLE, "mac-b"), 8);
    assert_eq!(ports.get("Device.X_ACME_Ports.Port.7.Mac").unwrap(), "mac-a");
    assert_eq!(ports.get("Device.X_ACME_Ports.Port.9.Mac"), Err(Error::name("there is no such port")));
}

#[test]
fn while_the_agent_is_away_the_answer_is_busy() {
    let ports = Harness::new(&PLUGIN, "");
    ports.set_agent(false);
    assert!(matches!(ports.get("Device.X_ACME_Ports.Uplink"), Err(Error::Busy(_))));
    ports.set_agent(true);
    assert!(ports.get("Device.X_ACME_Ports.Uplink").is_ok());
}

/// An agent keeps the numbers: a plugin that begins again is never told that a row of before has none.
#[test]
fn the_numbers_outlive_the_plugin() {
    let ports = Harness::new(&PLUGIN, "");
    ports.give_number(TABLE, "mac-a", 7);
    let ports = ports.restart();
    assert_eq!(ports.get("Device.X_ACME_Ports.Port.7.Mac").unwrap(), "mac-a");
    let ports = ports.power_cut();
    assert_eq!(ports.get("Device.X_ACME_Ports.Port.7.Mac").unwrap(), "mac-a");
}
