//! Commands from the bus: jobs that run, tell how far they are, are cancelled, and end with whoever runs them.

use std::collections::{BTreeMap, HashMap};

use cwmp_acs::{Acs, Options};
use cwmp_bus::{names, BusError};
use cwmp_e2e::job::{ended, property, result, Signals, Standing};
use cwmp_e2e::native::{Native, PathFaults, Serve};
use cwmp_e2e::{eventually, Client, Device, Rights};
use cwmp_model::FaultCode;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const BLINKS: [&str; 2] = ["Device.X_CWMPD_Demo.Blink()", "Device.X_CWMPD_DemoC.Blink()"];
/// Longer than any test.
const LONG: [(&str, &str); 2] = [("Times", "100000"), ("IntervalMs", "20")];

/// What Describe tells of.
type Nodes = Vec<(String, String, String, HashMap<String, OwnedValue>)>;

fn device(acs: &Acs) -> Device {
    let device = Device::builder().acs(acs.url()).plugin("demo", "").plugin("demo_c", "").start();
    device.ready("demo");
    device.ready("demo_c");
    acs.session().end();
    device
}

fn invoke_for(
    client: &Client,
    command: &str,
    arguments: &[(&str, &str)],
    deadline_ms: u32,
) -> Result<OwnedObjectPath, BusError> {
    let arguments: HashMap<&str, Value<'_>> = arguments.iter().map(|(k, v)| (*k, Value::from(*v))).collect();
    let options = HashMap::from([("deadline_ms", Value::from(deadline_ms))]);
    client.call(names::DATA_MODEL, "Invoke", &(command, arguments, options))
}

fn invoke(client: &Client, command: &str, arguments: &[(&str, &str)]) -> OwnedObjectPath {
    invoke_for(client, command, arguments, 0).unwrap()
}

/// Waits until it blinks.
fn blinks(client: &Client, job: &OwnedObjectPath) {
    eventually("it blinks", || result(client, job).2.starts_with("blink ").then_some(()));
}

#[test]
fn a_command_of_each_plugin_runs_as_a_job_with_progress_and_a_result() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    for (command, provider) in BLINKS.into_iter().zip(["demo", "demo_c"]) {
        let job = invoke(&client, command, &[("Times", "4"), ("IntervalMs", "100")]);
        blinks(&client, &job);
        let (state, code, text, outputs) = ended(&client, &job);
        assert_eq!((state.as_str(), code), ("done", 0), "{text}");
        assert_eq!(outputs, BTreeMap::from([("Blinked".to_owned(), "4".to_owned())]));
        for (name, value) in [("Command", command), ("Provider", provider), ("State", "done")] {
            assert_eq!(
                property(&client, &job, name),
                OwnedValue::try_from(Value::from(value)).unwrap(),
                "{name}"
            );
        }
        assert_eq!(property(&client, &job, "Progress"), OwnedValue::from(1000_i32));
    }
}

/// Who subscribes before the call misses nothing.
#[test]
fn the_state_of_a_job_is_announced() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let mut heard = Signals::listen(device.bus.address());
    let job = invoke(&client, BLINKS[0], &[("Times", "3"), ("IntervalMs", "300")]);
    let told = heard.until(&format!("{} State = done", job.as_str()));
    for progress in [333, 1000] {
        let said = format!("{} Progress = {progress}", job.as_str());
        assert!(told.contains(&said), "{told:?}");
    }
}

#[test]
fn a_job_that_is_cancelled_ends_so() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    for command in BLINKS {
        let job = invoke(&client, command, &LONG);
        blinks(&client, &job);
        let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
        let (state, code, _, outputs) = ended(&client, &job);
        assert_eq!((state.as_str(), code, outputs.len()), ("cancelled", 0, 0));
        // Once more is no error, and nothing of it is in the way of the next.
        let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
        let job = invoke(&client, command, &[("Times", "1"), ("IntervalMs", "0")]);
        assert_eq!(ended(&client, &job).0, "done");
    }
}

#[test]
fn a_job_whose_time_is_up_has_failed() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let job = invoke_for(&client, BLINKS[1], &LONG, 200).unwrap();
    let (state, code, text, _) = ended(&client, &job);
    assert_eq!((state.as_str(), code), ("failed", 9002));
    assert_eq!(text, "the command did not end within 0.2 s");
    let job = invoke(&client, BLINKS[1], &[("Times", "1"), ("IntervalMs", "0")]);
    assert_eq!(ended(&client, &job).0, "done");
}

