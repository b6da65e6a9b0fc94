//! What smartctl says, in JSON; see its manual page.

use std::collections::HashMap;

use serde::Deserialize;

use crate::back_end::Failure;
use crate::facts::Health;

/// What it is called in messages for people.
pub(super) const PROGRAM: &str = "smartctl";

/// The attributes of ATA, by their numbers; what is behind a number is a matter of the maker, but not of these.
mod attribute {
    pub(super) const READ_ERRORS: u64 = 1;
    pub(super) const REALLOCATED: u64 = 5;
    pub(super) const SPIN_RETRIES: u64 = 10;
    pub(super) const REPORTED_UNCORRECTABLE: u64 = 187;
    pub(super) const REALLOCATION_EVENTS: u64 = 196;
    pub(super) const PENDING: u64 = 197;
    pub(super) const OFFLINE_UNCORRECTABLE: u64 = 198;
    pub(super) const WRITE_ERRORS: u64 = 200;
}

/// An answer. All of it may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    smartctl: Program,
    smart_support: Option<Support>,
    smart_status: Option<Status>,
    temperature: Temperature,
    power_on_time: Time,
    power_cycle_count: Option<u64>,
    scsi_start_stop_cycle_counter: Cycles,
    ata_smart_attributes: Attributes,
    nvme_smart_health_information_log: Option<Nvme>,
    scsi_grown_defect_list: Option<u64>,
    scsi_error_counter_log: HashMap<String, Counters>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Program {
    messages: Vec<Message>,
    exit_status: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    string: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Support {
    available: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    passed: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Temperature {
    current: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Time {
    hours: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cycles {
    accumulated_start_stop_cycles: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    table: Vec<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    id: u64,
    raw: Raw,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    value: u64,
    string: String,
}

impl Raw {
    /// Some makers pack several numbers in one, and smartctl knows which come first: `12 (0 3)`.
    fn number(&self) -> u64 {
        let first = self.string.split(|c: char| !c.is_ascii_digit()).next();
        first.and_then(|digits| digits.parse().ok()).unwrap_or(self.value)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nvme {
    temperature: Option<i64>,
    available_spare: Option<u32>,
    power_cycles: Option<u64>,
    power_on_hours: Option<u64>,
    media_errors: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counters {
    total_uncorrected_errors: Option<u64>,
}

/// Reads an answer.
pub(super) fn read(text: &[u8]) -> Result<Answer, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::Nonsense(PROGRAM, error.to_string()))
}

/// What it ends with when the drive sleeps, as we ask it to.
const SLEEPS: u64 = 3;

impl Answer {
    /// Whether it does not know the box that the disk is in.
    pub(super) fn wants_sat(&self) -> bool {
        self.smartctl.messages.iter().any(|message| message.string.contains("Unknown USB bridge"))
    }

    /// What matters of it.
    pub(super) fn health(&self) -> Health {
        let nvme = self.nvme_smart_health_information_log.as_ref();
        let standby = self.smartctl.exit_status == SLEEPS;
        let raw = |id: u64| {
            self.ata_smart_attributes
                .table
                .iter()
                .find(|attribute| attribute.id == id)
                .map(|a| a.raw.number())
        };
        let errors = |of: &str| self.scsi_error_counter_log.get(of).and_then(|c| c.total_uncorrected_errors);
        let celsius = self.temperature.current.or(nvme.and_then(|nvme| nvme.temperature));
        let told =
            self.smart_status.is_some() || nvme.is_some() || !self.ata_smart_attributes.table.is_empty();
        let capable = self.smart_support.as_ref().is_some_and(|support| support.available) || told;
        // Boxes of USB say 0, whatever they hold.
        let celsius = celsius.filter(|_| capable);
        Health {
            capable,
            passed: self.smart_status.as_ref().and_then(|status| status.passed),
            power_on_hours: self.power_on_time.hours.or(nvme.and_then(|nvme| nvme.power_on_hours)),
            power_cycles: self
                .power_cycle_count
                .or(nvme.and_then(|nvme| nvme.power_cycles))
                .or(self.scsi_start_stop_cycle_counter.accumulated_start_stop_cycles),
            // Below zero nobody has a number for it.
            temperature: celsius.and_then(|celsius| u32::try_from(celsius).ok()),
            reallocated: raw(attribute::REALLOCATED).or(self.scsi_grown_defect_list),
            reallocation_events: raw(attribute::REALLOCATION_EVENTS),
            pending: raw(attribute::PENDING),
            uncorrectable: raw(attribute::OFFLINE_UNCORRECTABLE)
                .or_else(|| raw(attribute::REPORTED_UNCORRECTABLE))
                .or(nvme.and_then(|nvme| nvme.media_errors)),
            read_errors: raw(attribute::READ_ERRORS).or_else(|| errors("read")),
            write_errors: raw(attribute::WRITE_ERRORS).or_else(|| errors("write")),
            spin_retries: raw(attribute::SPIN_RETRIES),
            spares: nvme.and_then(|nvme| nvme.available_spare),
            standby,
        }
    }
}
