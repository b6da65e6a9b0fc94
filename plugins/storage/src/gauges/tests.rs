//! Recorded answers of smartctl, programs that are worse than it, and filesystems that hang.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// The disks of QEMU, behind SATA, NVMe and USB, as smartctl 7.3 tells of them.
const SATA: &str = include_str!("recorded/sata.json");
const NVME: &str = include_str!("recorded/nvme.json");
const USB: &str = include_str!("recorded/usb.json");
const USB_UNKNOWN: &str = include_str!("recorded/usb_unknown.json");

/// How long a test waits; much less than a limit that is not the one under test.
const SHORT: Duration = Duration::from_millis(200);

fn health_of(text: &str) -> Health {
    smart::read(text.as_bytes()).unwrap().health()
}

fn run<F: std::future::Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// A program in place of smartctl.
struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("smartctl");
        std::fs::write(&file, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn gauges(&self) -> Local {
        Local::new(self.folder.path().join("smartctl"))
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

fn health(gauges: &Local) -> Result<Health, Failure> {
    run(gauges.health(Path::new("/dev/sdx")))
}

#[test]
fn a_sata_disk_tells_its_attributes() {
    let expected = Health {
        capable: true,
        passed: Some(true),
        power_on_hours: Some(1),
        power_cycles: Some(0),
        temperature: Some(31),
        reallocated: Some(0),
        read_errors: Some(0),
        ..Health::default()
    };
    assert_eq!(health_of(SATA), expected);
}

#[test]
fn an_nvme_disk_tells_its_spares() {
    let expected = Health {
        capable: true,
        passed: Some(true),
        power_on_hours: Some(0),
        power_cycles: Some(0),
        temperature: Some(50),
        uncorrectable: Some(0),
        spares: Some(0),
        ..Health::default()
    };
    assert_eq!(health_of(NVME), expected);
}

#[test]
fn a_stick_knows_nothing_of_its_health() {
    assert_eq!(health_of(USB), Health::default());
}

#[test]
fn a_worn_disk_is_told_of_with_all_its_numbers() {
    let worn = r#"{"smart_support":{"available":true,"enabled":true},"smart_status":{"passed":false},
        "smartctl":{"exit_status":24},"temperature":{"current":-3},"power_on_time":{"hours":43549,"minutes":33},
        "power_cycle_count":168,"ata_smart_attributes":{"table":[
          {"id":1,"raw":{"value":119703576,"string":"119703576"}},
          {"id":5,"raw":{"value":4294967308,"string":"12 (0 1)"}},
          {"id":10,"raw":{"value":2,"string":"2"}}, {"id":187,"raw":{"value":9,"string":"9"}},
          {"id":196,"raw":{"value":3,"string":"3"}}, {"id":197,"raw":{"value":4,"string":"4"}},
          {"id":198,"raw":{"value":5,"string":"5"}}, {"id":200,"raw":{"value":6,"string":"hex"}}]}}"#;
    let expected = Health {
        capable: true,
        passed: Some(false),
        power_on_hours: Some(43_549),
        power_cycles: Some(168),
        temperature: None,
        reallocated: Some(12),
        reallocation_events: Some(3),
        pending: Some(4),
        uncorrectable: Some(5),
        read_errors: Some(119_703_576),
        write_errors: Some(6),
        spin_retries: Some(2),
        spares: None,
        standby: false,
    };
    assert_eq!(health_of(worn), expected);
}

#[test]
fn a_scsi_disk_counts_what_it_could_not_correct() {
    let scsi = r#"{"smart_status":{"passed":true},"scsi_grown_defect_list":56,
        "scsi_start_stop_cycle_counter":{"accumulated_start_stop_cycles":7},"scsi_error_counter_log":{
          "read":{"total_uncorrected_errors":1},"write":{"total_uncorrected_errors":2}}}"#;
    let health = health_of(scsi);
    assert_eq!((health.capable, health.passed, health.reallocated), (true, Some(true), Some(56)));
    assert_eq!((health.read_errors, health.write_errors, health.power_cycles), (Some(1), Some(2), Some(7)));
}

#[test]
fn a_drive_that_sleeps_is_not_woken() {
    let asleep = r#"echo '{"smartctl":{"exit_status":3}}'; echo "$*" > asked; exit 3"#;
    let program = Program::new(asleep);
    let health = health(&program.gauges()).unwrap();
    assert!(health.standby && !health.capable && health.passed.is_none());
    let asked = std::fs::read_to_string(program.folder.path().join("asked")).unwrap();
    assert_eq!(asked, "--json=c --nocheck=standby,3 --info --health --attributes /dev/sdx\n");
}

