//! What the documents say is there, and works; and the tree speaks of the product alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cwmp_repository::{files, root, shown};

/// Pages that show commands: the test that runs them, and a word in that test that is sure to be there while it does.
const COVERED: &[(&str, &str, &str)] = &[
    ("README.md", ".ci/run", "tests/run"),
    ("README.md", "tests/e2e/tests/demo.rs", "fn the_demonstration_shows_a_session"),
    ("README.md", "tests/e2e/tests/demo.rs", "fn what_the_demonstration_tells_people_to_type_works"),
    ("docs/bus-reference.md", "agent/ctl/tests/bus/document.rs", "fn the_commands_of_the_bus_reference_work"),
    (
        "docs/integrator.md",
        "agent/daemon/tests/integrator_page.rs",
        "fn the_commands_put_everything_where_the_programs_look",
    ),
    ("docs/cwmpctl.md", "agent/ctl/tests/bus/document.rs", "fn the_commands_of_the_page_work"),
    ("docs/wifi.md", "tests/e2e/tests/wifi_page.rs", "fn the_commands_of_the_page_on_wifi_work"),
    ("docs/storage.md", "tests/e2e/tests/storage_page.rs", "fn the_commands_of_the_page_on_storage_work"),
    (
        "docs/factory.md",
        "tests/e2e/tests/factory_page.rs",
        "fn the_commands_of_the_page_on_the_factory_line_work",
    ),
    ("docs/plugin-check.md", "plugins/host/tests/host/page.rs", "fn the_commands_of_the_page_work"),
    (
        "docs/plugin-authors.md",
        "plugins/sdk/tests/document.rs",
        "fn the_commands_of_the_page_for_authors_work",
    ),
];

/// What a line of a command begins with, where it does not begin with a prompt.
const PROGRAMS: &[&str] = &[
    "$",
    "apt-get",
    "busctl",
    "cargo",
    "cc",
    "cmake",
    "cwmp-plugin-host",
    "cwmpctl",
    "cwmpd",
    "dbus-send",
    "g++",
    "gcc",
    "git",
    "make",
    "sudo",
    "systemctl",
    "tests/run",
    "tests/demo",
    "tests/bench",
];

/// README and the pages of docs.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        files().into_iter().filter(|f| f.extension().is_some_and(|e| e == "md")).collect();
    pages.retain(|p| shown(p) == "README.md" || shown(p).starts_with("docs/"));
    pages
}

/// The lines of a page that are code: indented by four, or between fences.
fn code(text: &str) -> Vec<&str> {
    let mut is_fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced {
            lines.push(line);
        } else if let Some(line) = line.strip_prefix("    ") {
            lines.push(line);
        }
    }
    lines
}

fn shows_commands(text: &str) -> bool {
    code(text).iter().any(|line| line.split_whitespace().next().is_some_and(|word| PROGRAMS.contains(&word)))
}

#[test]
fn every_page_with_commands_has_a_test_that_runs_them() {
    let mut with_commands = BTreeSet::new();
    for page in pages() {
        if shows_commands(&std::fs::read_to_string(&page).unwrap()) {
            with_commands.insert(shown(&page));
        }
    }
    let covered: BTreeSet<String> = COVERED.iter().map(|(page, ..)| (*page).to_owned()).collect();
    assert_eq!(with_commands, covered, "pages with commands, and those whose test is listed here");
    for (page, test, word) in COVERED {
        let text =
            std::fs::read_to_string(root().join(test)).unwrap_or_else(|e| panic!("{page}: {test}: {e}"));
        assert!(text.contains(word), "{test} does not say '{word}', so who runs the commands of {page}?");
    }
}

#[test]
fn commands_are_found_in_pages() {
    for page in ["    $ ls", "```sh\ncwmpctl get Device.\n```", "a\n\n    tests/run\n"] {
        assert!(shows_commands(page), "{page}");
    }
    for page in ["run `cargo test`", "cargo is a program", "    {\"a\": 1}", "```\nlet a = 1;\n```"] {
        assert!(!shows_commands(page), "{page}");
    }
}

/// Targets of links, and what stands in backticks and begins with a folder of ours.
fn references(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for part in text.split("](").skip(1) {
        let target = part.split([')', '#']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
            found.push((true, target.to_owned()));
        }
    }
    for line in text.lines() {
        for word in line.split('`').skip(1).step_by(2) {
            let is_path = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && word.contains('/') && !word.starts_with(['/', '.']) {
                found.push((false, word.to_owned()));
            }
        }
    }
    found
}

#[test]
fn what_the_pages_point_at_is_there() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (is_link, target) in references(&text) {
            let folder = target.split('/').next().unwrap_or_default();
            if !is_link && !root().join(folder).is_dir() {
                continue;
            }
            let base = if is_link { page.parent().unwrap_or(Path::new("")).to_owned() } else { root() };
            assert!(base.join(&target).exists(), "{} points at {target}, which is not there", shown(&page));
            count += 1;
        }
    }
    assert!(count > 10, "only {count} references were found");
}

#[test]
fn the_page_for_operators_lists_the_methods_that_are_served() {
    let source = std::fs::read_to_string(root().join("agent/proto/src/read.rs")).unwrap();
    let list = source.split("const SERVED: &[&str] = &[").nth(1).and_then(|s| s.split(']').next()).unwrap();
    let served: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let page = std::fs::read_to_string(root().join("docs/operator.md")).unwrap();
    let said = page.split("fault 9000:\n\n").nth(1).and_then(|s| s.split(".\n").next()).unwrap();
    let said: BTreeSet<&str> = said.split(',').map(str::trim).collect();
    assert!(served.len() > 5, "{served:?}");
    assert_eq!(said, served);
}

#[test]
fn every_decision_is_in_the_list() {
    let folder = root().join("docs/decisions");
    let list = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let number = name
            .get(..3)
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or_else(|| panic!("{name}"));
        assert!(numbers.insert(number.to_owned()), "two decisions have the number {number}");
        assert!(list.contains(&format!("| [{number}]({name}) | ")), "{name} is not in the list");
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(text.starts_with(&format!("# {number}: ")), "{name}: its title has another number");
        for part in ["**Context.**", "**Decision.**", "**Consequence.**"] {
            assert!(text.contains(part), "{name} has no {part}");
        }
    }
    assert!(numbers.len() > 5);
}

#[test]
fn references_are_found_in_pages() {
    let text = "[a](docs/a.md#part) [b](https://b/c) `agent/ctl` `Device.A` `a{sv}/b` `/etc/x`";
    let found = references(text);
    assert_eq!(found, [(true, "docs/a.md".to_owned()), (false, "agent/ctl".to_owned())]);
}

/// The folders of the machine that somebody works on, tools around the work, and marks of what is not finished. Written in two
/// halves, so that this file does not hold them.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tmp/br", "iefs"),
    concat!("cla", "ude"),
    concat!("anth", "ropic"),
    concat!("open", "ai"),
    concat!("chat", "gpt"),
    concat!("copi", "lot"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("fix", "me"),
    concat!("to", "do:"),
    concat!("db", "g!("),
];

#[test]
fn the_tree_speaks_of_the_product_alone() {
    let all = files();
    assert!(all.len() > 100, "{}", all.len());
    for file in all {
        // Corpora hold bytes of every kind.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            let line = line.to_ascii_lowercase();
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}:{}: {word}", shown(&file), number + 1);
            }
        }
    }
}
