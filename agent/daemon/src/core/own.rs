//! Values of the agent's own parameters.

use cwmp_model::Value;

use super::{lock, Core};
use crate::local::{self, Live, Parameter, Source};

/// The key in the store of the software version that its provider told last.
pub(crate) const TOLD_SOFTWARE_VERSION: &str = "software_version";

/// The value of a setting: what was written last, else the factory value. Empty for what is no setting.
pub(super) fn setting(core: &Core, path: &str) -> String {
    if let Some(value) = core.persist.read().settings.get(path) {
        return value.clone();
    }
    match local::parameter(path).map(|p| p.source) {
        Some(Source::Setting(factory)) => factory(&core.config),
        Some(Source::IdentitySetting(factory)) => {
            core.identity.as_ref().map(|i| factory(i).to_owned()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

impl Core {
    /// The value of one of the agent's parameters, secrets included.
    pub(super) fn own_value(&self, parameter: &Parameter) -> String {
        match parameter.source {
            Source::Identity(field) => {
                self.identity.as_ref().map(|i| field(i).to_owned()).unwrap_or_default()
            }
            Source::Setting(_) | Source::IdentitySetting(_) => setting(self, parameter.path),
            Source::Fixed(text) => text.to_owned(),
            Source::Live(Live::ConnectionRequestUrl) => lock(&self.status).connection_request_url.clone(),
            Source::Live(Live::SoftwareVersion) => {
                let told = if super::changes::ours(&self.tree()) {
                    None
                } else {
                    self.persist.read().meta.get(TOLD_SOFTWARE_VERSION).cloned()
                };
                told.or_else(|| self.identity.as_ref().ok().map(|i| i.software_version.clone()))
                    .unwrap_or_default()
            }
        }
    }

    /// The parameters that are in every Inform (C75), without asking a provider.
    pub(crate) fn inform_parameters(&self) -> Vec<(String, Value)> {
        let own = local::PARAMETERS.iter().filter(|p| p.flags.has(cwmp_model::NodeFlags::INFORM));
        own.map(|p| {
            let text = self.own_value(p);
            // The factory value of the model and the values that were checked when they were set are in lexical form.
            (p.path.to_owned(), Value::new(p.kind, text))
        })
        .collect()
    }

    /// The alias of a row: what was set, what the provider says, or one of our own that stays the same (C209).
    pub(super) fn alias(&self, table: &str, number: u32, reported: &str) -> String {
        let stored = self
            .persist
            .read()
            .tables
            .get(table)
            .and_then(|t| t.rows.get(&number))
            .and_then(|row| row.alias.clone());
        match stored {
            Some(alias) => alias,
            None if !reported.is_empty() => reported.to_owned(),
            None => format!("cpe-{number}"),
        }
    }
}
