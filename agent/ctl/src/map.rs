//! `map`: mapping files against the standard's tables and, with `--check`, against the services.

use std::collections::HashMap;
use std::path::Path;

use cwmp_mapping::mapping::{RowKey, Rows};
use cwmp_mapping::{
    check, check_live, questions, Answers, Findings, Introspection, Mapping, MappingError, Problem, Question,
    Subject,
};
use cwmp_model::standard::Library;
use serde_json::{json, Value as Json};
use zbus::export::serde::{de::DeserializeOwned, Serialize};
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type, Value};

use crate::agent::Agent;
use crate::cli::MapArguments;
use crate::error::CtlError;
use crate::output::Output;

type Objects = HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedValue>>>;

/// What was found in all files.
#[derive(Debug, Default)]
struct Report {
    roots: Vec<String>,
    problems: Vec<(String, Problem)>,
    unchecked: Vec<(String, Problem)>,
}

/// Checks files against the standard alone.
pub(crate) fn offline(arguments: &MapArguments, output: &Output) -> Result<(), CtlError> {
    let mut report = Report::default();
    for mapping in mappings(arguments, &mut report)? {
        report.roots.extend(mapping.roots().into_iter().map(str::to_owned));
    }
    report.print(arguments, output)
}

/// Checks files against the standard and the services on the bus.
pub(crate) async fn live(agent: &Agent, arguments: &MapArguments, output: &Output) -> Result<(), CtlError> {
    let mut report = Report::default();
    for mapping in mappings(arguments, &mut report)? {
        let mut answers = Answers::new();
        let asker = Asker { agent, mapping: &mapping };
        for question in questions(&mapping) {
            let Some(path) = Box::pin(asker.find(question.service, &question.object)).await else { continue };
            if let Some(introspection) = asker.introspect(&question, &path).await? {
                answers.insert(question, introspection);
            }
        }
        let Findings { problems, unchecked } = check_live(&mapping, &answers);
        report.problems.extend(problems.into_iter().map(|p| (mapping.file.clone(), p)));
        report.unchecked.extend(unchecked.into_iter().map(|p| (mapping.file.clone(), p)));
        report.roots.extend(mapping.roots().into_iter().map(str::to_owned));
    }
    report.print(arguments, output)
}

/// The files that make sense; what is wrong with the others is in the report.
fn mappings(arguments: &MapArguments, report: &mut Report) -> Result<Vec<Mapping>, CtlError> {
    let library = Library::open(&arguments.models).map_err(|error| CtlError::no_models(&error))?;
    let mut good = Vec::new();
    for file in &arguments.files {
        match load(file, &library) {
            Ok(mapping) => good.push(mapping),
            Err(MappingError::Wrong { file, problems }) => {
                report.problems.extend(problems.into_iter().map(|p| (file.clone(), p)));
            }
            Err(error) => return Err(CtlError::Usage(error.to_string())),
        }
    }
    Ok(good)
}

fn load(file: &Path, library: &Library) -> Result<Mapping, MappingError> {
    let mapping = Mapping::load(file)?;
    check(&mapping, library)?;
    Ok(mapping)
}

impl Report {
    fn print(&self, arguments: &MapArguments, output: &Output) -> Result<(), CtlError> {
        let shown = |all: &[(String, Problem)]| -> Vec<Json> {
            let one = |(file, p): &(String, Problem)| json!({ "file": file, "line": p.line, "key": p.key, "text": p.text });
            all.iter().map(one).collect()
        };
        if output.is_json() {
            output.json(&json!({
                "roots": self.roots, "problems": shown(&self.problems), "unchecked": shown(&self.unchecked),
            }))?;
        } else {
            for (file, problem) in &self.problems {
                output.line(&format!("{file}:{}: {problem}", problem.line))?;
            }
            for (file, problem) in &self.unchecked {
                output.remark(&format!("not checked: {file}:{}: {problem}", problem.line));
            }
            if arguments.roots {
                self.roots.iter().try_for_each(|root| output.line(root))?;
            } else if self.problems.is_empty() {
                output.line(&format!("{} roots, no problem", self.roots.len()))?;
            }
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(CtlError::Faults)
        }
    }
}

/// Who looks the objects of a mapping up.
struct Asker<'a> {
    agent: &'a Agent,
    mapping: &'a Mapping,
}

impl Asker<'_> {
    /// The path of an object, if there is one now.
    async fn find(&self, service: usize, object: &Subject) -> Option<String> {
        match object {
            Subject::Path(path) => Some(path.clone()),
            Subject::Via { base, interface, property } => {
                let base = Box::pin(self.find(service, base)).await?;
                self.property(service, &base, interface, property).await?.into_iter().next()
            }
            Subject::Row(table) => {
                let table = &self.mapping.tables[*table];
                match &table.rows {
                    Rows::One(path) => Some(path.clone()),
                    Rows::Listed { interface, property } => {
                        let holder = match table.outer {
                            Some(outer) => Box::pin(self.find(service, &Subject::Row(outer))).await?,
                            None => self.mapping.services[service].path.clone(),
                        };
                        self.property(service, &holder, interface, property).await?.into_iter().next()
                    }
                    Rows::Managed { manager, interface, .. } => {
                        let manager_interface = "org.freedesktop.DBus.ObjectManager";
                        let call = self.call::<_, Objects>(
                            service,
                            manager,
                            manager_interface,
                            "GetManagedObjects",
                            &(),
                        );
                        // The one that has most to say: of an object without its key there is no row.
                        let key = |all: &HashMap<String, OwnedValue>| match &table.key {
                            RowKey::Path => true,
                            RowKey::Property(name) => all.contains_key(name),
                        };
                        let objects = call.await?.into_iter();
                        let rows = objects.filter(|(_, o)| o.get(interface).is_some_and(key));
                        rows.max_by_key(|(_, o)| o.len()).map(|(path, _)| path.to_string())
                    }
                }
            }
        }
    }

    /// The object paths that a property holds.
    async fn property(&self, service: usize, path: &str, interface: &str, name: &str) -> Option<Vec<String>> {
        let properties = "org.freedesktop.DBus.Properties";
        let value: OwnedValue = self.call(service, path, properties, "Get", &(interface, name)).await?;
        let path = |value: &Value<'_>| match value {
            Value::ObjectPath(path) if path.as_str() != "/" => Some(path.to_string()),
            _ => None,
        };
        match &*value {
            Value::Array(items) => Some(items.inner().iter().filter_map(path).collect()),
            one => Some(path(one).into_iter().collect()),
        }
    }

    async fn introspect(&self, question: &Question, path: &str) -> Result<Option<Introspection>, CtlError> {
        let interface = "org.freedesktop.DBus.Introspectable";
        let xml: Option<String> = self.call(question.service, path, interface, "Introspect", &()).await;
        let Some(xml) = xml else { return Ok(None) };
        let read = Introspection::parse(&xml);
        read.map(Some).map_err(|error| {
            let name = &self.mapping.services[question.service].name;
            CtlError::Unexpected(format!("{name} at {path}: {error}"))
        })
    }

    /// An answer, if there is one: what is not there is told as such by whoever looks at the answers.
    async fn call<B, R>(
        &self,
        service: usize,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Option<R>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        let name = self.mapping.services[service].name.as_str();
        let call = self.agent.connection().call_method(Some(name), path, Some(interface), member, body);
        let reply = tokio::time::timeout(self.agent.timeout(), call).await.ok()?.ok()?;
        reply.body().deserialize().ok()
    }
}
