//! `docs/configuration.md`, written from the sources.

pub(crate) mod source;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cwmp_bus::manifest::Deadlines;
use cwmpd::config::Config;
use source::{options, read, structure, variants, Key};

pub(crate) const CONFIG: &str = "agent/daemon/src/config.rs";
pub(crate) const IDENTITY: &str = "agent/daemon/src/identity.rs";
pub(crate) const MANIFEST: &str = "bus-schemas/src/manifest.rs";

/// Variables of the environment: name, who reads it, what it does, and whether a library of theirs reads it.
pub(crate) const VARIABLES: &[(&str, &str, &str, bool)] = &[
    (
        "CWMP_LOG",
        "`cwmpd`, `cwmp-plugin-host`",
        "how much is logged: `off`, `error`, `warn`, `info`, `debug`, `trace`; or by part, `info,cwmp_net=debug`. Without it `info`",
        false,
    ),
    (
        "DBUS_SYSTEM_BUS_ADDRESS",
        "all three",
        "the bus, where neither the configuration nor the command line names one",
        false,
    ),
    (
        "CWMP_STATE",
        "`cwmpd`",
        "the folder of state, before `store.folder`; the units and the script for init set it, and tell hosts by `--state`",
        false,
    ),
    ("NOTIFY_SOCKET", "`cwmpd`, `cwmp-plugin-host`", "where systemd hears that they are ready; it sets it", true),
    ("WATCHDOG_USEC", "`cwmpd`, `cwmp-plugin-host`", "how often systemd's watchdog is answered; systemd sets it", true),
    ("JOURNAL_STREAM", "`cwmp-plugin-host`", "systemd's journal has its own clock: lines have no time", false),
];

const INTRODUCTION: &str = "\
# Configuration: every key

This page is made from the sources, by `UPDATE_DOCS=1 cargo test -p cwmpd --test configuration_page`; the same test tries the ranges.
How the files come onto a box is in [integrator.md](integrator.md), which of their values are secret in [security.md](security.md).

- All files are TOML. A key that is not known, or a value that cannot be, is named, and its file is not used: without `cwmpd.toml` the
  agent does not start (exit code 78; `cwmpd --check` says it before), without an identity it does not inform, without its manifest
  a plugin is not there.
- `/etc/cwmpd/cwmpd.toml` must be there. The files `cwmpd.d/*.toml` beside it, or links to such, overlay it in the order of their names: single values
  are replaced, lists as a whole.
- What is called a factory value is what the device begins with, and goes back to after a factory reset. What the ACS or the box sets
  later is in the store and wins, so a new image does not change it.
- A change counts from the next start of the agent. `cwmpctl reload` reads the manifests and their overlays again, and only these.
";

/// The sections of the configuration: name, what it is, keys.
pub(crate) fn sections() -> Vec<(String, String, Vec<Key>)> {
    let source = read(CONFIG);
    let (_, fields) = structure(&source, "Config");
    let section = |field: Key| {
        let (about, keys) = structure(&source, &field.kind);
        let what = &field.paragraphs[0];
        let what = if *what == about { about } else { format!("{what} {about}") };
        (field.name, what, keys)
    };
    fields.into_iter().map(section).collect()
}

/// `section.key` of every field and its value, from the debug output of a structure.
fn values(value: &impl std::fmt::Debug) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut section = String::new();
    let mut list: Option<(String, Vec<String>)> = None;
    for line in format!("{value:#?}").lines() {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim().trim_end_matches(',');
        if let Some((name, mut items)) = list.take() {
            if text == "]" {
                found.insert(name, format!("[{}]", items.join(", ")));
            } else {
                items.push(text.to_owned());
                list = Some((name, items));
            }
            continue;
        }
        let Some((name, rest)) = text.split_once(": ") else { continue };
        if rest.ends_with(" {") {
            section = format!("{name}.");
            continue;
        }
        let name = if depth == 4 { name.to_owned() } else { format!("{section}{name}") };
        match rest {
            "[" => list = Some((name, Vec::new())),
            rest => {
                found.insert(name, rest.to_owned());
            }
        }
    }
    found
}

/// A type as the reader of TOML sees it.
fn type_name(kind: &str) -> String {
    match kind {
        "String" | "Option<String>" => "text".to_owned(),
        "PathBuf" | "Option<PathBuf>" => "path".to_owned(),
        "Vec<PathBuf>" => "list of paths".to_owned(),
        "Vec<String>" => "list of texts".to_owned(),
        "bool" => "boolean".to_owned(),
        "u16" | "u32" | "u64" | "usize" => "number".to_owned(),
        "IpAddr" => "address".to_owned(),
        "toml::Table" | "Deadlines" => "table".to_owned(),
        "Hosts" => {
            let all = variants(&read(CONFIG), kind);
            let all: Vec<String> = all
                .iter()
                .map(|v| {
                    format!("`\"{}\"`: {}", v.name.to_lowercase(), v.paragraphs[0].trim_end_matches('.'))
                })
                .collect();
            all.join("; ")
        }
        other => panic!("how is {other} written in TOML?"),
    }
}

