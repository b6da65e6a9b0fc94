//! The dependency rule: which crate may know which, and which libraries appear where.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cwmp_repository::{root, shown, sources};

/// The crates of the workspace that each crate may depend on. Tests and what only they use are free.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cwmp-model", &[]),
    ("cwmp-generator", &["cwmp-model"]),
    ("cwmp-proto", &["cwmp-model"]),
    ("cwmp-session", &["cwmp-model", "cwmp-proto"]),
    ("cwmp-net", &[]),
    ("cwmp-store", &["cwmp-model"]),
    ("cwmp-bus", &["cwmp-model"]),
    ("cwmpd", &["cwmp-model", "cwmp-proto", "cwmp-session", "cwmp-net", "cwmp-store", "cwmp-bus"]),
    ("cwmp-mapping", &["cwmp-model"]),
    ("cwmpctl", &["cwmp-bus", "cwmp-mapping", "cwmp-model"]),
    ("cwmp-plugin-abi", &[]),
    ("cwmp-plugin-sdk", &["cwmp-plugin-abi", "cwmp-plugin-sdk-macros"]),
    ("cwmp-plugin-sdk-macros", &["cwmp-model"]),
    // `--check` sets every parameter to values that fit it.
    ("cwmp-plugin-host", &["cwmp-plugin-abi", "cwmp-model", "cwmp-bus", "cwmp-test-values"]),
    ("cwmp-demo", &["cwmp-plugin-sdk"]),
    ("cwmp-device-info", &["cwmp-plugin-sdk"]),
    ("cwmp-network", &["cwmp-plugin-sdk"]),
    ("cwmp-users", &["cwmp-plugin-sdk"]),
    ("cwmp-wifi", &["cwmp-plugin-sdk"]),
    ("cwmp-storage", &["cwmp-plugin-sdk"]),
    // What a mapping maps is known at run time only: it reads the tables of the model on the box.
    ("cwmp-plugin-mapping", &["cwmp-plugin-sdk", "cwmp-mapping", "cwmp-model"]),
];

/// Libraries that only these crates may use; tests are free.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "zbus",
        &[
            "cwmp-bus",
            "cwmpd",
            "cwmp-plugin-host",
            "cwmpctl",
            "cwmp-plugin-mapping",
            "cwmp-wifi",
            "cwmp-storage",
        ],
    ),
    ("hyper", &["cwmp-net"]),
    ("rustls", &["cwmp-net"]),
    ("tokio-rustls", &["cwmp-net"]),
    ("libloading", &["cwmp-plugin-host"]),
    ("wl-nl80211", &["cwmp-wifi"]),
    ("rusqlite", &["cwmp-store", "cwmp-plugin-host"]),
    ("quick-xml", &["cwmp-proto", "cwmp-bus", "cwmp-generator", "cwmp-mapping"]),
    // A second opinion on messages, for tests.
    ("cwmp", &[]),
    ("netlink-packet-core", &[]),
    ("netlink-packet-route", &[]),
];

/// Crates of the tests, to which neither table applies.
const TESTS: &[&str] = &["cwmp-acs", "cwmp-e2e", "cwmp-guest", "cwmp-repository", "cwmp-test-values"];

/// The normal dependencies of each crate of the workspace.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test, so it can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|p| {
            let normal = p["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
            (text(&p["name"]), normal.map(|d| text(&d["name"])).collect())
        })
        .collect()
}

#[test]
fn dependencies_point_the_right_way() {
    let all = dependencies();
    for (name, uses) in &all {
        if TESTS.contains(&name.as_str()) {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(n, _)| n == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} has no line in the dependency rule"));
        for used in uses.iter().filter(|u| all.contains_key(*u)) {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn libraries_stay_where_they_belong() {
    for (name, uses) in dependencies() {
        for (library, places) in CONFINED {
            let free = TESTS.contains(&name.as_str()) || places.contains(&name.as_str());
            assert!(free || !uses.contains(*library), "{name} must not use {library}");
        }
    }
}

#[test]
fn unsafe_code_is_forbidden_where_it_has_no_business() {
    for file in sources("rs") {
        let name = shown(&file);
        let is_root = name.ends_with("/src/lib.rs") || name.ends_with("/src/main.rs");
        let exempt = ["plugins/abi/", "plugins/sdk/", "plugins/host/"].iter().any(|p| name.starts_with(p));
        if is_root && !exempt {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
        }
    }
}

#[test]
fn no_source_file_has_a_thousand_lines() {
    for file in sources("rs").into_iter().chain(sources("c")).chain(sources("h")) {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines < 1000, "{} has {lines} lines", shown(&file));
    }
}

#[test]
fn no_cargo_profile_chooses_a_panic_strategy() {
    for file in sources("toml").into_iter().chain([root().join("Cargo.toml")]) {
        let text = std::fs::read_to_string(&file).unwrap();
        let chosen = text.lines().any(|l| l.trim_start().starts_with("panic"));
        assert!(!chosen, "{}: the image decides what a panic does", shown(&file));
    }
}

/// Images pin a compiler: every locked crate must declare that it can do with ours.
#[test]
fn every_locked_crate_accepts_the_oldest_compiler() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |text: &str| -> (u32, u32) {
        let mut parts = text.split('.').map(|p| p.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap_or(0))
    };
    let packages = metadata["packages"].as_array().unwrap();
    let ours =
        packages.iter().find(|p| p["name"] == "cwmpd").unwrap()["rust_version"].as_str().unwrap().to_owned();
    assert_eq!(ours, "1.82");
    for package in packages {
        if let Some(declared) = package["rust_version"].as_str() {
            assert!(number(declared) <= number(&ours), "{} needs Rust {declared}", package["id"]);
        }
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert!(lock.lines().any(|l| l == "version = 3"), "the lock file must be readable by older cargos");
}

/// The rules of the protocol are plain values in and out, so that every one of them is a plain test.
#[test]
fn the_core_has_no_clock_and_no_io() {
    let border = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "::now()",
        "async fn",
        "tokio",
        "rand::",
    ];
    let core = ["agent/model/src/", "agent/proto/src/", "agent/session/src/"];
    // The standard's models are read where they lie, so that they cost no memory.
    let exempt = "agent/model/src/standard/disk.rs";
    let mut count = 0;
    for file in sources("rs").into_iter().filter(|f| core.iter().any(|folder| shown(f).starts_with(folder))) {
        if shown(&file) == exempt {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        // What stands in a test module is free, and so are comments.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            let crossed = border.iter().find(|word| line.contains(**word));
            assert!(crossed.is_none(), "{}:{}: {}", shown(&file), number + 1, crossed.unwrap_or(&""));
        }
        count += 1;
    }
    assert!(count > 20, "{count}");
}
