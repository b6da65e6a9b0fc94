//! `cwmpctl new-plugin`: what it writes compiles without a warning, is formatted, passes its own test and the host's check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cwmp_e2e::binary;
use cwmp_model::standard::{Library, ModelName};

/// Objects of every shape: once, a table, tables in tables, rows that others add, enumerations, lists, moments, bytes,
/// values that may not be empty, each service, an older model, a vendor's own beside the standard and alone.
const OBJECTS: &[(&str, &[&str])] = &[
    ("t_clock", &["--object", "Device.Time."]),
    ("t_hosts", &["--object", "Device.Hosts.Host.{i}.IPv4Address."]),
    (
        "t_radio",
        &[
            "--object",
            "Device.WiFi.Radio.",
            "--object",
            "Device.WiFi.SSID",
            "--parameter",
            "X_ACME_Colour:string:writable",
        ],
    ),
    ("t_atm", &["--object", "Device.ATM.Link.{i}."]),
    ("t_moca", &["--object", "Device.MoCA.Interface.{i}.", "--object", "Device.MoCA.Interface.{i}.Aca."]),
    ("t_forward", &["--object", "Device.Routing.Router.IPv4Forwarding."]),
    ("t_stb", &["--object", "Device.Services.STBService.{i}.Components.FrontEnd.{i}.IP.IGMP."]),
    (
        "t_old_voice",
        &[
            "--object",
            "Device.Services.VoiceService.VoiceProfile.Line.CallingFeatures.",
            "--object",
            "Device.Services.VoiceService.Capabilities.",
        ],
    ),
    ("t_voice", &["--object", "Device.Services.VoiceService.{i}.CallControl.Line."]),
    ("t_lines", &["--object", "Device.DSL.Diagnostics.SELTP."]),
    ("t_lldp", &["--object", "Device.LLDP.Discovery.Device.DeviceInformation.VendorSpecific."]),
    ("t_deep", &["--object", "Device.WiFi.DataElements.Network.Device.Radio.BSS.STA.TIDQueueSizes."]),
    ("t_load", &["--object", "Device.X_ACME_Load."]),
    (
        "t_house",
        &[
            "--object",
            "Device.X_ACME_House.Room.{i}.Lamp.{i}.",
            "--parameter",
            "Colour:string:writable",
            "--parameter",
            "Watts:decimal",
            "--parameter",
            "type:base64",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn models() -> PathBuf {
    root().join("agent/model/models")
}

fn new_plugin(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cwmpctl"));
    command
        .current_dir(folder)
        .args(["new-plugin", name, "--kit"])
        .arg(root())
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a program says, if it ends well.
#[track_caller]
fn good(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{all}");
    all
}

/// Cargo, as somebody would start it who knows nothing of the one that runs this test.
fn cargo(folder: &Path, target: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|n| n.starts_with("CARGO_") && n != "CARGO_HOME") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUSTFLAGS").env_remove("LD_LIBRARY_PATH").current_dir(folder);
    command.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true").env("CARGO_INCREMENTAL", "0");
    command
}

/// The host's check of a plugin whose library and manifest lie side by side.
fn check(manifest: &Path) -> String {
    let mut host = Command::new(binary("cwmp-plugin-host"));
    host.arg("--check").arg(manifest).args([
        "--write",
        "--rounds",
        "20",
        "--overlays",
        "/nonexistent",
        "--models",
    ]);
    good(host.arg(models()))
}

#[test]
fn plugins_in_rust_of_every_shape_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (name, arguments) in OBJECTS {
        let output = new_plugin(at, name, arguments);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        // Together they are a workspace, so that one cargo builds them all.
        let file = at.join(name).join("Cargo.toml");
        let own = std::fs::read_to_string(&file).unwrap();
        let (package, rest) = own.split_once("# A workspace of its own").unwrap();
        assert!(rest.contains("[workspace]"));
        std::fs::write(&file, package).unwrap();
    }
    // Built as the crates of the kit are, in the same place, so that what is built already need not be built again.
    let kit = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let profile = &kit[kit.find("[profile.dev]").unwrap()..];
    let whole = format!("[workspace]\nresolver = \"2\"\nmembers = [\"t_*\"]\n{profile}");
    std::fs::write(at.join("Cargo.toml"), whole).unwrap();
    std::fs::copy(at.join("t_clock/Cargo.lock"), at.join("Cargo.lock")).unwrap();
    let built = binary("cwmp-plugin-host").parent().unwrap().to_owned();
    let target = built.parent().unwrap();

    good(cargo(at, target).args(["fmt", "--all", "--check"]));
    good(cargo(at, target).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]));
    let tests = good(cargo(at, target).args(["test", "--workspace"]));
    assert_eq!(
        tests.matches("every_parameter_has_a_value_or_is_not_known_yet ... ok").count(),
        OBJECTS.len()
    );
    assert!(tests.matches("what_is_set_survives_a_restart ... ok").count() > OBJECTS.len() / 3, "{tests}");
    good(cargo(at, target).args(["build", "--workspace"]));
    for (name, _) in OBJECTS {
        let beside = tempfile::tempdir().unwrap();
        let manifest = beside.path().join(format!("{name}.toml"));
        std::fs::copy(at.join(name).join(format!("{name}.toml")), &manifest).unwrap();
        let library = format!("libcwmp_{name}.so");
        std::os::unix::fs::symlink(target.join("debug").join(&library), beside.path().join(library)).unwrap();
        let said = check(&manifest);
        assert!(said.contains("nodes as the tables have them"), "{name}: {said}");
    }
    // What the comments propose compiles as well.
    let mut count = 0;
    for (name, _) in OBJECTS {
        let file = at.join(name).join("src/lib.rs");
        let (source, samples) = with_samples(&std::fs::read_to_string(&file).unwrap());
        std::fs::write(&file, source).unwrap();
        count += samples;
    }
    assert!(count > OBJECTS.len(), "{count} samples");
    good(cargo(at, target).args(["check", "--workspace"]));
    // The folder goes, and so does what was built of it.
    let packages = OBJECTS.iter().flat_map(|(name, _)| ["-p".to_owned(), format!("cwmp-{name}")]);
    good(cargo(at, target).arg("clean").args(packages));
}

