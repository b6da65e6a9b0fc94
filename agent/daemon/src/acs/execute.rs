//! The RPCs of the ACS: each request becomes a response or a fault.

use cwmp_model::{Fault, FaultCode};
use cwmp_proto::{Context, ParameterNames, ParameterValues, Request, XsiType, SERVED};
use cwmp_session::event;
use cwmp_store::Op;

use super::action;
use crate::core::control::{REBOOT_DUE, RESET_DUE};
use crate::core::{AttributeRequest, Core, Declared, NewValue, WriteError, MAX_ANSWER};
use crate::provider::Origin;

/// Does what is asked and writes the answer.
pub(super) async fn execute(core: &Core, context: Context<'_>, request: Request, session: u64) -> Vec<u8> {
    core.fix_view().await;
    match run(core, context, request, Origin::Acs(session)).await {
        Ok(response) => response,
        Err((fault, parameters)) => {
            tracing::info!("answered with fault {fault}");
            for (name, fault) in &parameters {
                tracing::info!("  {name}: {fault}");
            }
            cwmp_proto::write_fault(context, &fault, &parameters)
        }
    }
}

type Refusal = (Fault, Vec<(String, Fault)>);

fn whole(fault: impl Into<Fault>) -> Refusal {
    (fault.into(), Vec::new())
}

fn written(error: WriteError) -> Refusal {
    match error {
        WriteError::Fault(fault, parameters) => (fault, parameters),
        WriteError::Busy => {
            whole(Fault::new(FaultCode::InternalError, "another change is under way; try again"))
        }
    }
}

/// AddObject and DeleteObject have no faults of single parameters: the first stands for all.
fn row_written(error: WriteError) -> Refusal {
    let (fault, parameters) = written(error);
    whole(parameters.into_iter().next().map_or(fault, |(_, fault)| fault))
}

async fn run(
    core: &Core,
    context: Context<'_>,
    request: Request,
    origin: Origin,
) -> Result<Vec<u8>, Refusal> {
    match request {
        Request::GetRpcMethods => Ok(cwmp_proto::write_methods(context, SERVED)),
        Request::GetParameterValues { names } => values(core, context, &names, origin).await,
        Request::GetParameterNames { path, next_level } => {
            let names = core.list(&path, next_level, origin).await.map_err(whole)?;
            let mut out = ParameterNames::begin(context, names.len());
            for (name, writable) in &names {
                out.push(name, *writable);
            }
            Ok(out.finish())
        }
        Request::SetParameterValues { values, parameter_key } => {
            let values: Vec<NewValue> = values
                .into_iter()
                .map(|v| NewValue {
                    name: v.name,
                    declared: match v.xsi_type {
                        XsiType::Known(kind) => Declared::Type(kind),
                        XsiType::Missing => Declared::Nothing,
                        XsiType::Unknown => Declared::Unknown,
                    },
                    text: v.text,
                })
                .collect();
            let applied = core.set(&values, origin, Some(&parameter_key)).await.map_err(written)?;
            Ok(cwmp_proto::write_status_response(context, "SetParameterValues", applied.later))
        }
        Request::GetParameterAttributes { names } => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (attributes, faults) = core.attributes(&names, origin).await;
            match faults.into_iter().next() {
                Some((_, fault)) => Err(whole(fault)),
                None => Ok(cwmp_proto::write_attributes(context, &attributes)),
            }
        }
        Request::SetParameterAttributes { changes } => {
            let requests: Vec<AttributeRequest> = changes
                .into_iter()
                .map(|c| AttributeRequest {
                    name: c.name,
                    notification: c.notification,
                    access_list: c.access_list,
                })
                .collect();
            let result = core.set_attributes(&requests, origin).await;
            result.map_err(|faults| {
                whole(faults.into_iter().next().map_or_else(|| FaultCode::InternalError.into(), |(_, f)| f))
            })?;
            Ok(cwmp_proto::write_empty_response(context, "SetParameterAttributes"))
        }
        Request::AddObject { object, parameter_key } => {
            let applied = core.add(&object, &[], origin, Some(&parameter_key)).await.map_err(row_written)?;
            Ok(cwmp_proto::write_add_object_response(context, applied.number, applied.later))
        }
        Request::DeleteObject { object, parameter_key } => {
            let applied = core.delete(&object, origin, Some(&parameter_key)).await.map_err(row_written)?;
            Ok(cwmp_proto::write_status_response(context, "DeleteObject", applied.later))
        }
        Request::Reboot { command_key } => {
            if !action::is_configured(&core.config.reboot) {
                let text = "no command for a reboot is configured";
                return Err(whole(Fault::new(FaultCode::RequestDenied, text)));
            }
            // Stored before the answer: the reboot comes, whatever happens to the answer (C84).
            let due = vec![Op::PutMeta { key: REBOOT_DUE.into(), value: "1".into() }];
            core.add_event_with(event::M_REBOOT, &command_key, due).await.map_err(whole)?;
            Ok(cwmp_proto::write_empty_response(context, "Reboot"))
        }
        Request::FactoryReset => {
            if !action::is_configured(&core.config.factory_reset) {
                let text = "no command for a factory reset is configured";
                return Err(whole(Fault::new(FaultCode::RequestDenied, text)));
            }
            // It succeeds or is done at the next start (C168).
            core.persist.commit(vec![Op::PutMeta { key: RESET_DUE.into(), value: "1".into() }]).await;
            Ok(cwmp_proto::write_empty_response(context, "FactoryReset"))
        }
        other => {
            let text = format!("{} is not supported", other.method());
            Err(whole(Fault::new(FaultCode::MethodNotSupported, text)))
        }
    }
}

async fn values(
    core: &Core,
    context: Context<'_>,
    names: &[String],
    origin: Origin,
) -> Result<Vec<u8>, Refusal> {
    let paths: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut reading = core.read(&paths, origin).await;
    if !reading.faults.is_empty() {
        // One answer only: a name that does not exist says more than a provider that is away.
        let unknown = |(_, f): &(String, Fault)| f.code == FaultCode::InvalidParameterName;
        let position = reading.faults.iter().position(unknown).unwrap_or_default();
        return Err(whole(reading.faults.swap_remove(position).1));
    }
    let size = reading.size();
    if size > MAX_ANSWER {
        let text = format!("the answer has {size} bytes, {MAX_ANSWER} are possible: ask for less at once");
        return Err(whole(Fault::new(FaultCode::ResourcesExceeded, text)));
    }
    let mut out = ParameterValues::begin(context, reading.len(), size);
    reading.for_each(|name, kind, text| out.push(name, kind, text));
    Ok(out.finish())
}
