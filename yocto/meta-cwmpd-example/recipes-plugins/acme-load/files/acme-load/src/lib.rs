// SPDX-License-Identifier: Apache-2.0
//! The load of the machine, and whether it is above a limit.
#![forbid(unsafe_code)]

use cwmp_plugin_sdk::{declare, Config, Error, Host, Object, Plugin, Serve, Settings, Wanted};

#[derive(Object)]
#[object("Device.X_ACME_Load.")]
struct Load {
    one_minute: f64,
    #[param(writable, "default=2")]
    limit: f64,
    high: bool,
}

struct Loads(Settings);

declare! { Loads, name: "acme_load", base: "Device.X_ACME_Load.", objects { Load } }

impl Plugin for Loads {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Settings::load(&host).map(Self)
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.0)
    }
}

impl Serve<Load> for Loads {
    fn read(&mut self, kept: Load, _: &Wanted<'_>) -> Result<Load, Error> {
        let one_minute = one_minute()?;
        Ok(Load {
            one_minute,
            high: one_minute > kept.limit,
            ..kept
        })
    }
}

fn one_minute() -> Result<f64, Error> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.ok_or_else(|| Error::internal("/proc/loadavg does not begin with a number"))
}
