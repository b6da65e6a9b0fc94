//! Jobs that providers begin by themselves: every program hears of them, and only their provider speaks for them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cwmp_bus::command::OWN_JOB;
use cwmp_bus::{names, BusError};
use cwmp_e2e::job::{ended, result, text, Signals};
use cwmp_e2e::native::{Native, Serve};
use cwmp_e2e::{eventually, Client, Device};
use cwmp_model::FaultCode;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

type Empty = HashMap<&'static str, OwnedValue>;

const OBJECT: &str = "Device.X_B.";

/// A box with a plugin in C that begins a job when something is set, and ends it when a command says so.
fn device() -> (Device, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libown_jobs.so");
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let source: PathBuf = host.join("host/tests/plugins/own_jobs.c");
    let output = std::process::Command::new("cc")
        .args(["-std=gnu99", "-fPIC", "-shared", "-pthread"])
        .arg(format!("-I{}", host.join("abi/include").display()))
        .arg("-o")
        .arg(&library)
        .arg(source)
        .output()
        .expect("install the Debian package build-essential");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest = format!("name = 'own_jobs'\nlibrary = '{}'\nroots = ['{OBJECT}']\n", library.display());
    let device = Device::builder().manifest("own_jobs", &manifest).start();
    device.ready("own_jobs");
    (device, folder)
}

fn jobs(client: &Client) -> Vec<OwnedObjectPath> {
    client.property("Jobs")
}

/// Sets something, which begins a job; gives it.
fn begin(client: &Client) -> OwnedObjectPath {
    let before = jobs(client).len();
    assert_eq!(client.set_value("Device.X_B.Want", "x").unwrap(), 0);
    // Whoever set it finds it at once.
    let all = jobs(client);
    assert_eq!(all.len(), before + 1, "{all:?}");
    all.last().unwrap().clone()
}

/// Has the plugin do something with its newest job.
fn tell(client: &Client, command: &str) {
    let body = (format!("{OBJECT}{command}()"), Empty::new(), Empty::new());
    let job: OwnedObjectPath = client.call(names::DATA_MODEL, "Invoke", &body).unwrap();
    assert_eq!(ended(client, &job).0, "done");
}

/// A program that subscribes, and never asks, knows of each job, how far it is, and of its end.
#[test]
fn a_program_hears_of_a_job_that_a_plugin_began_and_of_its_progress_and_end() {
    let (device, _library) = device();
    let client = device.client();
    let mut heard = Signals::listen(device.bus.address());
    let job = begin(&client);
    let mut told = heard.until(&format!("began {}", job.as_str()));
    assert_eq!(told.len(), 1, "{told:?}");
    for (name, value) in [("Command", ""), ("Object", OBJECT), ("Provider", "own_jobs"), ("State", "running")]
    {
        assert_eq!(text(&client, &job, name), value, "{name}");
    }
    assert_eq!(result(&client, &job), ("running".into(), 0, "formats".into(), BTreeMap::new()));
    tell(&client, "Progress");
    heard.until(&format!("{} Progress = 300", job.as_str()));
    assert_eq!(result(&client, &job).2, "at work");
    tell(&client, "Done");
    told = heard.until(&format!("{} State = done", job.as_str()));
    assert!(told.iter().any(|t| *t == format!("{} Progress = 1000", job.as_str())), "{told:?}");
    assert_eq!(result(&client, &job).3, BTreeMap::from([("Blocks".to_owned(), "7".to_owned())]));
    let failing = begin(&client);
    tell(&client, "Fail");
    let (state, code, why, _) = ended(&client, &failing);
    assert_eq!((state.as_str(), code, why.as_str()), ("failed", 9001, "the disk is write-protected"));
}

#[test]
fn a_job_that_a_plugin_began_is_cancelled_there() {
    let (device, _library) = device();
    let client = device.client();
    let job = begin(&client);
    let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
    assert_eq!(ended(&client, &job).0, "cancelled");
    assert!(client.value("Device.X_B.State").unwrap().starts_with("1 "));
    // One that has ended may be cancelled, too.
    let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
}

#[test]
fn a_job_whose_plugin_dies_has_failed_with_that_reason() {
    let (device, _library) = device();
    let client = device.client();
    let job = begin(&client);
    device.kill_host("own_jobs");
    let (state, code, why, _) = ended(&client, &job);
    assert_eq!((state.as_str(), code, why.as_str()), ("failed", 9002, "provider own_jobs went away"));
    device.ready("own_jobs");
    // The plugin counts anew.
    let next = begin(&client);
    assert_eq!((result(&client, &next).0.as_str(), result(&client, &job).0.as_str()), ("running", "failed"));
}

/// The work of a plugin outlives the agent, and so does its job; what it came to meanwhile is told as well.
#[test]
fn an_agent_that_was_started_anew_shows_the_jobs_that_run() {
    let (mut device, _library) = device();
    let client = device.client();
    begin(&client);
    begin(&client);
    tell(&client, "Progress");
    device.kill();
    device.start();
    device.ready("own_jobs");
    let client = device.client();
    let all = eventually("they are shown", || Some(jobs(&client)).filter(|all| all.len() == 2));
    let newest = eventually("it is as far as it was", || {
        all.iter().find(|job| result(&client, job).2 == "at work").cloned()
    });
    tell(&client, "Done");
    assert_eq!(ended(&client, &newest).0, "done");
}

