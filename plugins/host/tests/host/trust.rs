//! Who may call a provider, and whom it announces itself to.

use std::collections::HashMap;

use zbus::zvariant::Value;

use crate::agent::{Agent, Said};
use crate::world::{call_as, error_of, World};

/// Only the owner of the agent's name is answered.
#[tokio::test]
async fn everyone_but_the_agent_is_refused() {
    let mut world = World::serve("good", "").await;
    let somebody =
        zbus::connection::Builder::address(world.bus.address.as_str()).unwrap().build().await.unwrap();
    let none: HashMap<&str, Value<'_>> = HashMap::new();
    let paths = &["Device.X_T.Text"][..];
    let mut errors = vec![
        error_of(call_as(&somebody, "good", "Describe", &()).await),
        error_of(call_as(&somebody, "good", "Get", &(paths, &none)).await),
        error_of(call_as(&somebody, "good", "Instances", &paths).await),
        error_of(
            call_as(&somebody, "good", "Prepare", &(1u64, &[(1u32, 1u8, "a", "b")][..], 1u32, &none)).await,
        ),
        error_of(call_as(&somebody, "good", "Watch", &(paths, true)).await),
        error_of(call_as(&somebody, "good", "Notice", &("factory-reset", &none)).await),
    ];
    for step in ["Commit", "Rollback", "Finish", "Apply"] {
        errors.push(error_of(call_as(&somebody, "good", step, &1u64).await));
    }
    assert_eq!(errors.len(), 10);
    assert!(errors.iter().all(|(name, _)| name == "org.cwmpd1.Error.RequestDenied"), "{errors:?}");
    world.host.logs("only the agent may call").await;
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
}

#[tokio::test]
async fn a_new_agent_is_announced_to_and_the_old_one_is_refused() {
    let mut world = World::serve("good", "").await;
    let old = world.agent.bus.clone();
    old.release_name("org.cwmpd1").await.unwrap();
    world.agent = Agent::start(&world.bus.address).await;
    // It may call at once, faster than the host can hear of it.
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
    assert_eq!(world.agent.hear().await, Said::Announce("good".into()));
    let (name, _) = error_of(call_as(&old, "good", "Describe", &()).await);
    assert_eq!(name, "org.cwmpd1.Error.RequestDenied");
}

#[tokio::test]
async fn the_announcement_is_repeated_until_it_is_answered() {
    let mut world = World::prepare("good", "").await;
    world.agent.refuse(2);
    for _ in 0..3 {
        assert_eq!(world.agent.hear().await, Said::Announce("good".into()));
    }
    world.host.logs("announced").await;
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
}
