use std::path::Path;

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{Error, Notice};

use super::*;

fn at(name: &str) -> String {
    format!("Device.DeviceInfo.{name}")
}

/// A machine of files.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        // In memory where that is possible: one test makes thousands of folders.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let new = Self { folder };
        new.write("etc/os-release", "NAME=\"Box\"\nVERSION_ID=\"4.2\"\n");
        new.write("proc/uptime", "4711.93 9000.00\n");
        new.write("proc/meminfo", "MemTotal:  1024000 kB\nMemFree:  100 kB\nMemAvailable:  512000 kB\n");
        new.write("proc/stat", "cpu  100 0 0 300 0 0 0 0 0 0\ncpu0 50 0 0 50\ncpu1 10 0 20 70\n");
        new.write("proc/sys/kernel/arch", "armv7l\n");
        new.write("proc/sys/kernel/osrelease", "6.6.31-box\n");
        new.write("sys/class/hwmon/hwmon0/name", "fan\n");
        new.write("sys/class/hwmon/hwmon3/name", "ina226\n");
        new.write("sys/class/hwmon/hwmon3/curr1_input", "1250\n");
        new.write("sys/class/hwmon/hwmon3/in1_input", "12000\n");
        new.write(
            "sys/fs/pstore/dmesg-ramoops-0",
            "Panic#1 Part1\n<0>[ 1.0] Kernel panic - not syncing: test\n",
        );
        new.write("sys/fs/pstore/console-ramoops-0", "hello\n");
        new.write("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
        new.write("proc/sys/net/ipv4/tcp_available_congestion_control", "reno cubic vegas\n");
        new.process(1, "init", 'S');
        new.process(42, "tv ui (main)", 'R');
        new.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        new.write("sys/class/thermal/thermal_zone0/temp", "45678\n");
        new.write("sys/class/thermal/cooling_device0/type", "fan\n");
        new
    }

    fn process(&self, pid: u32, command: &str, state: char) {
        let text = format!(
            "{pid} ({command}) {state} 0 1 1 0 -1 4194560 1 1 1 1 30 12 0 0 20 0 1 0 5 1000000 256 1"
        );
        self.write(&format!("proc/{pid}/stat"), &text);
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder.path().join(path)).unwrap();
    }

    fn config(&self, more: &str) -> String {
        format!("{{\"root\": \"{}\"{more}}}", self.folder.path().display())
    }

    fn plugin(&self) -> Harness {
        Harness::new(&PLUGIN, &self.config(""))
    }
}

#[test]
fn the_files_of_a_machine_become_values() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    let tree: Vec<(String, String)> = plugin
        .tree()
        .into_iter()
        .map(|(name, value)| (name.clone(), value.unwrap_or_else(|e| panic!("{name}: {e}"))))
        .collect();
    let expected = [
        ("SoftwareVersion", "4.2"),
        ("UpTime", "4711"),
        ("FirstUseDate", "0001-01-01T00:00:00Z"),
        ("MemoryStatus.Total", "1024000"),
        ("MemoryStatus.Free", "512000"),
        ("ProcessStatus.CPUUsage", "25"),
        ("ProcessStatus.Process.42.PID", "42"),
        ("ProcessStatus.Process.42.Command", "tv ui (main)"),
        ("ProcessStatus.Process.42.Size", "1024"),
        ("ProcessStatus.Process.42.Priority", "85"),
        ("ProcessStatus.Process.42.CPUTime", "420"),
        ("ProcessStatus.Process.42.State", "Running"),
        ("ProcessStatus.Process.1.State", "Sleeping"),
        ("TemperatureStatus.TemperatureSensor.1.Enable", "true"),
        ("TemperatureStatus.TemperatureSensor.1.Status", "Enabled"),
        ("TemperatureStatus.TemperatureSensor.1.Name", "cpu-thermal 0"),
        ("TemperatureStatus.TemperatureSensor.1.Value", "46"),
        ("NetworkProperties.MaxTCPWindowSize", "6291456"),
        ("NetworkProperties.TCPImplementation", "New Reno,Vegas"),
        ("Processor.2.Architecture", "arm"),
        ("AdditionalSoftwareVersion", "Linux 6.6.31-box"),
        ("MemoryStatus.MemoryMonitor.MemUtilization", "50"),
        ("ProcessStatus.CPU.2.Name", "cpu1"),
        ("ProcessStatus.CPU.2.CPUUtilization", "30"),
        ("ProcessStatus.CPU.2.SystemModeUtilization", "20"),
        ("PowerStatus.PowerSensor.1.Name", "ina226"),
        ("PowerStatus.PowerSensor.1.Power", "15000"),
        ("PowerStatus.PowerSensor.1.Voltage", "12000"),
        ("KernelFaults.StoragePath", "/sys/fs/pstore"),
        ("KernelFaults.KernelFault.1.FaultLocation", "dmesg-ramoops-0"),
        ("KernelFaults.KernelFault.1.Reason", "Kernel panic - not syncing: test"),
    ];
    for (name, value) in expected {
        let found = tree.iter().find(|(n, _)| *n == at(name));
        assert_eq!(found.map(|(_, v)| v.as_str()), Some(value), "{name}");
    }
    assert_eq!(tree.len(), 3 + 2 + 1 + 2 * 6 + 5 + 2 + 2 + 1 + 1 + 2 * 5 + 6 + 1 + 3);
}

