//! The arguments of ChangeDUState and of what follows it.

use crate::codec::{
    Codec, Flag, Inner, Member, Moment, Name, Number, OrEmpty, Perhaps, Text, Uuid, KEY, NAME,
};
use crate::error::ReadError;
use crate::reader::Reader;
use crate::table::record;
use crate::write::Out;

/// The longest text where the schema has no limit.
const LONG: usize = 65_536;

/// One operation of ChangeDUState.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Installs a unit.
    Install(Install),
    /// Updates a unit, or all that come from one URL.
    Update(Update),
    /// Removes a unit.
    Uninstall(Uninstall),
}

record! {
    /// What Install needs.
    pub struct Install = "InstallOpStruct" {
        /// Where the unit is.
        url: String = "URL" Name<1024>,
        /// The unit; a missing one is made up by the device.
        uuid: Option<String> = "UUID" OptionalUuid,
        /// For the file server.
        username: Option<String> = "Username" Perhaps<Text<256>>,
        /// For the file server.
        password: Option<String> = "Password" Perhaps<Text<256>>,
        /// The execution environment.
        environment: Option<String> = "ExecutionEnvRef" Perhaps<Name<NAME>>,
    }
}

record! {
    /// What Update needs.
    pub struct Update = "UpdateOpStruct" {
        /// The unit.
        uuid: Option<String> = "UUID" OptionalUuid,
        /// The version that is to be updated.
        version: Option<String> = "Version" Perhaps<Name<32>>,
        /// Where the new version is.
        url: Option<String> = "URL" Perhaps<Name<1024>>,
        /// For the file server.
        username: Option<String> = "Username" Perhaps<Text<256>>,
        /// For the file server.
        password: Option<String> = "Password" Perhaps<Text<256>>,
    }
}

record! {
    /// What Uninstall needs.
    pub struct Uninstall = "UninstallOpStruct" {
        /// The unit.
        uuid: String = "UUID" Uuid,
        /// The version; all of them if it is missing.
        version: Option<String> = "Version" Perhaps<Name<32>>,
        /// The execution environment.
        environment: Option<String> = "ExecutionEnvRef" Perhaps<Name<NAME>>,
    }
}

impl Member for Operation {
    const ELEMENT: &'static str = "Operations";
    const TYPE: &'static str = "cwmp:OperationStruct";

    fn read(reader: &mut Reader<'_, '_>) -> Result<Self, ReadError> {
        match reader.cursor.structure.as_str() {
            Install::ELEMENT => Install::read(reader).map(Self::Install),
            Update::ELEMENT => Update::read(reader).map(Self::Update),
            Uninstall::ELEMENT => Uninstall::read(reader).map(Self::Uninstall),
            other => Err(reader.wrong(format!("there is no operation '{other}'"))),
        }
    }

    fn write(&self, out: &mut Out) {
        match self {
            Self::Install(install) => install.write(out),
            Self::Update(update) => update.write(out),
            Self::Uninstall(uninstall) => uninstall.write(out),
        }
    }

    fn xsi_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::Install(_) => Install::TYPE,
            Self::Update(_) => Update::TYPE,
            Self::Uninstall(_) => Uninstall::TYPE,
        })
    }
}

record! {
    /// What became of one operation of ChangeDUState.
    pub struct OperationResult = "OpResultStruct" {
        /// The unit.
        uuid: String = "UUID" Uuid,
        /// Its row, empty if there is none.
        unit: String = "DeploymentUnitRef" Name<LONG>,
        /// Its version.
        version: String = "Version" Name<32>,
        /// What it is now.
        state: DeploymentState = "CurrentState" Word<DeploymentState>,
        /// Whether it has all that it depends on.
        resolved: bool = "Resolved" Flag,
        /// The rows of its execution units, separated by commas.
        execution_units: String = "ExecutionUnitRefList" Name<LONG>,
        /// When it started, or the Unknown Time.
        start_time: String = "StartTime" Moment,
        /// When it was complete, or the Unknown Time.
        complete_time: String = "CompleteTime" Moment,
        /// What went wrong, if anything did.
        fault: DeploymentFault = "Fault" Inner<DeploymentFault>,
    }
}