/// A source in which what the comments propose is done, and how many lines that are.
fn with_samples(source: &str) -> (String, usize) {
    let (mut all, mut count) = (String::new(), 0);
    for line in source.lines() {
        let code = line.trim_start().strip_prefix("//     ").map(|code| code.replace("(bytes)", "(vec![])"));
        let line = match code {
            Some(code) if code.starts_with("Ok(") => format!("if true {{ return {code}; }}"),
            Some(code) => code,
            None => {
                all.push_str(&line.replace(" kept: Rows", " mut kept: Rows"));
                all.push('\n');
                continue;
            }
        };
        all.push_str(&line);
        all.push('\n');
        count += 1;
    }
    (all, count)
}

#[test]
fn plugins_in_c_of_every_shape_are_good() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in OBJECTS {
        let name = name.replacen('t', "c", 1);
        let output = new_plugin(folder.path(), &name, &[&["--language", "c"], *arguments].concat());
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let own = folder.path().join(&name);
        let mut make = Command::new("make");
        make.arg("-C").arg(&own).arg("CFLAGS=-O1 -g -pedantic -Werror").env_remove("MAKEFLAGS");
        make.arg(format!("HOST={}", binary("cwmp-plugin-host").display()));
        let said = good(make.arg("check"));
        assert!(said.contains(": good"), "{said}");
        let said = check(&own.join("build").join(format!("{name}.toml")));
        assert!(said.contains("nodes as the tables have them"), "{name}: {said}");
        assert!(!said.contains("a new row is refused"), "{name}: {said}");
    }
}

/// Every object that a plugin may have, in plugins of some dozens: the arguments that name them.
fn whole_standard() -> Vec<(String, Vec<String>)> {
    let library = Library::open(&models()).unwrap();
    let mut plugins: BTreeMap<(ModelName, String), Vec<String>> = BTreeMap::new();
    for model in library.models() {
        for object in library.objects(&model).unwrap() {
            let path = object.unwrap().path;
            let parts: Vec<&str> = path.split('.').collect();
            let of_the_agent = ["Device.", "Device.DeviceInfo.", "Device.Services."].contains(&path.as_str())
                || path.starts_with("Device.ManagementServer.")
                || path.starts_with("Device.DeviceInfo.SupportedDataModel.");
            if !of_the_agent {
                plugins.entry((model.clone(), parts[1].to_owned())).or_default().push(path);
            }
        }
    }
    let arguments = |model: &ModelName, paths: Vec<String>| {
        let model = (model.name != "Device").then(|| ["--model".to_owned(), model.to_string()]);
        let objects = paths.into_iter().flat_map(|path| ["--object".to_owned(), path]);
        model.into_iter().flatten().chain(objects).collect()
    };
    plugins
        .into_iter()
        .enumerate()
        .map(|(i, ((model, _), paths))| (format!("t_{i}"), arguments(&model, paths)))
        .collect()
}

