//! Work that an async plugin begins by itself, in a task of its own.
#![cfg(feature = "tokio")]

use std::cell::Cell;
use std::rc::Rc;

use cwmp_plugin_sdk::testing::Harness;
use cwmp_plugin_sdk::{declare, AsyncPlugin, Config, Effect, Error, Host, Settings};
use tokio::task::JoinHandle;

struct Disk {
    host: Host,
    settings: Settings,
    task: Cell<Option<JoinHandle<()>>>,
}

declare! {
    async Disk, name: "disk", base: "Device.X_ACME_Disk.",
    nodes {
        object "";
        table "Volume.{i}." [writable];
        param "Volume.{i}.Name" string [writable];
    }
}

impl AsyncPlugin for Disk {
    async fn create(host: Host, _: Config) -> Result<Self, Error> {
        Ok(Self { settings: Settings::load(&host)?, host, task: Cell::default() })
    }

    fn settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    async fn put_in_force(self: Rc<Self>, names: &[String]) -> Result<Effect, Error> {
        let row = names.iter().find(|name| name.ends_with('.')).cloned().unwrap_or_default();
        let job = self.host.begin_job(&row, "makes a volume");
        self.task.set(Some(tokio::task::spawn_local(async move {
            job.progress(Some(1), "waits");
            job.cancelled().await;
            job.finish(Err(Error::Cancelled));
        })));
        Ok(Effect::Now)
    }

    async fn stop(self: Rc<Self>) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

#[test]
fn a_task_of_an_async_plugin_is_a_job_that_can_be_cancelled() {
    let mut disk = Harness::new(&PLUGIN, "");
    disk.add("Device.X_ACME_Disk.Volume.3.").unwrap();
    let job = disk.job();
    assert_eq!((job.path.as_str(), job.text.as_str()), ("Device.X_ACME_Disk.Volume.3.", "makes a volume"));
    assert_eq!(job.progress(), (1, "waits".to_owned()));
    job.cancel();
    assert_eq!(job.end(), Err(Error::Cancelled));
}
