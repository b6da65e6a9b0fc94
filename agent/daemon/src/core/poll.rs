//! Values that are watched and that their provider cannot push: they are read from time to time.

use std::time::Duration;

use cwmp_model::NodeFlags;

use super::tree::AGENT;
use super::Core;

/// How often such values are read. Nothing is read while none is watched.
pub(crate) const POLL: Duration = Duration::from_secs(60);

impl Core {
    /// Reads what cannot be pushed, until the agent stops.
    pub(crate) async fn poll(&self) {
        loop {
            tokio::select! {
                () = self.clock.sleep(POLL) => {}
                () = self.stopping() => return,
            }
            let tree = self.tree();
            let silent = |name: &String| {
                tree.schema.find(name).is_some_and(|id| {
                    tree.owner_of(id) != AGENT && !tree.schema.node(id).flags.has(NodeFlags::PUSHED)
                })
            };
            let mut names = Vec::new();
            for provider in self.providers() {
                // One that is away is compared as a whole when it comes back.
                if self.line_now(provider.name()).is_some() {
                    names.extend(self.watched_names(Some(provider.name())).into_iter().filter(silent));
                }
            }
            self.look_at(&names).await;
        }
    }
}
