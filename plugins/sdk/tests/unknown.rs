//! What only the device can say is not made up: a number that nobody gave is left out, not zero.

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{declare, Config, Error, Host, Object, Plugin, Rows, Serve, Settings, Wanted};

#[derive(Object)]
#[object("Device.X_ACME_Meter.")]
struct Meter {
    #[param(writable)]
    enable: bool,
    watts: Option<u32>,
    #[param("default=3")]
    phases: Option<u32>,
}

#[derive(Object)]
#[object("Device.X_ACME_Meter.Line.{i}.", writable)]
struct Line {
    volts: Option<u32>,
    #[param(writable)]
    limit: Option<u32>,
}

struct Meters(Settings);

declare! { Meters, name: "meters", base: "Device.X_ACME_Meter.", objects { Meter, Line } }

impl Plugin for Meters {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Settings::load(&host).map(Self)
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.0)
    }
}

impl Serve<Meter> for Meters {}

impl Serve<Line> for Meters {
    fn read(&mut self, kept: Rows<Line>, _: &Wanted<'_>) -> Result<Rows<Line>, Error> {
        let own = kept.of(7);
        let mut rows: Rows<Line> = kept.into_iter().collect();
        rows.push(7, own);
        Ok(rows)
    }
}

#[test]
fn what_is_kept_has_no_value_that_only_the_device_can_give() {
    let mut meters = Harness::new(&PLUGIN, "{}");
    meters.add("Device.X_ACME_Meter.Line.1.").unwrap();
    for unknown in ["Watts", "Line.1.Volts", "Line.7.Volts"] {
        let value = meters.get(&format!("Device.X_ACME_Meter.{unknown}"));
        assert!(matches!(value, Err(Error::Name(_))), "{unknown}: {value:?}");
    }
    for (known, value) in [("Enable", "false"), ("Phases", "3"), ("Line.1.Limit", "0"), ("Line.7.Limit", "0")]
    {
        assert_eq!(meters.get(&format!("Device.X_ACME_Meter.{known}")).unwrap(), value, "{known}");
    }
}
