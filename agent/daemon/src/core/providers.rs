//! Providers as the core sees them: their manifests, their coming and going, their part of the tree.

use std::sync::Arc;

use cwmp_bus::{names, BusError, Manifest};
use cwmp_model::schema::Owner;
use cwmp_model::{Fault, FaultCode};
use cwmp_store::Op;
use futures_util::future::join_all;
use zbus::names::OwnedUniqueName;

use super::tree::{self, DeclaredNode, Part, Tree};
use super::{lock, Core};
use crate::local::SOFTWARE_VERSION;
use crate::provider::{self, Description, Line, OverlayStamp, Provider, Stage};

/// The start of the facts that keep what providers described.
pub(super) const DESCRIPTION: &str = "describe:";
/// The start of the facts that say which providers still have to forget everything.
pub(crate) const RESET: &str = "factory_reset:";

impl Core {
    /// Reads the manifests. Providers that are there already stay; what is wrong is logged by name.
    pub(crate) fn load_manifests(&self) {
        let mut manifests: Vec<Manifest> = Vec::new();
        for loaded in Manifest::load_all(&self.config.plugins.folders) {
            match loaded {
                Ok(manifest) => manifests.push(manifest),
                Err(error) => tracing::error!("manifest, ignoring: {error}"),
            }
        }
        loop {
            let roots: Vec<(&str, &str)> = manifests
                .iter()
                .flat_map(|m| m.roots.iter().map(|r| (r.as_str(), m.name.as_str())))
                .collect();
            let Some((name, why)) = tree::clash(&roots) else { break };
            let name = name.to_owned();
            tracing::error!("the manifest of {name} is refused: {why}");
            manifests.retain(|m| m.name != name);
        }
        let now = self.clock.steady();
        let mut providers = lock(&self.providers);
        let wanted: Vec<_> = manifests
            .into_iter()
            .map(|manifest| (OverlayStamp::of(&self.config.plugins.overlays, &manifest.name), manifest))
            .collect();
        let is_same = |p: &Provider, (overlay, manifest): &(_, Manifest)| {
            p.manifest == *manifest && p.overlay == *overlay
        };
        providers.retain(|p| wanted.iter().any(|one| is_same(p, one)));
        for one in wanted {
            if !providers.iter().any(|p| is_same(p, &one)) {
                providers.push(Arc::new(Provider::new(one.1, one.0, now)));
            }
        }
        providers.sort_by(|a, b| a.name().cmp(b.name()));
    }

    /// Every provider that has a manifest.
    pub(crate) fn providers(&self) -> Vec<Arc<Provider>> {
        lock(&self.providers).clone()
    }

    /// The provider with this name.
    pub(crate) fn provider(&self, name: &str) -> Option<Arc<Provider>> {
        lock(&self.providers).iter().find(|p| p.name() == name).cloned()
    }

    /// The provider whose name on the bus this connection owns.
    pub(crate) fn provider_of(&self, sender: &str) -> Option<Arc<Provider>> {
        let owns = |p: &&Arc<Provider>| p.condition().owner.is_some_and(|owner| owner.as_str() == sender);
        lock(&self.providers).iter().find(owns).cloned()
    }

