//! What one request has read: each thing at most once, everything that can be at the same time.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use cwmp_mapping::mapping::Service;
use cwmp_mapping::signature::Type;
use cwmp_mapping::template::Template;
use cwmp_mapping::Raw;
use futures_util::future::join_all;
use zbus::zvariant::Value;

use crate::bus::{Bus, Objects, Properties};
use crate::failure::Failure;
use crate::value::{fill, Filling};

/// How often something that was read may lead to something else: rows, rows inside them, an object that one names.
pub(crate) const MAX_ROUNDS: usize = 12;

/// Something to be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Need {
    /// All objects of a manager.
    Objects { service: usize, manager: String },
    /// All properties of an interface.
    Properties { service: usize, path: String, interface: String },
    /// The result of a parameter's method for an object and the key of a row.
    Result { parameter: usize, path: String, key: String },
}

/// A method to be called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method<'a> {
    pub(crate) service: usize,
    pub(crate) interface: &'a str,
    pub(crate) member: &'a str,
    pub(crate) arguments: &'a [(Type, Template)],
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    objects: HashMap<(usize, String), Result<Objects, Failure>>,
    properties: HashMap<(usize, String, String), Result<Properties, Failure>>,
    results: HashMap<(usize, String, String), Result<Raw, Failure>>,
    missing: HashSet<Need>,
}

/// Not yet: what is needed was noted, and will be there in the next round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Later;

/// What can be said in this round.
pub(crate) type Now<T> = Result<Result<T, Failure>, Later>;

impl Snapshot {
    /// The objects of a manager.
    pub(crate) fn objects(
        &mut self,
        service: usize,
        manager: &str,
    ) -> Result<Result<&Objects, Failure>, Later> {
        let key = (service, manager.to_owned());
        if !self.objects.contains_key(&key) {
            self.missing.insert(Need::Objects { service, manager: manager.to_owned() });
            return Err(Later);
        }
        Ok(self
            .objects
            .get(&key)
            .map_or(Err(Failure::Useless(String::new())), |r| r.as_ref().map_err(Clone::clone)))
    }

    /// The properties of an interface; what came with the objects of a manager is not asked for again.
    pub(crate) fn properties(
        &mut self,
        service: usize,
        path: &str,
        interface: &str,
    ) -> Result<Result<&Properties, Failure>, Later> {
        let key = (service, path.to_owned(), interface.to_owned());
        let mut managed = self.objects.iter().filter(|((s, _), _)| *s == service);
        let object = managed.find_map(|(_, all)| all.as_ref().ok()?.get(path));
        if let Some(interfaces) = object {
            return Ok(interfaces
                .get(interface)
                .ok_or_else(|| Failure::Useless(format!("{path} has no {interface}"))));
        }
        if !self.properties.contains_key(&key) {
            let (path, interface) = (path.to_owned(), interface.to_owned());
            self.missing.insert(Need::Properties { service, path, interface });
            return Err(Later);
        }
        let found = self.properties.get(&key);
        Ok(found.map_or(Err(Failure::Useless(String::new())), |r| r.as_ref().map_err(Clone::clone)))
    }

    /// The result of the method of a parameter.
    pub(crate) fn result(&mut self, parameter: usize, path: &str, key: &str) -> Now<Raw> {
        let place = (parameter, path.to_owned(), key.to_owned());
        if let Some(found) = self.results.get(&place) {
            return Ok(found.clone());
        }
        self.missing.insert(Need::Result { parameter, path: path.to_owned(), key: key.to_owned() });
        Err(Later)
    }

    /// Reads all that was noted; `false` if nothing was.
    pub(crate) async fn fetch<'a>(
        &mut self,
        bus: &Bus,
        services: &[Service],
        method: &dyn Fn(usize) -> Option<Method<'a>>,
        end: Instant,
    ) -> bool {
        let mut needs: Vec<Need> = self.missing.drain().collect();
        if needs.is_empty() {
            return false;
        }
        // The same order every time, so that a service sees the same calls.
        needs.sort_unstable();
        let limit = |service: &Service| -> Duration {
            service.timeout.min(end.saturating_duration_since(Instant::now()))
        };
        let answers = needs.into_iter().map(|need| async move {
            let answer = match &need {
                Need::Objects { service, manager } => {
                    let service = &services[*service];
                    Answer::Objects(bus.objects(service, manager, limit(service)).await)
                }
                Need::Properties { service, path, interface } => {
                    let service = &services[*service];
                    Answer::Properties(bus.properties(service, path, interface, limit(service)).await)
                }
                Need::Result { parameter, path, key } => {
                    Answer::Result(call(bus, services, method(*parameter), path, key, &limit).await)
                }
            };
            (need, answer)
        });
        for (need, answer) in join_all(answers).await {
            match (need, answer) {
                (Need::Objects { service, manager }, Answer::Objects(all)) => {
                    self.objects.insert((service, manager), all);
                }
                (Need::Properties { service, path, interface }, Answer::Properties(all)) => {
                    self.properties.insert((service, path, interface), all);
                }
                (Need::Result { parameter, path, key }, Answer::Result(raw)) => {
                    self.results.insert((parameter, path, key), raw);
                }
                // Each need has the answer of its kind, made above.
                _ => {}
            }
        }
        true
    }
}

enum Answer {
    Objects(Result<Objects, Failure>),
    Properties(Result<Properties, Failure>),
    Result(Result<Raw, Failure>),
}

async fn call(
    bus: &Bus,
    services: &[Service],
    method: Option<Method<'_>>,
    path: &str,
    key: &str,
    limit: &dyn Fn(&Service) -> Duration,
) -> Result<Raw, Failure> {
    let Some(method) = method else { return Err(Failure::Useless("no method".to_owned())) };
    let service = &services[method.service];
    let with = Filling { value: None, object: path, key };
    let arguments = arguments(method.arguments, with)
        .ok_or_else(|| Failure::Useless(format!("the arguments of {} have no such values", method.member)))?;
    bus.result(service, path, method.interface, method.member, arguments, limit(service)).await
}

/// The arguments of a method; `None` if a value has not the type that it must have.
pub(crate) fn arguments(templates: &[(Type, Template)], with: Filling<'_>) -> Option<Vec<Value<'static>>> {
    templates.iter().map(|(of, template)| fill(template, of, with)).collect()
}
