//! Real values of this machine for `Device.DeviceInfo.`: software version, memory, processes, processors, temperature.
//!
//! Values are read when somebody asks; each source at most once for one request ([`Reading`]).
#![forbid(unsafe_code)]

mod cpu;
mod files;
mod kernel_fault;
mod memory;
mod network;
mod persistent;
mod power;
mod process;
mod processor;
mod reading;
mod temperature;
#[cfg(test)]
mod tests;
mod version;

use std::sync::Arc;

use cwmp_plugin_sdk::{
    declare, split_row, Answer, Config, DateTime, Effect, Error, Host, Level, Name, Node, Notice, Parse,
    Plugin, Row, Settings, Value,
};

use cpu::{Processors, Usage};
use files::Files;
use persistent::Persistent;
use reading::Reading;
use temperature::Sensors;
use version::Source;

const FIRST_USE: &str = "FirstUseDate";
const PROCESSES: &str = "ProcessStatus.Process.";
const PROCESSORS: &str = "Processor.";
const CPUS: &str = "ProcessStatus.CPU.";
/// Characters of the list of versions, as the standard allows.
const VERSIONS: usize = 64;

/// The plugin.
#[derive(Debug)]
pub struct DeviceInfo {
    host: Host,
    files: Arc<Files>,
    settings: Settings,
    version: Source,
    usage: Usage,
    processors: Processors,
    persistent: Option<Persistent>,
    kernel_faults: String,
    sensors: Sensors,
    page_size: u64,
    architecture: &'static str,
}

declare! {
    DeviceInfo, name: "device_info", base: "Device.DeviceInfo.",
    nodes {
        param "SoftwareVersion" string [forced inform pushed] "size=:64";
        param "AdditionalSoftwareVersion" string [pushed] "list=:;listsize=:64";
        param "UpTime" unsigned_int [passive counter];
        param "FirstUseDate" date_time [pushed];
        object "MemoryStatus.";
        param "MemoryStatus.Total" unsigned_int [pushed];
        param "MemoryStatus.Free" unsigned_int [passive];
        param "MemoryStatus.TotalPersistent" unsigned_int;
        param "MemoryStatus.FreePersistent" unsigned_int [passive];
        object "MemoryStatus.MemoryMonitor.";
        param "MemoryStatus.MemoryMonitor.MemUtilization" unsigned_int [passive] "range=:100";
        object "ProcessStatus.";
        param "ProcessStatus.CPUUsage" unsigned_int [passive] "range=:100";
        table "ProcessStatus.CPU.{i}." "unique=Name";
        param "ProcessStatus.CPU.{i}.Name" string [pushed] "size=:256";
        param "ProcessStatus.CPU.{i}.CPUUtilization" unsigned_int [passive] "range=:100";
        param "ProcessStatus.CPU.{i}.UserModeUtilization" unsigned_int [passive] "range=:100";
        param "ProcessStatus.CPU.{i}.SystemModeUtilization" unsigned_int [passive] "range=:100";
        param "ProcessStatus.CPU.{i}.IdleModeUtilization" unsigned_int [passive] "range=:100";
        table "ProcessStatus.Process.{i}." "unique=PID";
        param "ProcessStatus.Process.{i}.PID" unsigned_int [pushed];
        param "ProcessStatus.Process.{i}.Command" string "size=:256";
        param "ProcessStatus.Process.{i}.Size" unsigned_int [passive];
        param "ProcessStatus.Process.{i}.Priority" unsigned_int "range=:99";
        param "ProcessStatus.Process.{i}.CPUTime" unsigned_int [passive counter];
        param "ProcessStatus.Process.{i}.State" string [passive]
            "enum=Running|Sleeping|Stopped|Idle|Uninterruptible|Zombie";
        object "TemperatureStatus.";
        table "TemperatureStatus.TemperatureSensor.{i}." "unique=Name";
        param "TemperatureStatus.TemperatureSensor.{i}.Enable" boolean [writable pushed] "default=true";
        param "TemperatureStatus.TemperatureSensor.{i}.Status" string "enum=Disabled|Enabled|Error";
        param "TemperatureStatus.TemperatureSensor.{i}.Name" string [pushed] "size=:256";
        param "TemperatureStatus.TemperatureSensor.{i}.Value" int [passive] "range=-274:";
        param "TemperatureStatus.TemperatureSensor.{i}.LastUpdate" date_time [passive];
        object "PowerStatus.";
        table "PowerStatus.PowerSensor.{i}." "unique=Name";
        param "PowerStatus.PowerSensor.{i}.Name" string [pushed];
        param "PowerStatus.PowerSensor.{i}.Status" string "enum=Disabled|Enabled|Error";
        param "PowerStatus.PowerSensor.{i}.Power" int [passive];
        param "PowerStatus.PowerSensor.{i}.Current" int [passive];
        param "PowerStatus.PowerSensor.{i}.Voltage" int [passive];
        param "PowerStatus.PowerSensor.{i}.LastUpdate" date_time [passive];
        object "KernelFaults.";
        param "KernelFaults.StoragePath" string [pushed];
        table "KernelFaults.KernelFault.{i}.";
        param "KernelFaults.KernelFault.{i}.FaultLocation" string [pushed];
        param "KernelFaults.KernelFault.{i}.TimeStamp" date_time [pushed];
        param "KernelFaults.KernelFault.{i}.Reason" string [pushed];
        object "NetworkProperties.";
        param "NetworkProperties.MaxTCPWindowSize" unsigned_int;
        param "NetworkProperties.TCPImplementation" string "list=0:;enum=Tahoe|Reno|New Reno|Vegas";
        table "Processor.{i}.";
        param "Processor.{i}.Architecture" string [pushed]
            "enum=arm|i386|m68010|m68k|mipseb|mipsel|powerpc|sh3eb|sh3el|x86_64|X_CWMPD_aarch64|X_CWMPD_riscv64|X_CWMPD_other";
    }
}