#[test]
fn a_job_fails_with_the_reason() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    for command in BLINKS {
        let job = invoke(&client, command, &[("Times", "none")]);
        let (state, code, text, _) = ended(&client, &job);
        assert_eq!((state.as_str(), code), ("failed", 9003));
        assert!(text.contains("Times"), "{text}");
        // One that runs ends with its plugin's host.
        let job = invoke(&client, command, &LONG);
        blinks(&client, &job);
        let provider = if command == BLINKS[0] { "demo" } else { "demo_c" };
        device.kill_host(provider);
        let (state, code, text, _) = ended(&client, &job);
        assert_eq!((state.as_str(), code), ("failed", 9002));
        assert_eq!(text, format!("provider {provider} went away"));
        // A job waits for a provider that is about to come back.
        let job = invoke(&client, command, &[("Times", "1"), ("IntervalMs", "0")]);
        assert_eq!(ended(&client, &job).0, "done");
    }
}

#[test]
fn what_is_no_command_is_refused_at_once() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let code = |refused: Result<OwnedObjectPath, BusError>| match refused.unwrap_err() {
        BusError::Fault(fault) => fault.code,
        BusError::Busy => panic!("busy"),
    };
    for wrong in
        ["", "Blink()", "Device.X_CWMPD_Demo.Nothing()", "Device.X_CWMPD_Demo.Level", "Device.X_CWMPD_Demo."]
    {
        assert_eq!(code(invoke_for(&client, wrong, &[], 0)), FaultCode::InvalidParameterName, "{wrong}");
    }
    let large = "x".repeat(cwmp_bus::command::MAX_ARGUMENT_VALUE + 1);
    assert_eq!(code(invoke_for(&client, BLINKS[0], &[("Times", &large)], 0)), FaultCode::InvalidArguments);
    let arguments = HashMap::from([("Times", Value::from(3_u32))]);
    let options = HashMap::<&str, Value<'_>>::new();
    let refused = client.call(names::DATA_MODEL, "Invoke", &(BLINKS[0], arguments, options));
    assert_eq!(code(refused), FaultCode::InvalidArguments);
}

#[test]
fn so_many_jobs_run_at_a_time_and_the_last_that_ended_are_kept() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    // A provider that is away is waited for, so these run until it is given up.
    device.kill_host("demo");
    let (jobs, refused) = std::iter::repeat_with(|| invoke_for(&client, BLINKS[0], &LONG, 0)).take(17).fold(
        (Vec::new(), Vec::new()),
        |(mut jobs, mut refused), one| {
            match one {
                Ok(job) => jobs.push(job),
                Err(error) => refused.push(error.to_string()),
            }
            (jobs, refused)
        },
    );
    assert_eq!((jobs.len(), refused), (16, vec!["16 commands run already".to_owned()]));
    for job in &jobs {
        let () = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Cancel", &()).unwrap();
        ended(&client, job);
    }
    let mut last = None;
    for _ in 0..32 {
        let job = invoke(&client, BLINKS[1], &[("Times", "none")]);
        ended(&client, &job);
        last = Some(job);
    }
    assert_eq!(result(&client, &last.unwrap()).0, "failed");
    let forgotten: Result<Standing, _> =
        client.call_at(names::SERVICE, jobs[0].as_str(), names::JOB, "Result", &());
    assert!(forgotten.is_err());
}

