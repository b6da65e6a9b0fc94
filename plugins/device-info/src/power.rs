//! Power sensors: the chips of hwmon that measure power, or current and voltage.

use cwmp_plugin_sdk::{Answer, DateTime, Error, Row};

use crate::files::Files;

pub(crate) const TABLE: &str = "PowerStatus.PowerSensor.";
const FOLDER: &str = "sys/class/hwmon";
/// The most sensors that are told.
pub(crate) const MAX_SENSORS: usize = 64;

/// The sensors that there are. Their order changes from boot to boot, so a row is recognised by its name and by the
/// device that it belongs to.
pub(crate) fn rows(files: &Files) -> Vec<Row> {
    // A machine without the folder has no sensors.
    let chips = files.numbered(FOLDER, "hwmon").unwrap_or_default();
    let keys = chips.into_iter().filter_map(|chip| key(files, chip));
    keys.take(MAX_SENSORS).map(Row::keyed).collect()
}

fn key(files: &Files, chip: u32) -> Option<String> {
    let at = format!("{FOLDER}/hwmon{chip}");
    let measures = |what: &str| files.path(&format!("{at}/{what}_input")).exists();
    let is_one = measures("power1") || (measures("curr1") && measures("in1"));
    if !is_one {
        return None;
    }
    let name = files.read(&format!("{at}/name")).ok()?;
    let device = std::fs::read_link(files.path(&format!("{at}/device"))).unwrap_or_default();
    let device = device.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
    Some(format!("{} {device}", name.trim()).trim_end().chars().take(200).collect())
}

/// Answers a parameter of the sensor with this key.
pub(crate) fn answer(
    files: &Files,
    sensor: &str,
    i: usize,
    leaf: &str,
    answer: &mut Answer<'_>,
) -> Result<(), Error> {
    let chips = files.numbered(FOLDER, "hwmon").unwrap_or_default();
    let chip = chips.into_iter().find(|chip| key(files, *chip).as_deref() == Some(sensor));
    let chip = chip.ok_or_else(|| Error::name(format!("there is no power sensor {sensor}")))?;
    let number = |what: &str| -> Result<i64, Error> {
        let file = format!("{FOLDER}/hwmon{chip}/{what}_input");
        if !files.path(&file).exists() {
            return Err(Error::name(format!("the sensor measures no {what}")));
        }
        let text = files.read(&file)?;
        text.trim().parse().map_err(|_| Error::internal(format!("/{file} is no number")))
    };
    let whole = |n: i64| i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX });
    match leaf {
        "Name" => answer.value(i, sensor),
        // The kernel tells millionths of a watt, and thousandths of the others.
        "Power" => match number("power1") {
            Err(Error::Name(_)) => answer.value(i, whole(number("curr1")? * number("in1")? / 1_000)),
            power => answer.value(i, whole((power? + 500).div_euclid(1_000))),
        },
        "Current" => answer.value(i, whole(number("curr1")?)),
        "Voltage" => answer.value(i, whole(number("in1")?)),
        "Status" => {
            let works = number("power1").or_else(|_| number("curr1")).is_ok();
            answer.value(i, if works { "Enabled" } else { "Error" });
        }
        "LastUpdate" => answer.value(i, DateTime::now()),
        _ => return Err(Error::name(format!("a power sensor has no {leaf}"))),
    }
    Ok(())
}