#[test]
fn a_disk_in_a_box_that_is_not_known_is_asked_as_most_are() {
    let program = Program::new("case $* in *--device=sat,auto*) cat known;; *) cat unknown; exit 1;; esac");
    program.put("unknown", USB_UNKNOWN);
    program.put("known", SATA);
    assert_eq!(health(&program.gauges()).unwrap().temperature, Some(31));
}

#[test]
fn a_program_that_hangs_is_ended_in_time() {
    let program = Program::new("echo $$ > pid; exec sleep 1000");
    let gauges = Local { smart: SHORT, ..program.gauges() };
    run(async {
        let answer = gauges.health(Path::new("/dev/sdx")).await;
        assert_eq!(answer, Err(Failure::Away("smartctl")));
        // The runtime takes it away while it waits for something else.
        let pid = std::fs::read_to_string(program.folder.path().join("pid")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", pid.trim()));
        let end = tokio::time::Instant::now() + Duration::from_secs(20);
        while process.exists() {
            assert!(tokio::time::Instant::now() < end, "it still runs");
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_program_that_talks_too_much_or_nonsense_is_refused() {
    for (script, reason) in [
        ("head -c 100000000 /dev/zero", "more than 1048576 bytes"),
        ("echo 'not JSON'", "expected"),
        ("exit 0", "EOF"),
        (r#"echo '{"smart_status":7}'"#, "invalid type"),
        (r#"echo '{"power_cycle_count":-1}'"#, "invalid value"),
    ] {
        match health(&Program::new(script).gauges()) {
            Err(Failure::Nonsense("smartctl", text)) => assert!(text.contains(reason), "{script}: {text}"),
            other => panic!("{script}: {other:?}"),
        }
    }
}

#[test]
fn without_the_program_it_is_said_what_is_missing() {
    let gauges = Local::new("/nowhere/smartctl");
    assert_eq!(health(&gauges), Err(Failure::Impossible("smartctl is not installed".to_owned())));
}

#[test]
fn what_is_no_device_is_not_handed_to_the_program() {
    let program = Program::new("touch asked");
    let answer = run(program.gauges().health(Path::new("--test=long")));
    assert!(matches!(answer, Err(Failure::Impossible(_))));
    assert!(!program.folder.path().join("asked").exists());
}

#[test]
fn a_filesystem_tells_how_full_it_is() {
    let usage = run(Local::new("smartctl").usage(Path::new("/"))).unwrap();
    assert!(usage.size > 0 && usage.used > 0 && usage.used < usage.size && usage.free < usage.size);
}

#[test]
fn where_nothing_is_mounted_nothing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let answer = run(Local::new("smartctl").usage(folder.path()));
    assert_eq!(answer, Err(Failure::Gone(folder.path().display().to_string())));
}

#[test]
fn filesystems_that_hang_keep_nobody_waiting_and_are_not_asked_for_ever() {
    fn hangs(_: &Path) -> Result<Usage, Failure> {
        loop {
            std::thread::park();
        }
    }
    let gauges = Local { statvfs: Duration::from_millis(20), ask: hangs, ..Local::new("smartctl") };
    run(async {
        for _ in 0..MAX_STUCK {
            let Err(Failure::Refused(text)) = gauges.usage(Path::new("/far")).await else {
                panic!("it answers")
            };
            assert_eq!(text, "the filesystem at /far does not answer");
        }
        let answer = gauges.usage(Path::new("/far")).await;
        assert_eq!(answer, Err(Failure::Refused("too many filesystems do not answer".to_owned())));
    });
}

#[test]
fn many_filesystems_may_be_asked_at_once() {
    let gauges = Local::new("smartctl");
    run(async {
        let all = (0..MAX_STUCK * 4).map(|_| gauges.usage(Path::new("/")));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_eq!(gauges.stuck.load(Ordering::Relaxed), 0);
    });
}

/// An agent waits two seconds for everything that it asks for at once.
#[test]
fn no_filesystem_may_take_as_long_as_an_agent_waits() {
    fn hangs(_: &Path) -> Result<Usage, Failure> {
        std::thread::sleep(Duration::from_secs(3));
        Err(Failure::Refused("it goes on".to_owned()))
    }
    let gauges = Local { ask: hangs, ..Local::new("smartctl") };
    let began = std::time::Instant::now();
    let answer = run(gauges.usage(Path::new("/")));
    assert!(matches!(answer, Err(Failure::Refused(_))), "{answer:?}");
    assert!(began.elapsed() < Duration::from_millis(1_900), "{:?}", began.elapsed());
}
