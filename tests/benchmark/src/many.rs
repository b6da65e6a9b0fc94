//! Many plugins at once: how long a start takes, what it costs in memory, how long a read of everything takes.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use cwmp_acs::{Acs, Options};
use cwmp_e2e::Device;

use crate::process::memory;
use crate::{median, milliseconds, RUNS};

/// How many plugins there are, each with its own host.
const PLUGINS: usize = 20;
/// How many parameters each has.
const PARAMETERS: usize = 20;

/// Builds one plugin; its library.
fn build(folder: &Path, name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join(format!("lib{name}.so"));
    let built = Command::new("cc")
        .args(["-std=gnu99", "-O2", "-fPIC", "-fvisibility=hidden", "-shared", "-s"])
        .arg(format!("-DNAME=\"{name}\""))
        .arg(format!("-DBASE=\"{}\"", base(name)))
        .arg("-I")
        .arg(root.join("../../plugins/abi/include"))
        .arg("-o")
        .arg(&library)
        .arg(root.join("src/plugin.c"))
        .status()
        .expect("a C compiler is there");
    assert!(built.success(), "the plugin builds");
    library.display().to_string()
}

fn base(name: &str) -> String {
    format!("Device.X_CWMPD_Many.{name}.")
}

pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("there is room");
    let names: Vec<String> = (0..PLUGINS).map(|i| format!("p{i}")).collect();
    let manifests: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let library = build(folder.path(), name);
            (name.clone(), format!("name = '{name}'\nlibrary = '{library}'\nroots = ['{}']\n", base(name)))
        })
        .collect();
    let acs = Acs::start(Options::default());
    let mut ready = Vec::new();
    let mut read = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..RUNS / 4 {
        let mut builder = Device::builder().acs(acs.url()).environment("CWMP_LOG", "warn");
        for (name, manifest) in &manifests {
            builder = builder.manifest(name, manifest);
        }
        let mut device = builder.prepare();
        let began = Instant::now();
        device.start();
        for name in &names {
            device.ready(name);
        }
        ready.push(milliseconds(began.elapsed()));
        let mut session = acs.session();
        let all = |session: &mut cwmp_acs::Session| {
            let began = Instant::now();
            let values = session.get(&["Device.X_CWMPD_Many."]).expect("everything can be read");
            assert_eq!(values.len(), PLUGINS * PARAMETERS, "every value came");
            milliseconds(began.elapsed())
        };
        all(&mut session);
        read.push(median((0..RUNS).map(|_| all(&mut session)).collect()));
        session.end();
        let client = device.client();
        let pid = |name: &String| client.pid_of(&format!("org.cwmpd1.Provider.{name}")).expect("it is there");
        let hosts: u64 = names.iter().map(|name| memory(pid(name)).pss).sum();
        sizes.push((memory(device.pid()).pss, hosts));
    }
    sizes.sort_unstable();
    let (agent, hosts) = sizes[sizes.len() / 2];
    println!("## {PLUGINS} plugins\n\nEach with a host of its own and {PARAMETERS} parameters.\n");
    println!("| what | value |\n| --- | ---: |");
    println!("| from the start of the agent until all are ready, ms | {:.0} |", median(ready));
    println!("| GetParameterValues of everything they serve, ms | {:.2} |", median(read));
    println!("| PSS of the agent, KB | {agent} |");
    println!("| PSS of all hosts, KB | {hosts} |\n");
}
