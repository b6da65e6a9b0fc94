//! Diagnostics: tests of the device that an ACS asks for by `DiagnosticsState`, under the rules of TR-106 and TR-181.
//!
//! An object with the parameter `DiagnosticsState` that the plugin's [`declare!`](crate::declare!) lists among its
//! `diagnostics` runs by itself: [`Settings`] hold its state, which nobody stores, and what the last run found.
//!
//! ```text
//!   Requested is set --> commit --> finish --> the session is over --> diagnose()
//!                            |         |                                   |
//!                     taken back: never was     anything else is set: ended, None, no event
//!                                                                          |
//!        results, Complete or Error..., then the event  <--  no session is open
//! ```

mod board;
mod machine;
mod marker;
mod thread;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::job::Signal;
use crate::object::Single;
use crate::{Error, Object, Serve};

pub(crate) use board::{Diagnostics, Found, Ticket};
pub use thread::Diagnosed;
pub(crate) use thread::{begin_due, Thread};

/// The parameter that makes an object a diagnostic.
pub(crate) const STATE: &str = "DiagnosticsState";

/// What is written to it, and what the device says.
pub(crate) const NONE: &str = "None";
pub(crate) const REQUESTED: &str = "Requested";
pub(crate) const COMPLETE: &str = "Complete";

/// An object that is a diagnostic: one that exists once and has the parameter `DiagnosticsState`, a text that can be set.
/// Where it cannot be canceled, its facets say so: `#[param(writable, "enum=Requested;enumro=None|Complete|Error")]`.
pub trait Diagnostic: Object<Shape = Single> {
    /// What a run finds; [`Settings::results`](crate::Settings::results) has it until the next run.
    type Results: Send + Sync + 'static;
}

/// A plugin runs a diagnostic.
///
/// ```
/// use std::time::Duration;
/// use cwmp_plugin_sdk::{
///     declare, Config, Diagnose, Diagnostic, Error, Failed, Host, Object, Plugin, Serve, Settings, Test, Wanted,
/// };
///
/// #[derive(Object)]
/// #[object("Device.X_ACME_Lamp.Test.")]
/// struct LampTest {
///     #[param(writable, pushed, "enum=Requested|Canceled;enumro=None|Complete|Error")]
///     diagnostics_state: String,
///     #[param(writable, "default=2")]
///     flashes: u32,
///     seen: u32,
/// }
///
/// impl Diagnostic for LampTest {
///     type Results = u32;
/// }
///
/// struct Lamp(Settings);
///
/// declare! {
///     Lamp, name: "lamp", base: "Device.X_ACME_Lamp.", objects { LampTest }, diagnostics { LampTest }
/// }
///
/// impl Plugin for Lamp {
///     fn create(host: Host, _: &Config) -> Result<Self, Error> {
///         Settings::load(&host).map(Self)
///     }
///
///     fn settings(&self) -> Option<&Settings> {
///         Some(&self.0)
///     }
/// }
///
/// impl Serve<LampTest> for Lamp {
///     fn read(&mut self, kept: LampTest, _: &Wanted<'_>) -> Result<LampTest, Error> {
///         Ok(LampTest { seen: self.0.results::<LampTest>().map_or(0, |seen| *seen), ..kept })
///     }
/// }
///
/// impl Diagnose<LampTest> for Lamp {
///     fn diagnose(&mut self, asked: LampTest) -> Result<Test<LampTest>, Failed> {
///         Ok(Box::new(move |run| {
///             for _ in 0..asked.flashes {
///                 // One flash; it ends at once when nobody wants to know any more.
///                 run.wait(Duration::from_millis(1));
///             }
///             Ok(asked.flashes)
///         }))
///     }
/// }
/// # let mut lamp = cwmp_plugin_sdk::testing::Harness::new(&PLUGIN, "{}");
/// # lamp.set(&[("Device.X_ACME_Lamp.Test.DiagnosticsState", "Requested")]).unwrap();
/// # while lamp.get("Device.X_ACME_Lamp.Test.DiagnosticsState").unwrap() != "Complete" { lamp.wait_changed(); }
/// # assert_eq!(lamp.get("Device.X_ACME_Lamp.Test.Seen").unwrap(), "2");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` lists the diagnostic `{O}` and does not run it",
    note = "write `impl Diagnose<{O}> for {Self}`"
)]
pub trait Diagnose<O: Diagnostic>: Serve<O> {
    /// Begins the test with what is set now. What comes back runs in a thread of its own; a test that was ended and begun
    /// again waits until the one before has left its thread.
    fn diagnose(&mut self, asked: O) -> Result<Test<O>, Failed>;
}

/// A test that is ready to run.
pub type Test<O> = Box<dyn FnOnce(&Run) -> Result<<O as Diagnostic>::Results, Failed> + Send>;

/// The run of a test, as the test sees it.
#[derive(Debug, Clone)]
pub struct Run(Arc<Signal>);

impl Run {
    /// Whether nobody wants the results any more. What the test says then is thrown away.
    pub fn is_over(&self) -> bool {
        self.0.is_given()
    }

    /// Waits so long; at once true when nobody wants the results any more.
    pub fn wait(&self, time: Duration) -> bool {
        self.0.wait(time)
    }
}

/// Why a test has no results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    state: Option<String>,
    why: String,
}

impl Failed {
    /// With the state that the ACS is told, such as `Error_CannotResolveHostName`: one that the object's enumeration has.
    pub fn new(state: impl Into<String>, why: impl Into<String>) -> Self {
        Self { state: Some(state.into()), why: why.into() }
    }

    /// With the state that says least: `Error_Internal` where the object has it, or `Error`.
    pub fn internal(why: impl Into<String>) -> Self {
        Self { state: None, why: why.into() }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::internal(error.to_string())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
