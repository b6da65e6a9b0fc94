//! `deny.toml` is kept by what is locked, also where cargo-deny is not installed: building it takes minutes and a newer
//! compiler than ours. It judges by the same file, and more strictly: crates of other systems count too.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cwmp_repository::{licence, root};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn deny() -> toml::Table {
    read("deny.toml").parse().unwrap()
}

/// The packages of the lock file, tests included.
fn locked() -> Vec<toml::Table> {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    lock["package"].as_array().unwrap().iter().map(|p| p.as_table().unwrap().clone()).collect()
}

fn texts(value: &toml::Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_crate_has_a_licence_that_is_allowed_and_every_allowed_one_is_needed() {
    let deny = deny();
    let allowed = texts(&deny["licenses"]["allow"]);
    let exceptions = deny["licenses"]["exceptions"].as_array().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut named = String::new();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        let name = &package["name"];
        let expression = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        let mut allowed = allowed.clone();
        let own = exceptions.iter().filter(|e| e["crate"].as_str() == name.as_str());
        allowed.extend(own.flat_map(|e| texts(&e["allow"])));
        let is_allowed = licence::is_allowed(expression, &allowed).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(is_allowed, "{name} is under {expression}");
        named.push_str(expression);
        named.push('\n');
    }
    for licence in &allowed {
        assert!(named.contains(licence.as_str()), "no crate is under {licence}");
    }
}

#[test]
fn nothing_is_locked_that_is_banned() {
    let deny = deny();
    let locked = locked();
    // Which crates ask for each, by name; a version may follow it.
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &locked {
        let asked = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        for name in asked.filter_map(|d| d.as_str()?.split(' ').next()) {
            users.entry(name).or_default().insert(package["name"].as_str().unwrap());
        }
    }
    assert!(users["zbus"].contains("cwmpctl"), "{:?}", users["zbus"]);
    let bans = deny["bans"]["deny"].as_array().unwrap();
    assert!(bans.len() > 10);
    for ban in bans {
        let name = ban["crate"].as_str().expect("a ban names a crate");
        let reason = ban.get("reason").and_then(toml::Value::as_str);
        let reason = reason.unwrap_or_else(|| panic!("{name} is banned without a reason"));
        let through = ban.get("wrappers").map(texts).unwrap_or_default();
        let found = locked.iter().any(|p| p["name"].as_str() == Some(name));
        let others = users.get(name).into_iter().flatten().filter(|user| !through.contains(**user));
        let others: Vec<_> = others.collect();
        let is_tolerated = !through.is_empty() && others.is_empty();
        assert!(!found || is_tolerated, "{name}, used by {others:?}, is banned: {reason}");
    }
}

#[test]
fn every_crate_comes_from_where_crates_may_come_from() {
    let registries = texts(&deny()["sources"]["allow-registry"]);
    for package in locked() {
        // Our own crates have no source.
        let Some(source) = package.get("source") else {
            assert!(package["name"].as_str().unwrap().starts_with("cwmp"), "{package:?}");
            continue;
        };
        let registry = source.as_str().unwrap().strip_prefix("registry+");
        assert!(registry.is_some_and(|r| registries.contains(r)), "{package:?}");
        assert!(package.contains_key("checksum"), "{package:?}");
    }
}

#[test]
fn every_library_has_its_reason() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let page = read("docs/dependencies.md");
    let given: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .flat_map(|(names, _)| names.split(", "))
        .collect();
    let ours = |value: &toml::Value| value.get("path").is_some();
    for (name, value) in manifest["workspace"]["dependencies"].as_table().unwrap() {
        assert!(ours(value) || given.contains(name.as_str()), "{name} has no line in docs/dependencies.md");
    }
    // The other way round, for the first table.
    let names: BTreeSet<String> = locked().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect();
    let libraries = page.split("| --- | --- |").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in libraries.lines().filter(|l| l.starts_with("| ")) {
        for name in line[2..].split(" | ").next().unwrap().split(", ") {
            assert!(names.contains(name), "docs/dependencies.md speaks of {name}, which is not locked");
        }
    }
}