    /// Ends when a provider comes or goes.
    pub(crate) fn provider_moves(&self) -> tokio::sync::futures::Notified<'_> {
        self.providers_moved.notified()
    }

    /// A line to the provider behind an owner index, waiting for it a short time.
    pub(super) async fn line(&self, tree: &Tree, owner: Owner) -> Result<Line, Fault> {
        self.line_to(tree.owner_name(owner)).await
    }

    /// A line to a provider, waiting for it a short time.
    pub(super) async fn line_to(&self, name: &str) -> Result<Line, Fault> {
        let gone = || Fault::new(FaultCode::InternalError, format!("provider {name} is gone"));
        let provider = self.provider(name).ok_or_else(gone)?;
        let owner = provider.ready(|| self.clock.steady()).await?;
        Ok(Line { bus: self.bus().clone(), owner, provider })
    }

    /// A line to a provider that is ready at this moment.
    pub(super) fn line_now(&self, name: &str) -> Option<Line> {
        let provider = self.provider(name)?;
        let condition = provider.condition();
        let owner = condition.owner.filter(|_| condition.stage == Stage::Ready)?;
        Some(Line { bus: self.bus().clone(), owner, provider })
    }

    /// A line to a provider that is starting or ready.
    pub(super) fn line_coming(&self, name: &str) -> Option<Line> {
        let provider = self.provider(name)?;
        let owner = provider.condition().owner?;
        Some(Line { bus: self.bus().clone(), owner, provider })
    }

    /// Whether the provider is still what its manifest says; after a reload another may have taken its place.
    pub(crate) fn has(&self, provider: &Arc<Provider>) -> bool {
        lock(&self.providers).iter().any(|p| Arc::ptr_eq(p, provider))
    }

    /// Looks at the announcements of a provider until there are no more.
    pub(crate) async fn meet(&self, provider: &Arc<Provider>) {
        while let Some(sender) = provider.next_announcement() {
            // After a reload it is for another to announce.
            if self.has(provider) && self.announced(provider, sender).await.is_ok() {
                self.catch_up(provider.name()).await;
            }
        }
    }

    /// A provider announces itself. `sender` was found to own its name.
    async fn announced(&self, provider: &Arc<Provider>, sender: OwnedUniqueName) -> Result<(), BusError> {
        let name = provider.name();
        let now = self.clock.steady();
        provider.set(|c| {
            if c.stage == Stage::Ready {
                c.since = now;
            }
            c.stage = Stage::Starting;
            c.owner = Some(sender.clone());
        });
        let line = Line { bus: self.bus().clone(), owner: sender.clone(), provider: Arc::clone(provider) };
        let description = match line.describe().await {
            Ok(description) => description,
            Err(error) => {
                self.provider_lost(name, Stage::Failed, &format!("it does not say what it serves: {error}"));
                return Err(error);
            }
        };
        self.adopt(name, &description).await;
        self.forget_if_told(name, &line).await;
        self.recover(name).await;
        if let Err(error) = line.watch(&provider.manifest.roots).await {
            tracing::warn!("provider {name}: changes will not be seen: {error}");
        }
        // Before it is ready: what does not fit is refused and never was.
        self.merge_if_free();
        let version = description.version.clone();
        let mut came = false;
        provider.set(|c| {
            // It may have gone meanwhile, or be another one already.
            if c.owner.as_ref() == Some(&sender) && c.stage == Stage::Starting {
                c.stage = Stage::Ready;
                c.cause.clear();
                c.version = version;
                came = true;
            }
        });
        if came {
            tracing::info!("provider {name} {} is ready", description.version);
            self.providers_moved.notify_waiters();
            if self.clock.is_trusted() {
                // It was not there when everyone was told.
                line.mention("clock-trusted", 0).await;
            }
        }
        Ok(())
    }

    /// After an announcement was answered: values that are watched are compared with what the ACS knows (C133).
    pub(crate) async fn catch_up(&self, name: &str) {
        let mut names = self.watched_names(Some(name));
        let tree = self.tree();
        let serves_version =
            tree.schema.find(SOFTWARE_VERSION).is_some_and(|id| tree.owner_name(tree.owner_of(id)) == name);
        if serves_version && !names.iter().any(|n| n == SOFTWARE_VERSION) {
            names.push(SOFTWARE_VERSION.to_owned());
        }
        if !names.is_empty() {
            self.values_changed(names).await;
        }
    }

    /// A provider went away, or cannot be used.
    pub(crate) fn provider_lost(&self, name: &str, stage: Stage, cause: &str) {
        if let Some(provider) = self.provider(name) {
            let now = self.clock.steady();
            provider.set(|c| c.lost(stage, provider::words(cause), now));
            self.providers_moved.notify_waiters();
        }
    }

    /// Keeps a description that is new. It becomes part of the tree when no session looks at it.
    async fn adopt(&self, name: &str, description: &Description) {
        if !provider::is_plain(description) {
            self.provider_lost(
                name,
                Stage::Refused,
                "its description has tabs or line breaks, too many lines or regular expressions, or a long version",
            );
            return;
        }
        let key = format!("{DESCRIPTION}{name}");
        let text = provider::to_text(description);
        let known = self.persist.read().meta.get(&key) == Some(&text);
        if !known {
            let mut ops = self.forgotten_descriptions();
            ops.push(Op::PutMeta { key, value: text });
            self.persist.commit(ops).await;
        }
        // One that is known and yet no part of the tree was refused: it may fit now, or is refused again.
        if !known || !self.tree().has_part(name) {
            *lock(&self.stale) = true;
        }
    }

    /// Removes what providers said that have no manifest any more.
    fn forgotten_descriptions(&self) -> Vec<Op> {
        let providers = self.providers();
        let has_none = |name: &str| !providers.iter().any(|p| p.name() == name);
        let gone = |key: &&String| key.strip_prefix(DESCRIPTION).is_some_and(has_none);
        let state = self.persist.read();
        state.meta.keys().filter(gone).map(|key| Op::RemoveMeta { key: key.clone() }).collect()
    }

    /// A factory reset that a provider did not hear of is repeated before it is used.
    pub(super) async fn forget_if_told(&self, name: &str, line: &Line) {
        let key = format!("{RESET}{name}");
        if self.persist.read().meta.contains_key(&key) {
            match line.notice("factory-reset", 0).await {
                Ok(()) => self.persist.commit(vec![Op::RemoveMeta { key }]).await,
                Err(error) => tracing::error!("provider {name}: it did not forget: {error}"),
            }
        }
    }

    /// Merges anew, unless the ACS looks at the tree.
    pub(crate) fn merge_if_free(&self) {
        if !self.view_is_fixed() && std::mem::take(&mut *lock(&self.stale)) {
            self.merge();
        }
    }

    /// Builds the tree of what is known of every provider.
    pub(crate) fn merge(&self) {
        let providers = self.providers();
        let described: Vec<(Arc<Provider>, Vec<DeclaredNode>)> = {
            let state = self.persist.read();
            let stored = |p: &Arc<Provider>| {
                let text = state.meta.get(&format!("{DESCRIPTION}{}", p.name()))?;
                let nodes = provider::from_text(text)?.nodes;
                Some((Arc::clone(p), self.standard.judge(p.name(), &p.manifest.models, &nodes)))
            };
            providers.iter().filter_map(stored).collect()
        };
        let parts: Vec<Part<'_>> = described
            .iter()
            .map(|(p, nodes)| Part { name: p.name(), roots: &p.manifest.roots, nodes })
            .collect();
        let (tree, refused) = Tree::merge(&parts);
        *lock(&self.tree) = Arc::new(tree);
        for (name, why) in refused {
            tracing::error!("provider {name} is refused: {}", provider::words(&why));
            self.provider_lost(&name, Stage::Refused, &why);
        }
    }

    /// The ACS asks for the first time in its session: providers that are on their way are waited for a short time, then
    /// the tree stays as it is until the session ends.
    pub(crate) async fn fix_view(&self) {
        if lock(&self.view).is_fixed() {
            return;
        }
        // One that is away is known from before, or is a gap. All at once: they cost the time of one.
        let providers = self.providers();
        join_all(providers.iter().map(|provider| provider.ready(|| self.clock.steady()))).await;
        self.merge_if_free();
        self.view_fixes();
    }

    /// Gives numbers to discovered rows (decision: the same key gets the same number for ever).
    pub(crate) async fn allocate(
        &self,
        provider: &str,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<u32>, Fault> {
        let manifest = self.owner_of_table(provider, table)?;
        if keys.len() > MAX_KEYS || keys.iter().any(|k| k.is_empty() || k.len() > MAX_KEY) {
            let text = format!("at most {MAX_KEYS} keys of 1 to {MAX_KEY} bytes");
            return Err(Fault::new(FaultCode::InvalidArguments, text));
        }
        self.numbers_for(table, keys, |table| manifest.covers(table)).await.inspect_err(|fault| {
            tracing::error!("provider {provider}: {table} gets no rows: {}", fault.text);
        })
    }

    /// The numbers of these keys in a table; new ones get numbers that nothing had before. `theirs` tells the tables whose
    /// rows count together.
    pub(super) async fn numbers_for(
        &self,
        table: &str,
        keys: &[String],
        theirs: impl Fn(&str) -> bool,
    ) -> Result<Vec<u32>, Fault> {
        let numbers = self
            .persist
            .update(|state| {
                let known = state.tables.get(table);
                let mut next = known.map_or(Some(1), cwmp_store::Table::next);
                let mut numbers: std::collections::HashMap<&str, u32> = known
                    .iter()
                    .flat_map(|t| t.rows.iter())
                    .filter_map(|(number, row)| Some((row.key.as_deref()?, *number)))
                    .collect();
                let mut ops = Vec::new();
                let mut given = Vec::with_capacity(keys.len());
                for key in keys {
                    if let Some(number) = numbers.get(key.as_str()) {
                        given.push(*number);
                        continue;
                    }
                    let Some(number) = next else {
                        return (Vec::new(), Err("no instance number is left".to_owned()));
                    };
                    next = number.checked_add(1);
                    numbers.insert(key, number);
                    ops.push(Op::PutInstance {
                        table: table.to_owned(),
                        number,
                        key: Some(key.clone()),
                        alias: None,
                    });
                    given.push(number);
                }
                let counted = state.tables.iter().filter(|(table, _)| theirs(table));
                let kept: usize = counted.map(|(_, table)| table.rows.len()).sum();
                if !ops.is_empty() && kept + ops.len() > MAX_KEPT_ROWS {
                    let text = format!("{kept} rows are kept, {MAX_KEPT_ROWS} are possible");
                    return (Vec::new(), Err(text));
                }
                (ops, Ok(given))
            })
            .await;
        numbers.map_err(|text| Fault::new(FaultCode::ResourcesExceeded, text))
    }

    /// The keys that numbers were given to; empty for one that has none.
    pub(crate) fn keys(&self, provider: &str, table: &str, numbers: &[u32]) -> Result<Vec<String>, Fault> {
        self.owner_of_table(provider, table)?;
        if numbers.len() > MAX_KEYS {
            return Err(Fault::new(FaultCode::InvalidArguments, format!("at most {MAX_KEYS} numbers")));
        }
        let state = self.persist.read();
        let rows = state.tables.get(table).map(|table| &table.rows);
        let key = |number| rows?.get(number)?.key.clone();
        Ok(numbers.iter().map(|number| key(number).unwrap_or_default()).collect())
    }

    /// The provider, if the table is below one of its roots.
    fn owner_of_table(&self, provider: &str, table: &str) -> Result<Arc<Provider>, Fault> {
        let manifest = self.provider(provider).ok_or_else(|| Fault::from(FaultCode::RequestDenied))?;
        if !manifest.covers(table) || cwmp_model::path::check(table).is_err() || !table.ends_with('.') {
            let text = format!("{table} is no table of {provider}");
            return Err(Fault::new(FaultCode::InvalidParameterName, text));
        }
        Ok(manifest)
    }

    /// Checks that a connection owns the name of the provider that it says it is.
    pub(crate) async fn is_provider(&self, name: &str, sender: &str) -> bool {
        self.owner_of_name(name).await.is_some_and(|owner| owner.as_str() == sender)
    }

    /// A provider whose manifest is new may be there already, and will not announce itself again.
    pub(crate) async fn meet_if_there(&self, provider: &Arc<Provider>) {
        if let Some(owner) = self.owner_of_name(provider.name()).await {
            if provider.announces(owner) {
                self.meet(provider).await;
            }
        }
    }

    /// The connection that owns the name of a provider.
    async fn owner_of_name(&self, name: &str) -> Option<OwnedUniqueName> {
        let service = names::provider_service(name)?;
        let dbus = zbus::fdo::DBusProxy::new(self.bus()).await.ok()?;
        let service = zbus::names::BusName::try_from(service).ok()?;
        dbus.get_name_owner(service).await.ok()
    }
}

/// The most keys of one allocation.
pub(crate) const MAX_KEYS: usize = 16_384;
/// The most rows of one provider whose numbers are kept: they are kept for ever, and the flash is not endless.
pub(crate) const MAX_KEPT_ROWS: usize = 65_536;
/// The longest key, in bytes.
pub(crate) const MAX_KEY: usize = 256;