#[test]
fn the_whole_standard_in_rust_is_formatted() {
    let folder = tempfile::tempdir().unwrap();
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2021"]).current_dir(folder.path());
    let mut count = 0;
    for (name, arguments) in whole_standard() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        count += arguments.iter().filter(|word| **word == "--object").count();
        let output = new_plugin(folder.path(), &name, &arguments);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        rustfmt.arg(folder.path().join(name).join("src/lib.rs"));
    }
    assert!(count > 1_000, "{count} objects");
    good(&mut rustfmt);
}

#[test]
fn the_whole_standard_in_c_is_good() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in whole_standard() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = new_plugin(folder.path(), &name, &[&["--language", "c"], arguments.as_slice()].concat());
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let own = folder.path().join(&name);
        good(Command::new("make").arg("-C").arg(&own).arg("CFLAGS=-O0 -Werror").env_remove("MAKEFLAGS"));
        check(&own.join("build").join(format!("{name}.toml")));
    }
}

/// A host without an agent, with a state that lasts.
fn call(own: &Path, state: &Path, name: &str, call: &[&str]) -> Output {
    let mut host = Command::new(binary("cwmp-plugin-host"));
    host.arg("--manifests")
        .arg(own.join("build"))
        .arg("--state")
        .arg(state)
        .arg("--call")
        .args(call)
        .arg(name);
    host.output().unwrap()
}

#[test]
fn what_a_plugin_in_c_is_set_to_survives() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("load");
    assert!(new_plugin(folder.path(), "load", &["--language", "c", "--object", "Device.X_ACME_Load."])
        .status
        .success());
    good(Command::new("make").arg("-C").arg(&own).env_remove("MAKEFLAGS"));
    let state = folder.path().join("state");
    let level = |expected: &str| {
        let output = call(&own, &state, "load", &["get", "Device.X_ACME_Load.Level"]);
        assert_eq!(text(&output.stdout), format!("Device.X_ACME_Load.Level = {expected}\n"));
    };
    level("50");
    assert!(call(&own, &state, "load", &["set", "Device.X_ACME_Load.Level=7"]).status.success());
    level("7");
    assert!(!call(&own, &state, "load", &["set", "Device.X_ACME_Load.Level=101"]).status.success());
    assert!(!call(&own, &state, "load", &["set", "Device.X_ACME_Load.Since=2024-01-01T00:00:00Z"])
        .status
        .success());
    level("7");
}

#[test]
fn a_row_that_a_plugin_in_c_finds_has_values_and_takes_some() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("fan");
    let table = "Device.X_ACME_Fan.Sensor.";
    let output =
        new_plugin(folder.path(), "fan", &["--language", "c", "--object", &format!("{table}{{i}}.")]);
    assert!(output.status.success(), "{output:?}");
    // What the comments propose.
    let file = own.join("fan.c");
    let source = std::fs::read_to_string(&file).unwrap();
    let row = format!("if (str_is(table, \"{table}\")) row(arg, \"key\");");
    let value = format!("if (str_is(node->path, \"{table}{{i}}.Since\")) return \"...\";");
    assert!(
        source.contains(&format!("/* {row} */")) && source.contains(&format!("/* {value} */")),
        "{source}"
    );
    let two = row.replace("row(arg, \"key\")", "row(arg, \"left\"), row(arg, \"right\")");
    let moment = value.replace("\"...\"", "strcmp(key, \"left\") ? NULL : \"2024-01-01T00:00:00Z\"");
    let source = source.replace(&format!("/* {row} */"), &two).replace(&format!("/* {value} */"), &moment);
    std::fs::write(&file, source).unwrap();
    let mut make = Command::new("make");
    good(make.arg("-C").arg(&own).arg("CFLAGS=-O1 -g -pedantic -Werror").env_remove("MAKEFLAGS"));
    let said = check(&own.join("build/fan.toml"));
    assert!(said.contains("instances: 1 tables, 2 rows") && said.contains("get: 4 values"), "{said}");
    assert!(!said.contains("note"), "{said}");
    let state = folder.path().join("state");
    assert!(call(&own, &state, "fan", &["set", &format!("{table}2.Level=7")]).status.success());
    let output = call(&own, &state, "fan", &["get", table]);
    let all = [
        "1.Level = 50\n",
        "1.Since = 2024-01-01T00:00:00Z\n",
        "2.Level = 7\n",
        "2.Since = 0001-01-01T00:00:00Z\n",
    ];
    assert_eq!(text(&output.stdout), all.map(|line| format!("{table}{line}")).concat());
    assert!(!call(&own, &state, "fan", &["set", &format!("{table}3.Level=7")]).status.success());
}

