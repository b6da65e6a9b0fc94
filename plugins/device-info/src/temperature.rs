//! Temperature sensors: the thermal zones of the kernel.

use std::collections::HashMap;

use cwmp_plugin_sdk::{Answer, DateTime, Error};

use crate::files::Files;
use crate::reading::Reading;

pub(crate) const TABLE: &str = "TemperatureStatus.TemperatureSensor.";
const FOLDER: &str = "sys/class/thermal";
/// What the standard says when there is no good reading.
const NO_READING: i32 = -274;

/// The last good readings.
#[derive(Debug, Default)]
pub(crate) struct Sensors {
    last: HashMap<u32, (i32, DateTime)>,
}

impl Sensors {
    pub(crate) fn reset(&mut self, row: u32) {
        self.last.remove(&row);
    }

    pub(crate) fn answer(
        &mut self,
        i: usize,
        row: u32,
        leaf: &str,
        enabled: bool,
        reading: &Reading<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Error> {
        let name = name(reading.files(), row)?;
        if leaf == "Name" {
            answer.value(i, name);
            return Ok(());
        }
        let fresh = enabled.then(|| reading.temperature(row));
        if let Some(Ok(degrees)) = &fresh {
            self.last.insert(row, (*degrees, DateTime::now()));
        }
        let (value, moment) = self.last.get(&row).copied().unwrap_or((NO_READING, DateTime::UNKNOWN));
        match (leaf, fresh) {
            ("Status", None) => answer.value(i, "Disabled"),
            ("Status", Some(Ok(_))) => answer.value(i, "Enabled"),
            ("Status", Some(Err(_))) => answer.value(i, "Error"),
            ("Value", _) => answer.value(i, value),
            ("LastUpdate", _) => answer.value(i, moment),
            _ => return Err(Error::name(format!("a sensor has no {leaf}"))),
        }
        Ok(())
    }
}

/// The rows of the zones that there are: zone 0 is row 1.
pub(crate) fn list(files: &Files) -> Vec<u32> {
    // A machine without the folder has no sensors.
    let zones = files.numbered(FOLDER, "thermal_zone").unwrap_or_default();
    zones.into_iter().filter_map(|zone| zone.checked_add(1)).collect()
}

/// The temperature in whole degrees; the kernel tells thousandths.
pub(crate) fn read(files: &Files, row: u32) -> Result<i32, Error> {
    let text = files.read(&format!("{FOLDER}/thermal_zone{}/temp", row.wrapping_sub(1)))?;
    let thousandths: i32 =
        text.trim().parse().map_err(|_| Error::internal("a temperature that is no number"))?;
    let degrees = (thousandths + 500).div_euclid(1_000);
    if degrees <= NO_READING {
        return Err(Error::internal("a temperature below all others"));
    }
    Ok(degrees)
}

/// The kind of the zone and its number, as kinds occur more than once.
fn name(files: &Files, row: u32) -> Result<String, Error> {
    let zone = row.wrapping_sub(1);
    let kind = files.read(&format!("{FOLDER}/thermal_zone{zone}/type"));
    let kind = kind.map_err(|_| Error::name(format!("there is no thermal zone {zone}")))?;
    Ok(format!("{} {zone}", kind.trim().chars().take(240).collect::<String>()))
}