/// An ACS has no commands: it neither sees nor reaches them. Programs on the box are told.
#[test]
fn commands_are_described_and_not_part_of_the_model() {
    let acs = Acs::start(Options::default());
    let device = device(&acs);
    let client = device.client();
    let (nodes, _): (Nodes, PathFaults) = client
        .call(
            names::DATA_MODEL,
            "Describe",
            &(["Device.X_CWMPD_DemoC."].as_slice(), HashMap::<&str, Value<'_>>::new()),
        )
        .unwrap();
    let blink = nodes.iter().find(|(path, ..)| path == BLINKS[1]).expect("it is described");
    assert_eq!(blink.1, "command");
    let listed = client.list("", false).unwrap();
    assert!(listed.iter().all(|(name, _)| !name.contains('(')), "{listed:?}");
    let (_, faults) = client.get(&[BLINKS[1]]).unwrap();
    assert_eq!(faults[0].1, 9005);
}

/// Jobs die with the agent; what the plugin does goes on, and is in nobody's way.
#[test]
fn a_job_does_not_survive_the_agent() {
    let acs = Acs::start(Options::default());
    let mut device = device(&acs);
    let client = device.client();
    let job = invoke(&client, BLINKS[1], &LONG);
    blinks(&client, &job);
    device.kill();
    device.start();
    device.ready("demo_c");
    let client = device.client();
    let lost: Result<Standing, _> = client.call_at(names::SERVICE, job.as_str(), names::JOB, "Result", &());
    assert!(lost.is_err());
    let next = invoke(&client, BLINKS[1], &LONG);
    let (state, code, text, _) = ended(&client, &next);
    assert_eq!((state.as_str(), code, text.as_str()), ("failed", 9004, "it blinks already"));
}

/// A provider of its own kind: it never answers an Invoke, nor a Cancel.
struct Deaf;

impl Serve for Deaf {
    fn nodes(&self) -> Vec<(String, u8, u32, String)> {
        vec![
            ("Device.X_T.A".to_owned(), 1, 0, String::new()),
            ("Device.X_T.Reset()".to_owned(), 0, 256, String::new()),
        ]
    }
}

/// Only a provider that runs a job tells how far it is.
#[test]
fn a_provider_without_the_member_fails_its_jobs() {
    let device = Device::builder().manifest("deaf", "name = 'deaf'\nroots = ['Device.X_T.']\n").start();
    let client = device.client();
    let (native, announced) = Native::start(device.bus.address(), "deaf", Deaf);
    announced.unwrap();
    device.ready("deaf");
    let job = invoke(&client, "Device.X_T.Reset()", &[]);
    let (state, code, text, _) = ended(&client, &job);
    assert_eq!((state.as_str(), code), ("failed", 9002));
    assert!(text.contains("Invoke") || text.contains("Unknown"), "{text}");
    // A progress of no job is taken, and of somebody who is no provider refused.
    let () = native.ask(names::REGISTRY, "Progress", &(1_u64, 500_i32, "x")).unwrap();
    let refused: Result<(), _> = client.call(names::REGISTRY, "Progress", &(1_u64, 500_i32, "x"));
    assert!(refused.is_err());
}

#[test]
fn only_administrators_run_commands() {
    let device = Device::builder().bus(Rights::Everyone).plugin("demo", "").start();
    device.ready("demo");
    // The other users are made by the script that runs the tests, as root.
    let as_user = |user: &str, path: &str, arguments: &[&str]| {
        let output = std::process::Command::new("setpriv")
            .args([
                "--reuid",
                user,
                "--clear-groups",
                "busctl",
                "--address",
                device.bus.address(),
                "call",
                "org.cwmpd1",
            ])
            .args([path])
            .args(arguments)
            .output()
            .expect("install the Debian package util-linux");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let invoke = ["org.cwmpd1.DataModel", "Invoke", "sa{sv}a{sv}", BLINKS[0], "0", "0"];
    let (done, error) = as_user("nobody", names::PATH, &invoke);
    assert!(!done && error.contains("cwmp-admin"), "{error}");
    let job = self::invoke(&device.client(), BLINKS[0], &LONG);
    for member in ["Cancel", "Result"] {
        let (done, error) = as_user("nobody", job.as_str(), &[names::JOB, member]);
        assert!(!done && error.contains("cwmp-admin"), "{error}");
    }
    let properties = ["org.freedesktop.DBus.Properties", "Get", "ss", names::JOB, "State"];
    assert!(!as_user("nobody", job.as_str(), &properties).0);
    assert_eq!(result(&device.client(), &job).0, "running");
}

#[test]
fn the_command_line_runs_a_command_and_shows_what_it_gives() {
    let device = Device::builder().plugin("demo", "").start();
    device.ready("demo");
    let output = std::process::Command::new(cwmp_e2e::binary("cwmpctl"))
        .args(["--bus", device.bus.address(), "invoke", BLINKS[0], "Times=2", "IntervalMs=300"])
        .output()
        .unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    assert_eq!(out, "Blinked = 2\n");
    assert!(error.contains("50 % blink 1 of 2"), "{error}");
}

/// A job is what the contract says, member by member.
#[test]
fn a_job_serves_its_contract() {
    let device = Device::builder().plugin("demo", "").start();
    device.ready("demo");
    let client = device.client();
    let job = invoke(&client, BLINKS[0], &[("Times", "1"), ("IntervalMs", "0")]);
    let served: String = client
        .call_at(names::SERVICE, job.as_str(), "org.freedesktop.DBus.Introspectable", "Introspect", &())
        .unwrap();
    // The elements with what they are called and of which type; in any order.
    let elements = |xml: &str| -> Vec<String> {
        let start = format!("<interface name=\"{}\">", names::JOB);
        let interface = xml.split(&start).nth(1).unwrap().split("</interface>").next().unwrap();
        let attribute = |tag: &str, key: &str| {
            tag.split_once(&format!(" {key}=\"")).map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        };
        let mut all: Vec<String> = interface
            .split('<')
            .filter(|tag| ["method ", "property ", "arg "].iter().any(|kind| tag.starts_with(kind)))
            .map(|tag| format!("{:?} {:?}", attribute(tag, "name"), attribute(tag, "type")))
            .collect();
        all.sort();
        all
    };
    assert_eq!(elements(&served), elements(cwmp_bus::AGENT_XML));
}
