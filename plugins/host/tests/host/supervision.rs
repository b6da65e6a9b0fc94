//! How a host ends and starts again.

use crate::agent::Said;
use crate::world::{Host, World};

#[tokio::test]
async fn a_host_that_is_told_to_end_stops_its_plugin() {
    let mut world = World::serve("good", "").await;
    world.host.signal("-TERM");
    assert_eq!(world.host.ended().await.code(), Some(0));
    world.host.logs("stopped").await;
}

/// Without a bus there is nothing to serve, and the code says why.
#[tokio::test]
async fn a_host_ends_with_its_bus() {
    let mut world = World::serve("good", "").await;
    world.bus.stop();
    assert_eq!(world.host.ended().await.code(), Some(6));
    world.start_again();
    assert_eq!(world.host.ended().await.code(), Some(6));
}

#[tokio::test]
async fn a_second_host_of_the_same_name_gives_way() {
    let mut world = World::serve("good", "").await;
    let folder = world.folder.path().to_str().unwrap();
    let state = format!("{folder}/other");
    let mut second =
        Host::start(&["good", "--manifests", folder, "--state", &state, "--bus", &world.bus.address]);
    assert_eq!(second.ended().await.code(), Some(5));
    assert_eq!(world.value("Device.X_T.Text").await, "hello");
    world.host.logs("announced").await;
}

/// The wait before another start is the host's own.
#[tokio::test]
async fn a_host_that_crashed_waits_before_it_starts_again() {
    let mut world = World::serve("good", "").await;
    world.host.signal("-KILL");
    world.host.ended().await;
    world.start_again();
    world.host.logs("ended 1 times without order; waiting 1 s").await;
    assert_eq!(world.agent.hear().await, Said::Announce("good".into()));
    world.host.signal("-KILL");
    world.host.ended().await;
    world.start_again();
    world.host.logs("ended 2 times without order; waiting 2 s").await;
    // The wait can be ended, which is no crash.
    world.host.signal("-TERM");
    assert_eq!(world.host.ended().await.code(), Some(0));
    world.start_again();
    world.host.logs("ended 2 times without order; waiting 2 s").await;
}

#[tokio::test]
async fn a_host_whose_plugin_hangs_at_its_start_can_be_ended() {
    let mut world = World::prepare("bad", "[config]\nhow = 'hang at start'\n").await;
    world.host.logs("hangs").await;
    world.host.signal("-TERM");
    assert_eq!(world.host.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_plugin_that_does_not_start_ends_its_host_with_a_code() {
    for (config, code) in [("refuse to start", Some(4)), ("crash at start", None), ("hang at start", Some(7))]
    {
        let manifest = format!(
            "[deadlines]\nget_ms = 100\nprepare_ms = 100\ncommit_ms = 100\nhard_ms = 300\n[config]\nhow = '{config}'\n"
        );
        let mut world = World::prepare("bad", &manifest).await;
        assert_eq!(world.host.ended().await.code(), code, "{config}");
    }
}

#[tokio::test]
async fn without_a_manifest_or_a_good_one_the_code_says_so() {
    let mut missing = Host::start(&["nosuch", "--manifests", "/nonexistent", "--state", "/nonexistent"]);
    assert_eq!(missing.ended().await.code(), Some(3));
    assert!(missing.lines.iter().any(|l| l.contains("there is no nosuch.toml in /nonexistent")));
    let mut usage = Host::start(&["--nosuch"]);
    assert_eq!(usage.ended().await.code(), Some(2));
}

/// systemd hears when the name is taken, and as often as it wants that the bus brings answers; else nothing.
#[tokio::test]
async fn systemd_is_told_that_the_host_is_ready_and_alive() {
    let mut world = World::serve("good", "").await;
    world.host.signal("-TERM");
    world.host.ended().await;
    let socket = world.folder.path().join("notify");
    let listener = tokio::net::UnixDatagram::bind(&socket).unwrap();
    let folder = world.folder.path().to_str().unwrap();
    // The variable has to name the process itself.
    let mut child = std::process::Command::new("sh")
        .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cwmp-plugin-host")])
        .args(["good", "--manifests", folder, "--state", folder, "--bus", &world.bus.address])
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "100000")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let mut text = [0; 100];
        let size = crate::soon(listener.recv(&mut text)).await.unwrap();
        heard.push(String::from_utf8(text[..size].to_vec()).unwrap());
    }
    assert_eq!(heard, ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"]);
    // A bus that does not answer: after what was on its way, nothing comes for many periods.
    world.bus.signal("-STOP");
    let mut text = [0; 100];
    let silence = std::time::Duration::from_secs(1);
    let end = std::time::Instant::now() + crate::SOON;
    while tokio::time::timeout(silence, listener.recv(&mut text)).await.is_ok() {
        assert!(std::time::Instant::now() < end, "signs of life without a bus");
    }
    world.bus.signal("-CONT");
    crate::soon(listener.recv(&mut text)).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}
