//! `status`, `plugins`, `inform`, `reload`, `completions`.

use serde_json::json;

use crate::{finish, program, Box};

#[tokio::test]
async fn the_state_is_told_at_a_glance() {
    let on = Box::new().await;
    let out = on.run(&["status"]).await.good();
    for line in [
        "agent            cwmpd 0.1.0, waiting to try again (cwmpctl inform tries now)",
        "device           Acme A0B1C2 Box SN1",
        "ACS              https://acs.example/",
        "last inform      2024-05-01T00:00:00Z, the ACS closed the connection",
        "next inform      not planned",
        "failed sessions  3",
        "pending events   1 BOOT, M Reboot (key)",
        "pending changes  Device.X_CWMPD_Demo.Label",
        "plugins          1 ready, 1 failed",
        "store            ok",
    ] {
        assert!(out.lines().any(|l| l == line), "{line} is not in\n{out}");
    }
    let plugins = json!([
        { "name": "demo", "state": "ready", "version": "1.0", "cause": "", "roots": ["Device.X_CWMPD_Demo."] },
        { "name": "wifi", "state": "failed", "version": "", "cause": "its library cannot be loaded",
          "roots": ["Device.WiFi."] },
    ]);
    let run = on.run(&["status", "--json"]).await;
    let expected = json!({
        "version": "0.1.0", "state": "waiting", "acsUrl": "https://acs.example/",
        "lastInform": "2024-05-01T00:00:00Z", "lastResult": "the ACS closed the connection", "nextInform": "",
        "retryCount": 3,
        "pendingEvents": [{ "code": "1 BOOT", "commandKey": "" }, { "code": "M Reboot", "commandKey": "key" }],
        "pendingChanges": ["Device.X_CWMPD_Demo.Label"], "providers": plugins, "store": "ok",
        "identity": { "manufacturer": "Acme", "oui": "A0B1C2", "productClass": "Box", "serialNumber": "SN1" },
    });
    assert_eq!((run.code, run.json()), (0, expected));
    let run = on.run(&["plugins", "--json"]).await;
    assert_eq!((run.code, run.json()), (0, json!({ "plugins": plugins })));
    let out = on.run(&["plugins"]).await.good();
    assert!(out.contains("wifi  failed           its library cannot be loaded  Device.WiFi.\n"), "{out}");
}

#[tokio::test]
async fn a_session_and_a_reload_are_asked_for() {
    let on = Box::new().await;
    assert!(on.run(&["inform"]).await.good().starts_with("requested"));
    assert_eq!(on.run(&["reload"]).await.good(), "reloaded\n");
    assert_eq!(on.run(&["inform", "--json"]).await.json(), json!({ "status": "requested" }));
    assert_eq!(on.run(&["reload", "--json"]).await.json(), json!({ "status": "reloaded" }));
    assert_eq!(on.fake.state.lock().unwrap().calls, ["Inform", "Reload", "Inform", "Reload"]);
}

#[tokio::test]
async fn completions_need_no_bus() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = program();
        command.args(["--bus", "unix:path=/nowhere", "completions", shell]);
        let out = finish(command).await.good();
        assert!(out.contains("next-level") && out.contains("describe"), "{shell}: {out}");
    }
}