fn default(kind: &str, value: &str) -> String {
    match (kind, value) {
        (_, "None") => String::new(),
        ("IpAddr", address) => format!("`\"{address}\"`"),
        ("Hosts", name) => format!("`\"{}\"`", name.to_lowercase()),
        (_, value) => format!("`{value}`"),
    }
}

fn table(out: &mut String, keys: &[Key], default: impl Fn(&Key) -> String) {
    out.push_str("| key | type | default | unit, range | what |\n| --- | --- | --- | --- | --- |\n");
    for key in keys {
        let range = key.paragraphs.get(1).map_or("", |range| range.trim_end_matches('.'));
        let (name, kind, what) = (&key.name, type_name(&key.kind), &key.paragraphs[0]);
        let _ = writeln!(out, "| `{name}` | {kind} | {} | {range} | {what} |", default(key));
    }
}

/// The whole page.
pub(crate) fn page() -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str("\n## cwmpd.toml\n");
    let defaults = values(&Config::default());
    for (section, about, keys) in sections() {
        let _ = write!(out, "\n### `[{section}]`\n\n{about}\n\n");
        table(&mut out, &keys, |key| default(&key.kind, &defaults[&format!("{section}.{}", key.name)]));
    }
    let (about, keys) = structure(&read(IDENTITY), "Identity");
    let _ = write!(
        out,
        "\n## Identity\n\n`/etc/cwmpd/identity.toml`, or what the command of `[identity]` prints. {about}\n\n"
    );
    table(&mut out, &keys, |_| "`\"\"`".to_owned());
    manifest(&mut out);
    command_lines(&mut out);
    out.push_str("\n## Environment\n\n| variable | read by | what |\n| --- | --- | --- |\n");
    for (name, who, what, _) in VARIABLES {
        let _ = writeln!(out, "| `{name}` | {who} | {what} |");
    }
    out
}

fn manifest(out: &mut String) {
    let source = read(MANIFEST);
    let (_, keys) = structure(&source, "Manifest");
    out.push_str(
        "\n## Manifest\n\n`/usr/lib/cwmpd/plugins/NAME.toml`, one for each plugin. It is part of the image and is trusted; what a plugin \
         says of itself is held against it.\n\n",
    );
    table(out, &keys, |key| if key.is_optional() { String::new() } else { "must be there".to_owned() });
    let (about, keys) = structure(&source, "Deadlines");
    let _ = write!(out, "\n### `[deadlines]`\n\n{about}\n\n");
    let defaults = values(&Deadlines::default());
    table(out, &keys, |key| default(&key.kind, &defaults[&key.name]));
}

fn command_lines(out: &mut String) {
    let list = |out: &mut String, options: Vec<(String, String)>| {
        assert!(options.len() > 3, "{options:?}");
        out.push_str("| option | what |\n| --- | --- |\n");
        for (option, what) in options {
            let _ = writeln!(out, "| `{option}` | {what} |");
        }
    };
    out.push_str("\n## Command lines\n\n### `cwmpd`\n\n");
    list(out, options(&read("agent/daemon/src/main.rs"), "USAGE"));
    out.push_str("\n### `cwmp-plugin-host NAME`\n\n");
    list(out, options(&read("plugins/host/src/arguments.rs"), "HELP"));
    out.push_str(
        "\nIn brackets is what holds without the option. `--check` and `--call` are for authors of plugins: \
         [plugin-check.md](plugin-check.md).\n\n### `cwmpctl COMMAND`\n\n",
    );
    let source = read("agent/ctl/src/cli.rs");
    let (_, keys) = structure(&source, "Cli");
    let global = keys.iter().filter(|key| key.attributes.contains("long")).map(|key| {
        let short =
            if key.attributes.contains("short") { format!("-{}, ", &key.name[..1]) } else { String::new() };
        let value = key.attributes.split("value_name = \"").nth(1).and_then(|rest| rest.split('"').next());
        let value = value.map(|value| format!(" {value}")).unwrap_or_default();
        let constant =
            key.attributes.split("default_value = ").nth(1).and_then(|rest| rest.split([',', ')']).next());
        let preset = constant.map(|name| {
            let text = source.split(&format!("const {name}: &str = \"")).nth(1).unwrap();
            format!(" [{}]", text.split('"').next().unwrap())
        });
        (
            format!("{short}--{}{value}", key.name),
            format!("{}{}", key.paragraphs[0], preset.unwrap_or_default()),
        )
    });
    list(out, global.collect());
    out.push_str("\n| command | what |\n| --- | --- |\n");
    let commands = variants(&source, "Command");
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let mut name = String::new();
        for c in command.name.chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        let _ = writeln!(out, "| `{name}` | {} |", command.paragraphs[0]);
    }
    out.push_str(
        "\n`cwmpctl help COMMAND` has the options of each; [cwmpctl.md](cwmpctl.md) shows them at work.\n",
    );
}
