//! `docs/configuration.md` is made from the sources: `UPDATE_DOCS=1 cargo test -p cwmpd --test configuration_page` writes it, and
//! without the variable the test compares. What the page says of ranges is tried.

mod reference;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cwmp_bus::Manifest;
use cwmpd::config::{Config, IdentityConfig};
use cwmpd::identity::Identity;
use reference::source::{read, root, structure, Key};
use reference::{page, sections, CONFIG, IDENTITY, MANIFEST, VARIABLES};

#[test]
fn the_page_is_made_from_the_sources() {
    let right = page();
    let file = root().join("docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &right).unwrap();
        return;
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    for (ours, theirs) in right.lines().zip(text.lines()) {
        assert_eq!(theirs, ours, "run UPDATE_DOCS=1 cargo test -p cwmpd --test configuration_page");
    }
    assert_eq!(text, right);
}

/// A key that serde takes and the sources do not show, or the other way round, would be read wrongly here.
#[test]
fn every_key_of_the_page_is_one_that_the_agent_takes() {
    let config = Config::default();
    let debug = format!("{config:#?}");
    let mut count = 0;
    for (section, _, keys) in sections() {
        for Key { name, .. } in &keys {
            assert!(debug.contains(&format!("        {name}: ")), "{section}.{name}");
            count += 1;
        }
    }
    // Fields are the lines of the second level that are neither ends nor elements of lists.
    let fields = debug.lines().filter(|line| {
        line.strip_prefix("        ").is_some_and(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
    });
    assert_eq!(fields.count(), count);
}

/// A text of so many characters that this key could have.
fn text_of(key: &str, length: usize) -> String {
    let start = if key == "url" { "http://" } else { "" };
    format!("{start}{}", "x".repeat(length - start.len()))
}

/// What the second paragraph of a key allows and refuses: values in TOML.
fn borders(key: &Key) -> (Vec<String>, Vec<String>) {
    let Some(range) = key.paragraphs.get(1) else { return (Vec::new(), Vec::new()) };
    let range = range.split([';', '.']).next().unwrap();
    if let Some(most) = range.strip_prefix("At most ").and_then(|text| text.strip_suffix(" characters")) {
        let most: usize = most.parse().unwrap();
        let quoted = |length| format!("'{}'", text_of(&key.name, length));
        return (vec![quoted(most)], vec![quoted(most + 1)]);
    }
    let numbers = range.split_once(", ").map_or(range, |(_, numbers)| numbers);
    let Some((least, most)) = numbers.split_once(" to ") else { return (Vec::new(), Vec::new()) };
    let Ok(least) = least.parse::<i64>() else { return (Vec::new(), Vec::new()) };
    let most = if most == "`hard_ms`" { 20_000 } else { most.parse::<i64>().unwrap() };
    let text = |numbers: &[i64]| numbers.iter().map(ToString::to_string).collect();
    (text(&[least, most]), text(&[least - 1, most + 1]))
}

/// Tries the borders of each key; how many keys have some.
fn try_borders(keys: &[Key], mut load: impl FnMut(&Key, &str) -> Result<(), String>) -> usize {
    let mut count = 0;
    for key in keys {
        let (good, bad) = borders(key);
        for value in &good {
            load(key, value).unwrap_or_else(|error| panic!("{} = {value:.40}: {error}", key.name));
        }
        for value in &bad {
            // A test of an ACS that hangs does not wait so long.
            if cfg!(feature = "test-hooks")
                && (key.name.as_str(), value.as_str()) == ("response_timeout", "29")
            {
                continue;
            }
            let Err(error) = load(key, value) else { panic!("{} = {value:.40} is taken", key.name) };
            assert!(error.contains(&key.name) || error.contains("deadlines"), "{error}");
        }
        count += usize::from(!good.is_empty());
        assert!(
            !good.is_empty() || !key.kind.starts_with(['u', 'i']) || key.name == "hard_ms",
            "{} is a number without a range",
            key.name
        );
    }
    count
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn the_ranges_of_the_configuration_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (section, _, keys) in sections() {
        count += try_borders(&keys, |key, value| {
            let text = format!("[{section}]\n{} = {value}\n", key.name);
            Config::load(&write(folder.path(), "cwmpd.toml", &text)).map(drop).map_err(|e| e.to_string())
        });
    }
    assert!(count > 10, "{count}");
}

#[tokio::test]
async fn the_lengths_of_the_identity_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (_, keys) = structure(&read(IDENTITY), "Identity");
    let mut texts = Vec::new();
    let count = try_borders(&keys, |key, value| {
        texts.push((key.name.clone(), value.to_owned()));
        // Nothing is asked yet: what is loaded is awaited below.
        if texts.len() % 2 == 1 {
            Ok(())
        } else {
            Err(key.name.clone())
        }
    });
    assert_eq!(count, 8);
    for (number, (name, value)) in texts.into_iter().enumerate() {
        let serial = if name == "serial_number" { "" } else { "serial_number = 'S'\n" };
        let text = format!("oui = '00AABB'\n{serial}{name} = {value}\n");
        let file = write(folder.path(), "identity.toml", &text);
        let loaded = Identity::load(&IdentityConfig { file, command: Vec::new() }).await;
        assert_eq!(loaded.is_ok(), number % 2 == 0, "{name} = {value}");
    }
    assert_eq!(cwmpd::identity::MAX_OUTPUT, 65_536, "the page says so of identity.command");
}

#[test]
fn the_ranges_of_a_manifest_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let text = format!("name = 'demo'\n{text}");
        Manifest::load(&write(folder.path(), "demo.toml", &text)).map(drop).map_err(|e| e.to_string())
    };
    let (_, keys) = structure(&read(MANIFEST), "Deadlines");
    let count = try_borders(&keys, |key, value| {
        load(&format!("roots = ['Device.X_A.']\n[deadlines]\n{} = {value}\n", key.name))
    });
    assert_eq!(count, 4);
    let roots = |count| format!("roots = [{}]\n", "'Device.X_A.', ".repeat(count));
    let tried = [0, 1, cwmp_bus::manifest::MAX_ROOTS, 65].map(|count| load(&roots(count)).is_ok());
    assert_eq!(tried, [false, true, true, false], "the page says 1 to 64");
}