record! {
    /// What was done without ChangeDUState, and what became of it.
    pub struct AutonomousResult = "AutonOpResultStruct" {
        /// The unit.
        uuid: String = "UUID" Uuid,
        /// Its row, empty if there is none.
        unit: String = "DeploymentUnitRef" Name<LONG>,
        /// Its version.
        version: String = "Version" Name<32>,
        /// What it is now.
        state: DeploymentState = "CurrentState" Word<DeploymentState>,
        /// Whether it has all that it depends on.
        resolved: bool = "Resolved" Flag,
        /// The rows of its execution units, separated by commas.
        execution_units: String = "ExecutionUnitRefList" Name<LONG>,
        /// When it started, or the Unknown Time.
        start_time: String = "StartTime" Moment,
        /// When it was complete, or the Unknown Time.
        complete_time: String = "CompleteTime" Moment,
        /// What went wrong, if anything did.
        fault: DeploymentFault = "Fault" Inner<DeploymentFault>,
        /// What was done.
        operation: OperationKind = "OperationPerformed" Word<OperationKind>,
    }
}

record! {
    /// The fault of an operation.
    pub struct DeploymentFault = "DeploymentUnitFaultStruct" {
        /// 0, or a fault code that is allowed for deployment units; another one is sent as 9001.
        code: u32 = "FaultCode" DeploymentCode,
        /// What happened.
        text: String = "FaultString" OrEmpty<LONG>,
    }
}

/// A type whose values are words of the schema.
trait Words: Copy + 'static {
    const ALL: &'static [(Self, &'static str)];
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl Words for $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$word, stringify!($word)),)*];
        }
    };
}

words! {
    /// What a deployment unit is.
    DeploymentState {
        /// It is there.
        Installed,
        /// It is gone.
        Uninstalled,
        /// The operation failed.
        Failed,
    }
}

words! {
    /// What can be done with a deployment unit.
    OperationKind {
        /// It was installed.
        Install,
        /// It was updated.
        Update,
        /// It was removed.
        Uninstall,
    }
}

struct Word<W>(std::marker::PhantomData<W>);

impl<W: Words + PartialEq> Codec for Word<W> {
    type Value = W;

    fn read(reader: &mut Reader<'_, '_>) -> Result<W, ReadError> {
        let text = reader.name(KEY)?;
        let found = W::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(value, _)| *value).ok_or_else(|| reader.wrong(format!("there is no '{text}'")))
    }

    fn write(value: &W, name: &str, out: &mut Out) {
        let word = W::ALL.iter().find(|(one, _)| one == value).map_or("", |(_, word)| word);
        out.leaf(name, word);
    }
}

/// A UUID that may be missing; some ACSs send it empty then.
struct OptionalUuid;

impl Codec for OptionalUuid {
    type Value = Option<String>;

    fn read(reader: &mut Reader<'_, '_>) -> Result<Option<String>, ReadError> {
        let text = reader.name(36)?;
        if text.is_empty() {
            return Ok(None);
        }
        Uuid::check(text, reader).map(Some)
    }

    fn write(value: &Option<String>, name: &str, out: &mut Out) {
        Perhaps::<Uuid>::write(value, name, out);
    }

    fn absent() -> Option<Option<String>> {
        Some(None)
    }
}

/// A fault code of an operation.
struct DeploymentCode;

impl Codec for DeploymentCode {
    type Value = u32;

    fn read(reader: &mut Reader<'_, '_>) -> Result<u32, ReadError> {
        Number::<0>::read(reader)
    }

    fn write(value: &u32, name: &str, out: &mut Out) {
        let known = matches!(
            value,
            0 | 9001 | 9003 | 9012 | 9013 | 9015..=9018 | 9022..=9899
        );
        Number::<0>::write(if known { value } else { &9001 }, name, out);
    }
}
