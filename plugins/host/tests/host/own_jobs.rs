//! Jobs that a plugin begins by itself: what the agent hears of them, and when.

use std::collections::HashMap;

use zbus::zvariant::Value;

use crate::agent::{Agent, Jobs, Said};
use crate::world::World;

/// The first job of a host.
const FIRST: u64 = (1 << 63) | 1;

async fn tell(world: &World, command: &str) {
    let empty = HashMap::<&str, Value<'_>>::new();
    let body = (format!("Device.X_B.{command}()"), &empty, &empty);
    world.call("Invoke", &body).await.unwrap();
}

/// Sets something, which begins a job.
async fn set(world: &World, txn: u64) {
    let faults = world.propose(txn, &[(1, 1, "Device.X_B.Want", "x")], 60_000).await.unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(world.commit(txn).await.unwrap(), 0);
    world.step("Finish", txn).await.unwrap();
}

fn begun(job: u64, text: &str) -> Said {
    Said::BeginJob(job, "Device.X_B.".to_owned(), text.to_owned())
}

fn ended(job: u64, state: &str, code: u32, text: &str) -> Said {
    Said::EndJob(job, state.to_owned(), code, text.to_owned(), Vec::new())
}

/// Whoever sets something may look for its job as soon as he is answered.
#[tokio::test]
async fn a_job_that_a_commit_begins_is_told_before_the_commit_is_answered() {
    let mut world = World::serve("own_jobs", "").await;
    for txn in 1..=5 {
        set(&world, txn).await;
        assert_eq!(world.agent.heard(), [begun(FIRST + txn - 1, "formats")]);
    }
}

#[tokio::test]
async fn the_agent_hears_of_the_newest_progress_and_of_the_end_with_its_results() {
    let mut world = World::serve("own_jobs", "").await;
    set(&world, 1).await;
    assert_eq!(world.agent.hear().await, begun(FIRST, "formats"));
    tell(&world, "Progress").await;
    let mut last = -1;
    while last < 300 {
        let Said::Progress(FIRST, permille, text) = world.agent.hear().await else { panic!("no progress") };
        assert!(permille > last && text == "at work");
        last = permille;
    }
    tell(&world, "Done").await;
    let outputs = vec![("Blocks".to_owned(), "7".to_owned())];
    let done = Said::EndJob(FIRST, "done".to_owned(), 0, String::new(), outputs);
    assert_eq!(world.agent.hear().await, done);
    set(&world, 2).await;
    assert_eq!(world.agent.hear().await, begun(FIRST + 1, "formats"));
    tell(&world, "Fail").await;
    assert_eq!(world.agent.hear().await, ended(FIRST + 1, "failed", 9001, "the disk is write-protected"));
}

#[tokio::test]
async fn a_job_that_is_cancelled_is_told_to_the_plugin_in_any_case() {
    let mut world = World::serve("own_jobs", "").await;
    set(&world, 1).await;
    assert_eq!(world.agent.hear().await, begun(FIRST, "formats"));
    assert_eq!(world.value("Device.X_B.State").await, "0 0");
    // Others are not meant: neither one that there is not, nor a command with a number that looks alike.
    world.call("Cancel", &(FIRST + 1,)).await.unwrap();
    world.call("Cancel", &(1_u64,)).await.unwrap();
    assert_eq!(world.value("Device.X_B.State").await, "0 0");
    world.call("Cancel", &(FIRST,)).await.unwrap();
    assert_eq!(world.agent.hear().await, ended(FIRST, "cancelled", 0, ""));
    assert!(world.value("Device.X_B.State").await.starts_with("1 "));
}

#[tokio::test]
async fn an_agent_that_was_started_anew_is_told_of_what_runs_and_of_what_ended_meanwhile() {
    let mut world = World::serve("own_jobs", "").await;
    set(&world, 1).await;
    set(&world, 2).await;
    tell(&world, "Progress").await;
    world.agent.bus.release_name("org.cwmpd1").await.unwrap();
    world.agent = Agent::start(&world.bus.address).await;
    assert_eq!(world.agent.hear().await, Said::Announce("own_jobs".to_owned()));
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.push(world.agent.hear().await);
    }
    let progress = Said::Progress(FIRST + 1, 300, "at work".to_owned());
    assert_eq!(heard, [begun(FIRST, "formats"), begun(FIRST + 1, "at work"), progress]);
    tell(&world, "Done").await;
    assert!(matches!(world.agent.hear().await, Said::EndJob(job, ..) if job == FIRST + 1));
}

/// Nothing is lost where there is no room: the job is shown when there is.
#[tokio::test]
async fn a_job_for_which_the_agent_has_no_room_is_shown_later_with_its_end() {
    let mut world = World::serve("own_jobs", "").await;
    world.agent.takes_jobs(Jobs::Full(2));
    set(&world, 1).await;
    tell(&world, "Fail").await;
    assert_eq!(world.agent.hear().await, begun(FIRST, "formats"));
    assert_eq!(world.agent.hear().await, ended(FIRST, "failed", 9001, "the disk is write-protected"));
}

#[tokio::test]
async fn an_agent_that_is_older_than_such_jobs_is_left_alone() {
    let mut world = World::serve("own_jobs", "").await;
    world.agent.takes_jobs(Jobs::Unknown);
    set(&world, 1).await;
    world.host.logs("the agent is older").await;
    tell(&world, "Progress").await;
    tell(&world, "Done").await;
    // One that is newer is told of what begins from now on.
    world.agent.takes_jobs(Jobs::Taken);
    set(&world, 2).await;
    assert_eq!(world.agent.hear().await, begun(FIRST + 1, "formats"));
}

#[tokio::test]
async fn so_many_jobs_are_kept_and_what_is_said_of_no_job_is_named() {
    let mut world = World::serve("own_jobs", "").await;
    tell(&world, "Many").await;
    for n in 0..32 {
        assert_eq!(world.agent.hear().await, begun(FIRST + n, "one of many"));
    }
    world.host.logs("more than 32 jobs: the one for Device.X_B. is not shown").await;
    tell(&world, "Lie").await;
    world.host.logs("job_begin() was called with a path that is no object").await;
    world.host.logs("a progress of a job came for a request that is over").await;
}