#[test]
fn what_the_device_does_not_take_is_not_kept_by_a_plugin_in_c() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("load");
    let object = ["--language", "c", "--object", "Device.X_ACME_Load."];
    assert!(new_plugin(folder.path(), "load", &object).status.success());
    let file = own.join("load.c");
    let source = std::fs::read_to_string(&file).unwrap();
    let value = "char *value = settings_get(&plugin->settings, STR(\"Device.X_ACME_Load.Level\"));";
    let comment = format!("/* {value} ...; free(value); */");
    assert!(source.contains(&comment), "{source}");
    let does = format!(
        "{value} int bad = value && !strcmp(value, \"13\"); free(value); if (bad) return CWMP_E_INTERNAL;"
    );
    std::fs::write(&file, source.replace(&comment, &does)).unwrap();
    good(Command::new("make").arg("-C").arg(&own).arg("CFLAGS=-Werror").env_remove("MAKEFLAGS"));
    let state = folder.path().join("state");
    for (level, is_taken, then) in [("7", true, "7"), ("13", false, "7"), ("8", true, "8")] {
        let output = call(&own, &state, "load", &["set", &format!("Device.X_ACME_Load.Level={level}")]);
        assert_eq!(output.status.success(), is_taken, "{level}: {output:?}");
        let output = call(&own, &state, "load", &["get", "Device.X_ACME_Load.Level"]);
        assert_eq!(text(&output.stdout), format!("Device.X_ACME_Load.Level = {then}\n"));
    }
}

