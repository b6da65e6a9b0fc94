//! What a plugin says by itself: changes, rows and events.

use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::message::Type;

use crate::agent::{Agent, Said};
use crate::world::World;

/// The paths of the next signal with this name.
pub(crate) async fn next_signal(world: &mut World, name: &str) -> Vec<String> {
    loop {
        let message = crate::soon(world.agent.messages.next()).await.unwrap().unwrap();
        let header = message.header();
        if header.message_type() != Type::Signal || header.member().is_none_or(|m| m.as_str() != name) {
            continue;
        }
        assert_eq!(header.interface().unwrap().as_str(), "org.cwmpd1.Provider");
        assert_eq!(header.path().unwrap().as_str(), "/org/cwmpd1/Provider");
        assert_eq!(
            header.destination().unwrap().as_str(),
            world.agent.bus.unique_name().unwrap().as_str(),
            "signals are for the agent alone"
        );
        return message.body().deserialize().unwrap();
    }
}

fn started() -> Said {
    Said::Event("X 00D09E Started".into(), vec![("Reason".into(), "test".into())])
}

#[tokio::test]
async fn changes_are_sent_to_the_agent_alone_and_together() {
    let mut world = World::serve("good", "").await;
    let watched = ["Device.X_T.Text", "Device.X_T.Flag", "Device.X_T.Text"];
    world.call("Watch", &(&watched[..], true)).await.unwrap();
    assert_eq!(next_signal(&mut world, "Changed").await, ["Device.X_T.Flag", "Device.X_T.Text"]);
    world.notice("clock-trusted").await.unwrap();
    assert_eq!(next_signal(&mut world, "InstancesChanged").await, ["Device.X_T.Host."]);
}

/// An event is repeated until the agent has answered, and then no more.
#[tokio::test]
async fn an_event_is_repeated_until_the_agent_has_it() {
    let mut world = World::serve("good", "").await;
    world.agent.refuse(2);
    world.notice("session-start").await.unwrap();
    for _ in 0..3 {
        assert_eq!(world.agent.hear().await, started());
    }
    world.host.logs("needs no more delivery").await;
    world.host.signal("-TERM");
    assert_eq!(world.host.ended().await.code(), Some(0));
    world.start_again();
    assert_eq!(world.agent.hear().await, Said::Announce("good".into()));
    world.host.logs("announced").await;
    world.notice("session-end").await.unwrap();
    assert!(world.agent.said.try_recv().is_err(), "it was delivered before");
}

#[tokio::test]
async fn an_event_survives_a_kill_of_the_host_while_the_agent_is_away() {
    let mut world = World::serve("good", "").await;
    world.agent.refuse(u32::MAX);
    world.notice("session-start").await.unwrap();
    assert_eq!(world.agent.hear().await, started());
    world.host.signal("-KILL");
    world.host.ended().await;
    world.agent.bus.release_name("org.cwmpd1").await.unwrap();
    world.agent = Agent::start(&world.bus.address).await;
    world.start_again();
    // The agent takes events of nobody whom it does not know.
    let heard = [world.agent.hear().await, world.agent.hear().await];
    assert_eq!(heard, [Said::Announce("good".into()), started()]);
}