/// A provider of its own kind.
struct Plain(&'static str);

impl Serve for Plain {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![(format!("{}A", self.0), 1, 0, String::new())]
    }
}

fn begin_as(native: &Native, number: u64, path: &str) -> Result<(), BusError> {
    native.ask(names::REGISTRY, "BeginJob", &(number, path, "works", Empty::new()))
}

fn end_as(native: &Native, number: u64, state: &str) -> Result<(), BusError> {
    let none = BTreeMap::<&str, &str>::new();
    native.ask(names::REGISTRY, "EndJob", &(number, state, 0_u32, "", none, Empty::new()))
}

fn code(result: Result<(), BusError>) -> Option<FaultCode> {
    match result {
        Ok(()) => None,
        Err(BusError::Fault(fault)) => Some(fault.code),
        Err(BusError::Busy) => panic!("busy"),
    }
}

fn two() -> (Device, Native, Native) {
    let device = Device::builder()
        .manifest("a", "name = 'a'\nroots = ['Device.X_A.']\n")
        .manifest("b", "name = 'b'\nroots = ['Device.X_B.']\n")
        .start();
    // Until the agent is there.
    device.client();
    let (a, announced) = Native::start(device.bus.address(), "a", Plain("Device.X_A."));
    announced.unwrap();
    let (b, announced) = Native::start(device.bus.address(), "b", Plain("Device.X_B."));
    announced.unwrap();
    device.ready("a");
    device.ready("b");
    (device, a, b)
}

#[test]
fn only_the_provider_of_an_object_begins_and_ends_jobs_there() {
    let (device, a, b) = two();
    let client = device.client();
    for path in ["Device.X_B.", "Device.", "", "Device.X_A.A", "Device.X_A..", "X"] {
        assert_eq!(code(begin_as(&a, OWN_JOB | 1, path)), Some(FaultCode::InvalidParameterName), "{path}");
    }
    assert_eq!(code(begin_as(&a, 1, "Device.X_A.")), Some(FaultCode::InvalidArguments));
    let body = (OWN_JOB | 1, "Device.X_A.", "works", Empty::new());
    let stranger: Result<(), _> = client.call(names::REGISTRY, "BeginJob", &body);
    assert_eq!(code(stranger), Some(FaultCode::RequestDenied));
    assert_eq!(jobs(&client), []);
    // Each counts for itself.
    begin_as(&a, OWN_JOB | 1, "Device.X_A.").unwrap();
    end_as(&b, OWN_JOB | 1, "done").unwrap();
    let () = b.ask(names::REGISTRY, "Progress", &(OWN_JOB | 1, 500_i32, "not mine")).unwrap();
    let job = jobs(&client).pop().unwrap();
    assert_eq!(result(&client, &job), ("running".into(), 0, "works".into(), BTreeMap::new()));
    begin_as(&b, OWN_JOB | 1, "Device.X_B.C.7.").unwrap();
    assert_eq!(code(end_as(&a, OWN_JOB | 1, "running")), Some(FaultCode::InvalidArguments));
    end_as(&a, OWN_JOB | 1, "cancelled").unwrap();
    assert_eq!(result(&client, &job).0, "cancelled");
    assert_eq!(text(&client, &jobs(&client)[1], "State"), "running");
    // What was not answered is repeated, and changes nothing.
    end_as(&a, OWN_JOB | 1, "done").unwrap();
    assert_eq!(result(&client, &job).0, "cancelled");
}

/// Nothing is lost when there is no room: the work is the provider's, and its job is shown later.
#[test]
fn so_many_jobs_of_a_provider_are_shown_at_a_time_and_none_of_another_for_it() {
    let (device, a, b) = two();
    let client = device.client();
    for n in 0..16 {
        begin_as(&a, OWN_JOB | n, "Device.X_A.").unwrap();
        // Once more is no other.
        begin_as(&a, OWN_JOB | n, "Device.X_A.").unwrap();
    }
    assert_eq!(jobs(&client).len(), 16);
    assert_eq!(code(begin_as(&a, OWN_JOB | 0x63, "Device.X_A.")), Some(FaultCode::ResourcesExceeded));
    begin_as(&b, OWN_JOB, "Device.X_B.").unwrap();
    end_as(&a, OWN_JOB | 3, "done").unwrap();
    begin_as(&a, OWN_JOB | 0x63, "Device.X_A.").unwrap();
    assert_eq!(jobs(&client).len(), 18);
    // A provider that goes away takes its own with it.
    drop(a);
    let states = || jobs(&client).iter().map(|job| result(&client, job).0).collect::<Vec<_>>();
    let states = eventually("they have failed", || {
        Some(states()).filter(|all| all.iter().filter(|state| *state == "failed").count() == 16)
    });
    assert_eq!(states.iter().filter(|state| *state == "running").count(), 1);
}