#[test]
fn the_files_are_listed_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        new_plugin(folder.path(), "clock", &["--object", "Device.Time.", "--json", "--folder", "there"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["folder"], "there");
    let files: Vec<&str> = told["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    for file in [
        "Cargo.toml",
        "src/lib.rs",
        "src/tests.rs",
        "clock.toml",
        "cwmp-plugin@clock.service.d/10-rights.conf",
        "org.cwmpd1.Provider.clock.conf",
        "README.md",
        ".gitignore",
    ] {
        assert!(files.contains(&format!("there/{file}").as_str()), "{file}: {files:?}");
    }
    for file in files {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        for key in ["@name@", "@base@", "@kit@", "@roots@", "@models@", "@NAME@", "@USER@"] {
            assert!(!text.contains(key), "{file}: {key}");
        }
    }
    let before = std::fs::read_to_string(folder.path().join("there/src/lib.rs")).unwrap();
    let again = new_plugin(folder.path(), "load", &["--object", "Device.X_ACME_Load.", "--folder", "there"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("nothing is overwritten"));
    assert_eq!(std::fs::read_to_string(folder.path().join("there/src/lib.rs")).unwrap(), before);
}

#[test]
fn systemd_takes_its_rights_on_top_of_those_of_every_plugin() {
    let folder = tempfile::tempdir().unwrap();
    assert!(new_plugin(folder.path(), "clock", &["--object", "Device.Time."]).status.success());
    let place = folder.path().join("clock");
    let template = include_str!("../../system/systemd/cwmp-plugin@.service");
    let unit = place.join("cwmp-plugin@clock.service");
    std::fs::write(&unit, template).unwrap();
    let verify = || {
        let output =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
        // The host is not installed here; anything else would be wrong.
        let all = text(&output.stdout) + &text(&output.stderr);
        all.lines()
            .filter(|line| !line.contains("cwmp-plugin-host is not executable"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let wrong = verify();
    assert!(wrong.is_empty(), "{wrong:?}");
    // It is read: what systemd does not know it tells.
    let rights = place.join("cwmp-plugin@clock.service.d/10-rights.conf");
    let text = std::fs::read_to_string(&rights).unwrap();
    std::fs::write(&rights, text + "NoSuchRight=yes\n").unwrap();
    assert!(verify().iter().any(|line| line.contains("NoSuchRight")), "{:?}", verify());
}

#[test]
fn an_older_model_is_chosen_where_the_newest_has_the_object_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = "Device.Services.VoiceService.VoiceProfile.";
    assert!(new_plugin(folder.path(), "voice", &["--object", path]).status.success());
    let manifest = std::fs::read_to_string(folder.path().join("voice/voice.toml")).unwrap();
    assert!(manifest.contains("models = [\"VoiceService:1.1\"]"), "{manifest}");
    assert!(manifest.contains("roots = [\"Device.Services.VoiceService.\"]"), "{manifest}");
    let output = new_plugin(folder.path(), "other", &["--object", path, "--model", "VoiceService:2.0"]);
    assert!(text(&output.stderr).contains("of VoiceService:2.0"), "{output:?}");
}

#[test]
fn away_from_the_sources_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("cwmpctl");
    std::fs::copy(env!("CARGO_BIN_EXE_cwmpctl"), &program).unwrap();
    let models = models().display().to_string();
    let run = |more: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(folder.path()).args(["new-plugin", "clock", "--object", "Device.Time."]);
        command.args(more).output().unwrap()
    };
    for (more, why) in [
        (&["--models", &models][..], "--kit names their folder"),
        (&["--models", "/nonexistent"], "--models names the folder of the tables"),
        (&["--kit", "/nonexistent"], "--kit names the sources of cwmpd"),
    ] {
        let output = run(more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(text(&output.stderr).contains(why), "{more:?}: {output:?}");
    }
    // A plugin in C needs the header and no more.
    assert!(run(&["--models", &models, "--language", "c"]).status.success());
    let makefile = std::fs::read_to_string(folder.path().join("clock/Makefile")).unwrap();
    assert!(makefile.contains("ABI ?= /usr/include\n"), "{makefile}");
}

#[test]
fn what_cannot_be_is_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments, why) in [
        ("Clock", &["--object", "Device.Time."][..], "lower case letters, digits and '_'"),
        ("a23456789012345678901234567890", &["--object", "Device.Time."], "at most 27 letters"),
        ("clock", &["--object", "Device.Tim."], "did you mean Device.Time.?"),
        ("clock", &["--object", "Device.Hosts.Hosst."], "did you mean Device.Hosts.Host.{i}.?"),
        ("clock", &["--object", "Device.Wifi.X_ACME_A."], "did you mean Device.WiFi.?"),
        ("clock", &["--object", "Time."], "it does not begin with Device."),
        ("clock", &["--object", "Device.X_A.b c."], "neither a name nor {i}"),
        ("clock", &["--object", "Device.ManagementServer."], "served by the agent itself"),
        (
            "clock",
            &["--object", "Device.DeviceInfo."],
            "may have an object below it, such as Device.DeviceInfo.",
        ),
        ("clock", &["--object", "Device.DeviceInfo.SupportedDataModel."], "no plugin may have it"),
        ("clock", &["--object", "Device.Time.Status"], "Status is a parameter: name its object Device.Time."),
        (
            "clock",
            &["--object", "Device.Time.", "--parameter", "Colour:string"],
            "a vendor's own begins with X_",
        ),
        ("clock", &["--object", "Device.X_A_B.", "--parameter", "Colour:text"], "the types are string, int"),
        (
            "clock",
            &["--object", "Device.X_A_B.", "--parameter", "Colour:string:readable"],
            "NAME:TYPE:writable",
        ),
        ("clock", &["--object", "Device.X_A_B.", "--parameter", "Alias:string"], "the agent keeps aliases"),
        (
            "clock",
            &["--object", "Device.X_A_B.", "--parameter", "A:int", "--parameter", "A:int"],
            "has the parameter A already",
        ),
        (
            "clock",
            &["--object", "Device.Time.", "--model", "Device:9.9"],
            "there is no data model 'Device:9.9'; there is Device:2.",
        ),
        (
            "clock",
            &["--object", "Device.Services.VoiceService.", "--model", "VoiceService:3"],
            "there is VoiceService:2.0, VoiceService:1.1",
        ),
    ] {
        let output = new_plugin(folder.path(), name, arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(why), "{arguments:?}: {error}");
        assert!(!folder.path().join(name).exists(), "{arguments:?}");
    }
}
