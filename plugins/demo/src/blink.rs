//! The command `Blink()`: it takes its time in a thread of its own, tells how far it is, and can be cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cwmp_plugin_sdk::{Argument, Error, Job, Output};

/// The name of the command, below the base.
pub(crate) const NAME: &str = "Blink()";
/// The most blinks.
const MAX_TIMES: u32 = 100_000;
/// The longest pause between two, in milliseconds.
const MAX_INTERVAL_MS: u32 = 60_000;

/// The thread that blinks, or has blinked.
#[derive(Debug, Default)]
pub(crate) struct Blink {
    thread: Option<JoinHandle<()>>,
    /// Whether it blinks. The thread lives a little longer than its answer.
    busy: Arc<AtomicBool>,
}

impl Blink {
    /// Begins it; only once at a time.
    pub(crate) fn begin(&mut self, arguments: &[Argument<'_>], output: &mut Output<'_>) -> Result<(), Error> {
        let (mut times, mut interval) = (3, 500);
        for argument in arguments {
            let (place, least, most) = match argument.key {
                "Times" => (&mut times, 1, MAX_TIMES),
                "IntervalMs" => (&mut interval, 0, MAX_INTERVAL_MS),
                other => return Err(Error::arguments(format!("there is no argument {other}"))),
            };
            let number = argument.value.parse().ok().filter(|number| (least..=most).contains(number));
            *place =
                number.ok_or_else(|| Error::arguments(format!("{} is {least} to {most}", argument.key)))?;
        }
        if self.busy.swap(true, Ordering::SeqCst) {
            return Err(Error::resources("it blinks already"));
        }
        let (job, busy) = (output.later(), Arc::clone(&self.busy));
        self.thread = Some(std::thread::spawn(move || blink(job, times, interval, &busy)));
        Ok(())
    }

    /// Waits until it has stopped. The SDK has told it to.
    pub(crate) fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by its job.
            let _ = thread.join();
        }
    }
}

fn blink(job: Job, times: u32, interval: u32, busy: &AtomicBool) {
    let mut blinked = 0;
    while blinked < times && !job.wait(Duration::from_millis(interval.into())) {
        blinked += 1;
        let permille = u16::try_from(u64::from(blinked) * 1000 / u64::from(times)).ok();
        job.progress(permille, &format!("blink {blinked} of {times}"));
    }
    job.put("Blinked", &blinked.to_string());
    busy.store(false, Ordering::SeqCst);
    job.finish(if blinked < times { Err(Error::Cancelled) } else { Ok(()) });
}
