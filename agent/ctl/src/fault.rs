//! Refusals by path, and what to do about them.

use cwmp_model::FaultCode;
use serde_json::{json, Value};

use crate::agent::Agent;
use crate::error::CtlError;
use crate::output::Output;
use crate::suggestion;

/// How many faults of one answer are looked into for a suggestion; each costs a few calls.
pub(crate) const MAX_SUGGESTIONS: usize = 3;

/// As the agent answers them: path, code, text.
pub(crate) type Faults = Vec<(String, u32, String)>;

/// The faults as JSON has them.
pub(crate) fn to_json(faults: &Faults) -> Value {
    let one =
        |(path, code, text): &(String, u32, String)| json!({ "path": path, "code": code, "text": text });
    Value::Array(faults.iter().map(one).collect())
}

/// Ends a command that has told its result: prints the faults for people, and fails if there are any.
pub(crate) async fn conclude(agent: &Agent, output: &Output, faults: &Faults) -> Result<(), CtlError> {
    if faults.is_empty() {
        return Ok(());
    }
    if !output.is_json() {
        let mut left = MAX_SUGGESTIONS;
        for (path, code, text) in faults {
            let known = FaultCode::from_number(*code);
            let mut next = None;
            if known == Some(FaultCode::InvalidParameterName) && left > 0 {
                left -= 1;
                next = suggestion::for_path(agent, path).await;
            }
            let next = next.or_else(|| advice(known?, Some(path)));
            let next = next.map_or_else(String::new, |n| format!("; {n}"));
            output.remark(&format!("{} ({code}){next}", about(path, text)));
        }
    }
    Err(CtlError::Faults)
}

/// The same where the tree has nothing to say of the paths, but the command has.
pub(crate) fn conclude_with(output: &Output, faults: &Faults, hint: &str) -> Result<(), CtlError> {
    if !output.is_json() {
        for (path, code, text) in faults {
            output.remark(&format!("{} ({code}); {hint}", about(path, text)));
        }
    }
    Err(CtlError::Faults)
}

/// A fault's text with its path, which the agent may have put into it already.
pub(crate) fn about(path: &str, text: &str) -> String {
    if text.strip_prefix(path).is_some_and(|rest| rest.starts_with([':', ' '])) {
        text.to_owned()
    } else {
        format!("{path}: {text}")
    }
}

/// A fault of the whole request, told as one of its path.
pub(crate) fn of_path(path: &str, error: CtlError) -> Result<Faults, CtlError> {
    let fault = error.into_fault()?;
    Ok(vec![(path.to_owned(), u32::from(fault.code.number()), fault.text.into_owned())])
}

/// What to do about a fault.
pub(crate) fn advice(code: FaultCode, path: Option<&str>) -> Option<String> {
    let path = path.unwrap_or("PATH");
    match code {
        FaultCode::InternalError => Some("cwmpctl plugins shows whether its plugin is away".to_owned()),
        FaultCode::InvalidParameterName => Some("cwmpctl list shows what there is".to_owned()),
        FaultCode::InvalidParameterType | FaultCode::InvalidParameterValue => {
            Some(format!("cwmpctl describe -l {path} shows what is allowed"))
        }
        FaultCode::NotWritable => Some(format!("cwmpctl describe {path} shows the access")),
        FaultCode::NotificationRejected => Some("this parameter cannot have that notification".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_once() {
        assert_eq!(about("Device.A", "read-only"), "Device.A: read-only");
        assert_eq!(about("Device.A", "Device.A: read-only"), "Device.A: read-only");
        assert_eq!(about("Device.A", "Device.AB is read-only"), "Device.A: Device.AB is read-only");
    }
}