impl Plugin for DeviceInfo {
    fn create(host: Host, config: &Config) -> Result<Self, Error> {
        config.only(&["root", "version_file", "version_key", "persistent", "kernel_faults"])?;
        let files = Arc::new(Files::new(config.text("root")?.unwrap_or("/")));
        let settings = Settings::load(&host)?;
        let mut new = Self {
            version: Source::new(config)?,
            usage: Usage::new(&files),
            processors: Processors::default(),
            persistent: Persistent::find(&files, config.text("persistent")?.unwrap_or("/var/lib")),
            kernel_faults: config.text("kernel_faults")?.unwrap_or("/sys/fs/pstore").to_owned(),
            sensors: Sensors::default(),
            page_size: process::page_size(),
            architecture: processor::architecture(&files),
            host,
            files,
            settings,
        };
        new.find_sensors()?;
        if let Err(error) = new.version.read(&new.files) {
            new.host.log(Level::Warning, &format!("no software version: {error}"));
        }
        Ok(new)
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn serves(&self, node: &Node) -> bool {
        self.persistent.is_some() || !node.path().ends_with("Persistent")
    }

    fn get(&mut self, names: &[Name<'_>], answer: &mut Answer<'_>) {
        let files = Arc::clone(&self.files);
        let reading = Reading::new(&files);
        for (i, name) in names.iter().enumerate() {
            if let Err(error) = self.answer(i, *name, &reading, answer) {
                answer.fault(i, &error);
            }
        }
    }

    fn rows(&mut self, table: Name<'_>) -> Result<Vec<Row>, Error> {
        match table.relative() {
            PROCESSES => Ok(process::list(&self.files)?.into_iter().map(Row::numbered).collect()),
            power::TABLE => Ok(power::rows(&self.files)),
            kernel_fault::TABLE => Ok(kernel_fault::rows(&self.files, &self.kernel_faults)),
            PROCESSORS | CPUS => {
                Ok(cpu::numbers(&self.files.read("proc/stat")?).into_iter().map(Row::numbered).collect())
            }
            temperature::TABLE => Ok(self.find_sensors()?.into_iter().map(Row::numbered).collect()),
            _ => self.settings.rows(table),
        }
    }

    fn put_in_force(&mut self, names: &[String]) -> Result<Effect, Error> {
        for (row, _) in names.iter().filter_map(|n| split_row(n, temperature::TABLE)) {
            if !self.is_enabled(row) {
                // Whatever it said before it was disabled is no reading of the time after it.
                self.sensors.reset(row);
            }
        }
        Ok(Effect::Now)
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Error> {
        match notice {
            Notice::ClockTrusted if self.settings.text(FIRST_USE).as_deref() == Some(&unknown()) => {
                self.settings.set(FIRST_USE, DateTime::now())
            }
            Notice::FactoryReset => self.find_sensors().map(|_| ()),
            _ => Ok(()),
        }
    }
}

impl DeviceInfo {
    fn answer(
        &mut self,
        i: usize,
        name: Name<'_>,
        reading: &Reading<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Error> {
        if let Some((pid, leaf)) = name.in_row(PROCESSES) {
            return reading.process(pid)?.answer(i, leaf, self.page_size, answer);
        }
        if let Some((row, leaf)) = name.in_row(temperature::TABLE) {
            if leaf == "Enable" {
                self.settings.answer(i, name, answer);
                return Ok(());
            }
            let enabled = self.is_enabled(row);
            return self.sensors.answer(i, row, leaf, enabled, reading, answer);
        }
        if let Some((row, leaf)) = name.in_row(CPUS) {
            return self.answer_processor(i, row, leaf, reading, answer);
        }
        if let Some((row, leaf)) = name.in_row(power::TABLE) {
            return power::answer(&self.files, &self.key_of(name, power::TABLE, row)?, i, leaf, answer);
        }
        if let Some((row, leaf)) = name.in_row(kernel_fault::TABLE) {
            let record = self.key_of(name, kernel_fault::TABLE, row)?;
            return kernel_fault::answer(&self.files, &self.kernel_faults, &record, i, leaf, answer);
        }
        if let Some((row, leaf)) = name.in_row(PROCESSORS) {
            if leaf != "Architecture" || !cpu::numbers(&reading.stat()?).contains(&row) {
                return Err(no_such(name));
            }
            answer.value(i, self.architecture);
            return Ok(());
        }
        match name.relative() {
            "SoftwareVersion" => answer.value(i, self.version.read(&self.files)?),
            "AdditionalSoftwareVersion" => answer.value(i, self.kernel_version()?),
            "KernelFaults.StoragePath" => answer.value(i, &self.kernel_faults),
            "MemoryStatus.MemoryMonitor.MemUtilization" => answer.value(i, reading.memory()?.used_percent()),
            "MemoryStatus.TotalPersistent" => answer.value(i, self.space(name)?.total),
            "MemoryStatus.FreePersistent" => answer.value(i, self.space(name)?.free),
            "UpTime" => answer.value(i, cpu::up_time(&self.files)?),
            "MemoryStatus.Total" => answer.value(i, reading.memory()?.total),
            "MemoryStatus.Free" => answer.value(i, reading.memory()?.free),
            "ProcessStatus.CPUUsage" => answer.value(i, self.usage.percent(&reading.stat()?)?),
            "NetworkProperties.MaxTCPWindowSize" => answer.value(i, network::max_window(&self.files)?),
            "NetworkProperties.TCPImplementation" => answer.value(i, network::congestion(&self.files)?),
            FIRST_USE => self.settings.answer(i, name, answer),
            _ => return Err(no_such(name)),
        }
        Ok(())
    }

    fn answer_processor(
        &mut self,
        i: usize,
        row: u32,
        leaf: &str,
        reading: &Reading<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Error> {
        let modes = self.processors.modes(&reading.stat()?, row)?;
        match leaf {
            "Name" => answer.value(i, format!("cpu{}", row.wrapping_sub(1))),
            "CPUUtilization" => answer.value(i, 100 - modes.idle.min(100)),
            "UserModeUtilization" => answer.value(i, modes.user),
            "SystemModeUtilization" => answer.value(i, modes.system),
            "IdleModeUtilization" => answer.value(i, modes.idle),
            _ => return Err(Error::name(format!("a processor has no {leaf}"))),
        }
        Ok(())
    }

    /// The kernel's own version, which is not that of the image.
    fn kernel_version(&self) -> Result<String, Error> {
        let release = self.files.read("proc/sys/kernel/osrelease")?;
        Ok(format!("Linux {}", release.trim().replace(',', " ")).chars().take(VERSIONS).collect())
    }

    fn space(&self, name: Name<'_>) -> Result<persistent::Space, Error> {
        self.persistent.as_ref().ok_or_else(|| no_such(name))?.space()
    }

    fn key_of(&self, name: Name<'_>, table: &str, row: u32) -> Result<String, Error> {
        self.host.lookup()?.key_of(table, row)?.ok_or_else(|| no_such(name))
    }

    /// The numbers of the sensors that are there; new ones get their settings.
    fn find_sensors(&mut self) -> Result<Vec<u32>, Error> {
        let rows = temperature::list(&self.files);
        for row in &rows {
            self.settings.add_row(&format!("{}{row}.", temperature::TABLE))?;
        }
        Ok(rows)
    }

    fn is_enabled(&self, row: u32) -> bool {
        let enable = self.settings.text(&format!("{}{row}.Enable", temperature::TABLE));
        enable.and_then(|text| bool::parse(&text)).unwrap_or(false)
    }
}

fn unknown() -> String {
    DateTime::UNKNOWN.lexical()
}

fn no_such(name: Name<'_>) -> Error {
    Error::name(format!("there is no {}", name.relative()))
}
