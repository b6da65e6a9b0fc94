//! `org.cwmpd1.Job`: a command or something that a provider began, running or ended, an object of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cwmp_bus::{names, BusError};
use cwmp_model::{Fault, FaultCode};
use zbus::fdo;
use zbus::message::Header;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue};

use super::agent;
use super::rights::{Rights, Wish};
use crate::core::begun_jobs::Beginning;
use crate::core::jobs::{Arguments, Job, Stage, Work};
use crate::core::Core;
use crate::provider::Provider;

/// The least time between two announcements of progress.
const PAUSE: Duration = Duration::from_millis(200);

struct Served {
    core: Arc<Core>,
    job: Arc<Job>,
    rights: Rights,
}

/// Runs a command as a job, whose object is there when this returns.
pub(super) async fn start(
    core: &Arc<Core>,
    command: &str,
    arguments: Arguments,
    options: &HashMap<String, OwnedValue>,
) -> Result<OwnedObjectPath, BusError> {
    let asked = options.get("deadline_ms").and_then(|v| v.downcast_ref::<u32>().ok()).filter(|ms| *ms > 0);
    let asked = asked.map(|ms| Duration::from_millis(ms.into()));
    let (job, forgotten) = core.begin_job(command, &arguments)?;
    let object = show(core, &job, forgotten).await?;
    let path = object.clone();
    let core = Arc::clone(core);
    tokio::spawn(async move {
        tokio::select! {
            () = async { tokio::join!(core.run_job(&job, &arguments, asked), announce(&core, &job, &object)); } => {}
            () = core.stopping() => {}
        }
    });
    Ok(path)
}

/// Shows what a provider began by itself as a job, whose object is there when this returns.
pub(super) async fn begin(
    core: &Arc<Core>,
    provider: &Provider,
    owner: &str,
    new: &Beginning<'_>,
) -> Result<(), BusError> {
    let Some((job, forgotten)) = core.begin_own_job(provider, owner, new)? else { return Ok(()) };
    let object = show(core, &job, forgotten).await?;
    let core = Arc::clone(core);
    tokio::spawn(async move {
        tokio::select! {
            () = async { tokio::join!(core.watch_own_job(&job), announce(&core, &job, &object)); } => {}
            () = core.stopping() => {}
        }
    });
    Ok(())
}

/// The paths of all jobs, oldest first.
pub(super) fn paths(core: &Core) -> Vec<OwnedObjectPath> {
    core.jobs.numbers().into_iter().filter_map(|number| path(number).ok()).collect()
}

/// Puts the object of a job on the bus, announces it, and takes away those that are forgotten.
async fn show(core: &Arc<Core>, job: &Arc<Job>, forgotten: Vec<u64>) -> Result<OwnedObjectPath, Fault> {
    let failed = |error: zbus::Error| Fault::new(FaultCode::InternalError, error.to_string());
    let server = core.bus().object_server();
    for number in forgotten {
        if let Err(error) = server.remove::<Served, _>(path(number)?).await {
            tracing::warn!("job {number} cannot be forgotten: {error}");
        }
    }
    let object = path(job.number)?;
    let served = Served { core: Arc::clone(core), job: Arc::clone(job), rights: Rights::default() };
    server.at(&object, served).await.map_err(failed)?;
    if let Err(error) = agent::job_began(core.bus(), &object).await {
        tracing::warn!("job {}: its beginning is not announced: {error}", job.number);
    }
    Ok(object)
}

fn path(number: u64) -> Result<OwnedObjectPath, Fault> {
    let path = ObjectPath::try_from(format!("{}{number}", names::JOB_PREFIX));
    path.map(OwnedObjectPath::from).map_err(|e| Fault::new(FaultCode::InternalError, e.to_string()))
}

async fn announce(core: &Core, job: &Job, object: &OwnedObjectPath) {
    if let Err(error) = announce_all(core, job, object).await {
        tracing::warn!("job {}: its progress is not announced: {error}", job.number);
    }
}

/// Announces progress and the end, the end always.
async fn announce_all(core: &Core, job: &Job, object: &OwnedObjectPath) -> zbus::Result<()> {
    let interface = core.bus().object_server().interface::<_, Served>(object).await?;
    let emitter = interface.signal_emitter();
    let mut standing = job.standing();
    let mut shown = -1;
    loop {
        let (stage, permille) = {
            let standing = standing.borrow_and_update();
            (standing.stage, standing.permille)
        };
        let served = interface.get().await;
        if permille != shown {
            shown = permille;
            served.progress_changed(emitter).await?;
        }
        if stage != Stage::Running {
            return served.state_changed(emitter).await;
        }
        drop(served);
        tokio::time::sleep(PAUSE).await;
        if standing.changed().await.is_err() {
            return Ok(());
        }
    }
}

impl Served {
    /// Properties are for those who may read. Without a header the agent asks itself.
    async fn admit(&self, header: Option<Header<'_>>) -> fdo::Result<()> {
        let Some(header) = header else { return Ok(()) };
        let admitted = self.rights.check(self.core.bus(), &header, Wish::Read).await;
        admitted.map_err(|error| fdo::Error::AccessDenied(error.to_string()))
    }
}

#[zbus::interface(name = "org.cwmpd1.Job")]
impl Served {
    async fn cancel(&self, #[zbus(header)] header: Header<'_>) -> Result<(), BusError> {
        self.rights.check(self.core.bus(), &header, Wish::Change).await?;
        match self.job.work {
            Work::Command(_) => self.job.cancel(),
            Work::Begun { .. } => self.core.cancel_own_job(&self.job).await?,
        }
        Ok(())
    }

    #[zbus(out_args("state", "code", "text", "outputs"))]
    async fn result(
        &self,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(&'static str, u32, String, BTreeMap<String, String>), BusError> {
        self.rights.check(self.core.bus(), &header, Wish::Change).await?;
        let standing = self.job.standing().borrow().clone();
        let code = standing.code.map_or(0, |code| u32::from(code.number()));
        Ok((standing.stage.word(), code, standing.text, standing.outputs))
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn command(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.job.command().to_owned())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn object(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.job.object().to_owned())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn provider(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.job.provider.clone())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn started(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<String> {
        self.admit(header).await?;
        Ok(self.job.started.clone())
    }

    #[zbus(property)]
    async fn state(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<&'static str> {
        self.admit(header).await?;
        let stage = self.job.standing().borrow().stage;
        Ok(stage.word())
    }

    #[zbus(property)]
    async fn progress(&self, #[zbus(header)] header: Option<Header<'_>>) -> fdo::Result<i32> {
        self.admit(header).await?;
        let permille = self.job.standing().borrow().permille;
        Ok(permille)
    }
}