#[test]
fn this_machine_has_values_for_everything() {
    let plugin = Harness::new(&PLUGIN, "{}");
    for (name, value) in plugin.tree() {
        match value {
            Ok(_) => {}
            // Processes may be gone by the time they are read.
            Err(Error::Name(_)) if name.contains(".Process.") => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    let me = at(&format!("ProcessStatus.Process.{}.Command", std::process::id()));
    assert_eq!(plugin.get(&me).unwrap(), "cwmp_device_inf");
    let size: u32 = plugin.get(&me.replace("Command", "Size")).unwrap().parse().unwrap();
    let total: u32 = plugin.get(&at("MemoryStatus.Total")).unwrap().parse().unwrap();
    assert!(size > 500 && size < total, "{size} of {total} KiB");
}

#[test]
fn one_request_reads_each_source_once() {
    let machine = Machine::new();
    let mut piped = Piped::new(&machine);
    let names = [at("MemoryStatus.Total"), at("MemoryStatus.Free")];
    let lent: Vec<&str> = names.iter().map(String::as_str).collect();
    let both: Vec<_> = piped.plugin.get_all(&lent).into_iter().map(|v| v.unwrap().1).collect();
    // The pipe gave its text to one reader, so a second read would have waited for ever.
    assert_eq!(both, ["7", "3"]);
    piped.writer.take().unwrap().join().unwrap();
}

/// A machine whose `/proc/meminfo` is a named pipe, which can be read once.
struct Piped {
    plugin: Harness,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Piped {
    fn new(machine: &Machine) -> Self {
        machine.remove("proc/meminfo");
        let pipe = machine.folder.path().join("proc/meminfo");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let plugin = machine.plugin();
        let writer = std::thread::spawn(move || {
            std::fs::write(pipe, "MemTotal: 7 kB\nMemAvailable: 3 kB\n").unwrap();
        });
        Self { plugin, writer: Some(writer) }
    }
}

#[test]
fn a_missing_file_costs_its_own_parameters() {
    for (file, hit) in [
        ("proc/meminfo", "MemoryStatus.Free"),
        ("proc/uptime", "UpTime"),
        ("etc/os-release", "SoftwareVersion"),
        ("proc/sys/net/ipv4/tcp_rmem", "NetworkProperties.MaxTCPWindowSize"),
    ] {
        for garbage in [None, Some("\u{fffd}garbage\0")] {
            let machine = Machine::new();
            match garbage {
                None => machine.remove(file),
                Some(text) => machine.write(file, text),
            }
            let plugin = machine.plugin();
            for (name, value) in plugin.tree() {
                let part = name.starts_with(&at(hit.rsplit_once('.').map_or(hit, |(object, _)| object)));
                assert!(value.is_ok() || part, "{file}: {name}: {value:?}");
            }
            assert!(matches!(plugin.get(&at(hit)), Err(Error::Internal(_))), "{hit}");
        }
    }
}

#[test]
fn a_huge_file_is_not_read() {
    let machine = Machine::new();
    machine.write("proc/meminfo", &" ".repeat(usize::try_from(files::MAX_FILE).unwrap() + 1));
    let error = machine.plugin().get(&at("MemoryStatus.Total")).unwrap_err();
    assert!(error.text().contains("larger than"), "{error}");
}

#[test]
fn persistent_memory_is_the_file_system_of_a_folder() {
    let machine = Machine::new();
    assert!(!machine.plugin().is_declared(&at("MemoryStatus.TotalPersistent")), "no such folder");
    // The folder of the sources is on a disk, whatever that of the machine is on.
    let (here, root) = (env!("CARGO_MANIFEST_DIR"), r#"{"root": "/", "persistent": ""#);
    let plugin = Harness::new(&PLUGIN, &format!("{root}{here}\"}}"));
    let read = |leaf: &str| plugin.get(&at(&format!("MemoryStatus.{leaf}"))).unwrap().parse::<u32>().unwrap();
    assert!(read("FreePersistent") <= read("TotalPersistent"));
}

#[test]
fn a_sensor_of_power_that_breaks_says_so() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    let sensor = at(&format!("{}{}.", power::TABLE, plugin.number_of(&at(power::TABLE), "ina226")));
    machine.write("sys/class/hwmon/hwmon3/power1_input", "3400600\n");
    assert_eq!(plugin.get(&format!("{sensor}Power")).unwrap(), "3401");
    for file in ["power1_input", "curr1_input"] {
        machine.write(&format!("sys/class/hwmon/hwmon3/{file}"), "?\n");
    }
    assert_eq!(plugin.get(&format!("{sensor}Status")).unwrap(), "Error");
    assert!(matches!(plugin.get(&format!("{sensor}Power")), Err(Error::Internal(_))));
    // After the next boot it may be another number, but it is the same sensor.
    let folder = machine.folder.path().join("sys/class/hwmon");
    std::fs::rename(folder.join("hwmon3"), folder.join("hwmon1")).unwrap();
    assert_eq!(plugin.get(&format!("{sensor}Voltage")).unwrap(), "12000");
    for i in 10..=10 + power::MAX_SENSORS {
        machine.write(&format!("sys/class/hwmon/hwmon{i}/name"), &format!("chip{i}\n"));
        machine.write(&format!("sys/class/hwmon/hwmon{i}/power1_input"), "1\n");
    }
    assert_eq!(plugin.rows(&at(power::TABLE)).unwrap().len(), power::MAX_SENSORS);
}

#[test]
fn only_so_many_records_of_the_kernel_are_told() {
    let machine = Machine::new();
    for i in 0..=kernel_fault::MAX_FAULTS {
        machine.write(&format!("sys/fs/pstore/dmesg-x-{i}"), "Oops#1 Part1\n");
    }
    assert_eq!(machine.plugin().rows(&at(kernel_fault::TABLE)).unwrap().len(), kernel_fault::MAX_FAULTS);
}

#[test]
fn processes_come_and_go() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    let rows = || plugin.rows(&at(PROCESSES)).unwrap().iter().map(|r| r.number).collect::<Vec<_>>();
    assert_eq!(rows(), [1, 42]);
    machine.process(43, "new", 'Z');
    assert_eq!(rows(), [1, 42, 43]);
    assert_eq!(plugin.get(&at("ProcessStatus.Process.43.State")).unwrap(), "Zombie");
    std::fs::remove_dir_all(machine.folder.path().join("proc/43")).unwrap();
    assert!(matches!(plugin.get(&at("ProcessStatus.Process.43.State")), Err(Error::Name(_))));
}

#[test]
fn more_processes_than_the_limit_are_not_told() {
    let machine = Machine::new();
    for pid in 0..=process::MAX_PROCESSES {
        std::fs::create_dir_all(machine.folder.path().join(format!("proc/{}", pid + 100))).unwrap();
    }
    assert_eq!(machine.plugin().rows(&at(PROCESSES)).unwrap().len(), process::MAX_PROCESSES);
}

#[test]
fn the_version_comes_from_where_the_integrator_says() {
    let machine = Machine::new();
    machine.write("version.txt", "imagename:BOX_stable_1\nBRANCH=x\n");
    assert_eq!(machine.plugin().get(&at("SoftwareVersion")).unwrap(), "BOX_stable_1");
    let named = r#", "version_file": "/version.txt", "version_key": "BRANCH""#;
    let plugin = Harness::new(&PLUGIN, &machine.config(named));
    assert_eq!(plugin.get(&at("SoftwareVersion")).unwrap(), "x");
    let half = machine.config(r#", "version_file": "/version.txt""#);
    assert!(Harness::try_new(&PLUGIN, &half).unwrap_err().text().contains("go together"));
}

#[test]
fn a_sensor_is_switched_off_and_on_and_remembers_it() {
    let machine = Machine::new();
    let sensor = |leaf: &str| at(&format!("{}1.{leaf}", temperature::TABLE));
    let mut plugin = machine.plugin();
    assert_ne!(plugin.get(&sensor("LastUpdate")).unwrap(), unknown());
    plugin.set(&[(&sensor("Enable"), "false")]).unwrap();
    let mut plugin = plugin.restart();
    assert_eq!(plugin.get(&sensor("Status")).unwrap(), "Disabled");
    assert_eq!(plugin.get(&sensor("Value")).unwrap(), "-274");
    plugin.set(&[(&sensor("Enable"), "true")]).unwrap();
    machine.write("sys/class/thermal/thermal_zone0/temp", "-1600\n");
    assert_eq!(plugin.get(&sensor("Value")).unwrap(), "-2");
    machine.write("sys/class/thermal/thermal_zone0/temp", "hot\n");
    assert_eq!(plugin.get(&sensor("Status")).unwrap(), "Error");
    assert_eq!(plugin.get(&sensor("Value")).unwrap(), "-2", "the last good reading");
    assert!(plugin.delete(&at(&format!("{}1.", temperature::TABLE))).is_err());
}

#[test]
fn a_machine_without_sensors_has_no_rows() {
    let machine = Machine::new();
    std::fs::remove_dir_all(machine.folder.path().join("sys")).unwrap();
    assert_eq!(machine.plugin().rows(&at(temperature::TABLE)).unwrap(), []);
}

#[test]
fn the_first_use_is_when_the_clock_was_first_right() {
    let machine = Machine::new();
    let plugin = machine.plugin();
    assert_eq!(plugin.get(&at(FIRST_USE)).unwrap(), unknown());
    plugin.notice(Notice::ClockTrusted).unwrap();
    assert_eq!(plugin.changed(), [at(FIRST_USE)]);
    let first = plugin.get(&at(FIRST_USE)).unwrap();
    assert!(first.starts_with("20"), "{first}");
    let plugin = plugin.restart();
    plugin.notice(Notice::ClockTrusted).unwrap();
    assert_eq!(plugin.get(&at(FIRST_USE)).unwrap(), first);
    plugin.notice(Notice::FactoryReset).unwrap();
    assert_eq!(plugin.get(&at(FIRST_USE)).unwrap(), unknown());
    assert_eq!(plugin.rows(&at(temperature::TABLE)).unwrap().len(), 1);
    assert_eq!(plugin.get(&at(&format!("{}1.Enable", temperature::TABLE))).unwrap(), "true");
}

/// Every node lies below a root of the manifest, and every root has a node.
#[test]
fn manifest_and_description_agree() {
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("device_info.toml")).unwrap();
    let roots: Vec<&str> = manifest.split('"').filter(|s| s.starts_with("Device.")).collect();
    let nodes = Machine::new().plugin().describe();
    for node in &nodes {
        assert!(roots.iter().any(|r| node.path.starts_with(r)), "{}", node.path);
    }
    assert!(roots.iter().all(|r| nodes.iter().any(|n| n.path.starts_with(r))));
    assert_eq!(roots.len(), 11);
}

#[test]
fn a_long_version_of_the_kernel_is_cut() {
    let machine = Machine::new();
    machine.write("proc/sys/kernel/osrelease", &"6,".repeat(VERSIONS));
    let version = machine.plugin().get(&at("AdditionalSoftwareVersion")).unwrap();
    assert_eq!((version.len(), version.contains(',')), (VERSIONS, false), "{version}");
}
