//! A diagnostic: how late the timer of this machine wakes somebody who sleeps.
//!
//! It is the demonstration of [`Diagnose`]: the kit keeps the rules of `DiagnosticsState`, here is only the test.

use std::time::{Duration, Instant};

use cwmp_plugin_sdk::{
    Diagnose, Diagnostic, Error, Failed, Object, Rows, Run, Serve, Settings, Test, Wanted,
};

use crate::Demo;

/// The object, without its root.
pub(crate) const PATH: &str = "Device.X_CWMPD_Demo.SelfTest.";

/// What is asked, and what all sleeps together had. Times are in microseconds.
#[derive(Debug, Object)]
#[object("Device.X_CWMPD_Demo.SelfTest.")]
pub(crate) struct SelfTest {
    #[param(writable, pushed, "enum=Requested|Canceled;enumro=None|Complete|Error|Error_TooLate")]
    diagnostics_state: String,
    /// How many sleeps.
    #[param(writable, "range=1:1000;default=3")]
    repetitions: u32,
    /// How long each is, in milliseconds.
    #[param(writable, "range=1:60000;default=10")]
    interval: u32,
    /// Beyond this the timer is not good enough; 0 is never.
    #[param(writable)]
    limit: u32,
    #[param(pushed)]
    average_delay: u32,
    #[param(pushed)]
    maximum_delay: u32,
}

/// What one sleep had.
#[derive(Debug, Object)]
#[object("Device.X_CWMPD_Demo.SelfTest.Result.{i}.")]
pub(crate) struct SelfTestResult {
    delay: u32,
}

impl Diagnostic for SelfTest {
    type Results = Vec<u32>;
}

impl Serve<SelfTest> for Demo {
    fn read(&mut self, kept: SelfTest, _: &Wanted<'_>) -> Result<SelfTest, Error> {
        let delays = found(&self.settings);
        let count = u64::try_from(delays.len()).unwrap_or(u64::MAX).max(1);
        let average = delays.iter().copied().map(u64::from).sum::<u64>() / count;
        Ok(SelfTest {
            average_delay: u32::try_from(average).unwrap_or(u32::MAX),
            maximum_delay: delays.iter().copied().max().unwrap_or(0),
            ..kept
        })
    }
}

impl Serve<SelfTestResult> for Demo {
    fn read(&mut self, _: Rows<SelfTestResult>, _: &Wanted<'_>) -> Result<Rows<SelfTestResult>, Error> {
        Ok((1..)
            .zip(found(&self.settings))
            .map(|(number, delay)| (number, SelfTestResult { delay }))
            .collect())
    }
}

fn found(settings: &Settings) -> Vec<u32> {
    settings.results::<SelfTest>().map_or_else(Vec::new, |delays| delays.to_vec())
}

impl Diagnose<SelfTest> for Demo {
    fn diagnose(&mut self, asked: SelfTest) -> Result<Test<SelfTest>, Failed> {
        Ok(Box::new(move |run| measure(&asked, run)))
    }
}

fn measure(asked: &SelfTest, run: &Run) -> Result<Vec<u32>, Failed> {
    let interval = Duration::from_millis(asked.interval.into());
    let mut delays = Vec::new();
    for _ in 0..asked.repetitions {
        let begin = Instant::now();
        if run.wait(interval) {
            return Err(Failed::internal("nobody wants to know any more"));
        }
        let delay = begin.elapsed().saturating_sub(interval).as_micros();
        let delay = u32::try_from(delay).unwrap_or(u32::MAX);
        if asked.limit > 0 && delay > asked.limit {
            return Err(Failed::new("Error_TooLate", format!("it woke {delay} microseconds too late")));
        }
        delays.push(delay);
    }
    Ok(delays)
}
