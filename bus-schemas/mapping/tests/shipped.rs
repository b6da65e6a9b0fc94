//! The mappings of this repository against the standard's tables.

use std::path::PathBuf;

use cwmp_mapping::{check, check_live, questions, Answers, Interface, Introspection, Mapping};
use cwmp_model::standard::Library;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../mappings")
}

#[test]
fn every_shipped_mapping_fits_the_standard() {
    let library = Library::embedded();
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        let mapping = Mapping::load(&file).unwrap_or_else(|e| panic!("{e}"));
        let nodes = check(&mapping, &library).unwrap_or_else(|e| panic!("{e}"));
        let parameters = nodes.iter().filter(|n| n.kind.is_some()).count();
        assert_eq!(parameters, mapping.parameters.len(), "{}", file.display());
        count += 1;
    }
    assert!(count >= 3, "{count}");
}

/// What a program of systemd says of itself, without a bus; `None` if this machine does not have it.
fn of_systemd(program: &str, path: &str) -> Option<String> {
    let program = format!("/usr/lib/systemd/{program}");
    let output = std::process::Command::new(program).arg(format!("--bus-introspect={path}")).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Everything that is installed as the interface of a service, as if one object had all of it.
fn installed(prefix: &str) -> Introspection {
    let mut all = Introspection::default();
    let Ok(folder) = std::fs::read_dir("/usr/share/dbus-1/interfaces") else { return all };
    for file in folder.map(|e| e.unwrap().path()) {
        if file.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix)) {
            let xml = std::fs::read_to_string(&file).unwrap();
            all.interfaces.extend(Introspection::parse(&xml).unwrap().interfaces);
        }
    }
    all
}

/// The mappings against the services that this machine has, as they describe themselves.
#[test]
fn every_shipped_mapping_fits_its_service() {
    let mut count = 0;
    for (file, service, all) in [
        ("hostname.toml", "hostname", of_systemd("systemd-hostnamed", "/org/freedesktop/hostname1")),
        ("time.toml", "timedate", of_systemd("systemd-timedated", "/org/freedesktop/timedate1")),
        ("cellular.toml", "modem", None),
    ] {
        let all = match all {
            Some(xml) => Introspection::parse(&xml).unwrap(),
            None => installed("org.freedesktop.ModemManager1"),
        };
        if all.interfaces.is_empty() {
            println!("skipped: nothing describes the service of {file}");
            continue;
        }
        let mapping = Mapping::load(&folder().join(file)).unwrap();
        let own = |question: &cwmp_mapping::Question| mapping.services[question.service].alias == service;
        let mut answers = Answers::new();
        for question in questions(&mapping).into_iter().filter(own) {
            let mut all = all.clone();
            all.interfaces.insert("org.freedesktop.DBus.ObjectManager".to_owned(), Interface::default());
            answers.insert(question, all);
        }
        assert!(!answers.is_empty(), "{file}");
        let asked = |p: &&cwmp_mapping::Problem| !p.text.contains("timesync1 shows nothing");
        let problems: Vec<_> = check_live(&mapping, &answers).problems.into_iter().collect();
        let problems: Vec<_> = problems.iter().filter(asked).collect();
        assert!(problems.is_empty(), "{file}: {problems:#?}");
        count += 1;
    }
    println!("{count} services were there");
}
