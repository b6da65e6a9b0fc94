//! Commands: at once, or later from another thread, with progress and cancel.

use std::thread::JoinHandle;
use std::time::Duration;

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{declare, Argument, Config, Error, Host, Name, Output, Plugin};

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(3_600);

#[derive(Default)]
struct Thing {
    threads: Vec<JoinHandle<()>>,
}

declare! {
    Thing, name: "thing", base: "Device.X_ACME_Thing.",
    nodes {
        object "";
        command "Echo()";
        command "Blink()";
        command "Forget()";
        command "Refuse()";
        command "Panic()";
    }
}

impl Plugin for Thing {
    fn create(_: Host, _: &Config) -> Result<Self, Error> {
        Ok(Self::default())
    }

    fn invoke(
        &mut self,
        command: Name<'_>,
        arguments: &[Argument<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        match command.relative() {
            "Echo()" => arguments.iter().for_each(|a| output.put(a.key, a.value)),
            "Blink()" => {
                let job = output.later();
                self.threads.push(std::thread::spawn(move || {
                    job.progress(Some(500), "half of it");
                    let cancelled = job.wait(FOR_EVER) && job.is_cancelled();
                    job.put("Blinked", "1");
                    job.finish(if cancelled { Err(Error::Cancelled) } else { Ok(()) });
                }));
            }
            "Forget()" => drop(output.later()),
            "Refuse()" => {
                let job = output.later();
                self.threads.push(std::thread::spawn(move || {
                    job.wait(FOR_EVER);
                    // Too late: the answer is given, and this one goes nowhere.
                    job.finish(Ok(()));
                }));
                return Err(Error::busy("not now"));
            }
            "Panic()" => {
                let job = output.later();
                let failed = std::thread::spawn(move || {
                    let _job = job;
                    panic!("told to");
                })
                .join();
                assert!(failed.is_err());
            }
            _ => return Err(Error::name("no such command")),
        }
        Ok(())
    }
}

fn begin(name: &str, plugin: &Harness) -> Result<(), Error> {
    plugin.invoke(&format!("Device.X_ACME_Thing.{name}"), &[("Text", "hello")]).map(|_| ())
}

#[test]
fn a_command_may_answer_at_once() {
    let plugin = Harness::new(&PLUGIN, "{}");
    let outputs = plugin.invoke("Device.X_ACME_Thing.Echo()", &[("Text", "hello")]).unwrap();
    assert_eq!(outputs["Text"], "hello");
}

#[test]
fn a_command_that_takes_its_time_tells_of_it_and_can_be_cancelled() {
    let plugin = Harness::new(&PLUGIN, "{}");
    let blinking = plugin.begin("Device.X_ACME_Thing.Blink()", &[]).unwrap();
    assert_eq!(blinking.progress(), (500, "half of it".to_owned()));
    // The plugin answers other calls meanwhile.
    begin("Echo()", &plugin).unwrap();
    blinking.cancel();
    assert_eq!(blinking.end(), Err(Error::Cancelled));
}

#[test]
fn whatever_happens_there_is_one_answer() {
    let plugin = Harness::new(&PLUGIN, "{}");
    assert_eq!(begin("Forget()", &plugin), Err(Error::internal("the command was given up")));
    assert_eq!(begin("Panic()", &plugin), Err(Error::internal("the command was given up")));
    assert_eq!(begin("Refuse()", &plugin), Err(Error::busy("not now")));
}

#[test]
fn a_plugin_that_stops_answers_what_is_under_way() {
    let plugin = Harness::new(&PLUGIN, "{}");
    let blinking = plugin.begin("Device.X_ACME_Thing.Blink()", &[]).unwrap();
    blinking.progress();
    plugin.stop();
    assert_eq!(blinking.end(), Err(Error::Cancelled));
}