/// What the programs read from their environment is on the page.
#[test]
fn every_variable_that_is_read_is_on_the_page() {
    let read = reference::source::variables();
    let shown: BTreeSet<&str> = VARIABLES.iter().map(|(name, ..)| *name).collect();
    assert!(read.contains("CWMP_LOG"), "{read:?}");
    for name in &read {
        assert!(shown.contains(name.as_str()), "{name} is read and not on the page");
    }
    for (name, _, _, by_library) in VARIABLES {
        assert!(*by_library || read.contains(*name), "{name} is on the page, and nobody reads it");
    }
}

#[test]
fn keys_are_read_from_sources() {
    let source = "/// About\n/// it.\n///\n/// More.\n#[derive(A)]\npub struct A {\n    /// One.\n    ///\n    /// Seconds, 1 to 2.\n    \
                  #[serde(default)]\n    pub one: u32,\n    /// Two.\n    pub two: Vec<String>,\n}\n";
    let (about, keys) = structure(source, "A");
    assert_eq!(about, "About it.");
    let read: Vec<_> = keys.iter().map(|k| (k.name.as_str(), k.kind.as_str(), k.is_optional())).collect();
    assert_eq!(read, [("one", "u32", true), ("two", "Vec<String>", false)]);
    assert_eq!(keys[0].paragraphs, ["One.", "Seconds, 1 to 2."]);
    assert_eq!(borders(&keys[0]).1, ["0", "3"]);
    assert!(read_config_has_sections());
}

fn read_config_has_sections() -> bool {
    let (_, sections) = structure(&read(CONFIG), "Config");
    sections.len() >= 10
}
