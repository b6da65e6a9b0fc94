//! What the standard's tables cost, and a read of the whole tree of this machine.

use std::path::Path;
use std::time::Instant;

use cwmp_acs::{Acs, Options};
use cwmp_e2e::Device;
use cwmp_model::standard::Library;

use crate::process::{cpu, memory};
use crate::{median, milliseconds, settle_all, RUNS};

/// The plugins that describe a machine as it is.
const BASE: [&str; 3] = ["device_info", "network", "users"];

pub(crate) fn measure() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../agent/model/models");
    let flash: u64 = std::fs::read_dir(&models)
        .expect("the tables are there")
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|facts| facts.len())
        .sum();
    let library = Library::open(&models).expect("the tables can be read");
    let model = library.models().into_iter().find(|m| m.name == "Device").expect("it is there");
    let objects: Vec<_> = library.objects(&model).expect("it is there").map(Result::unwrap).collect();
    let mut count = 0;
    let look_up = |count: &mut usize| {
        let began = Instant::now();
        *count = 0;
        for object in &objects {
            let found = library.object(&object.path, None).expect("it can be read").expect("it is there");
            *count += found.parameters.len();
        }
        milliseconds(began.elapsed())
    };
    let all = median((0..RUNS).map(|_| look_up(&mut count)).collect());

    println!("## The standard's tables\n\n| what | value |\n| --- | ---: |");
    println!("| all files, bytes | {flash} |");
    println!("| looking up {count} parameters, object by object, ms | {all:.1} |");
    for (what, config) in [("with", ""), ("without", "[plugins]\nmodels = '/nonexistent'\n")] {
        let (pss, nodes) = agent_with(config);
        println!("| PSS of the agent {what} the tables, {nodes} parameters of the standard in its tree, KB | {pss} |");
    }
    println!();
    whole_tree();
}

fn base(acs: &Acs, config: &str) -> Device {
    let mut builder = Device::builder().acs(acs.url()).environment("CWMP_LOG", "warn").config(config);
    for plugin in BASE {
        builder = builder.plugin(plugin, "");
    }
    let device = builder.start();
    for plugin in BASE {
        device.ready(plugin);
    }
    device
}

fn agent_with(config: &str) -> (u64, usize) {
    let acs = Acs::start(Options::default());
    let device = base(&acs, config);
    acs.session().end();
    let names = device.client().list("", false).expect("everything can be listed");
    let parameters = names.iter().filter(|(name, _)| !name.ends_with('.')).count();
    (memory(device.pid()).pss, parameters)
}

fn whole_tree() {
    let acs = Acs::start(Options::default());
    let device = base(&acs, "");
    let client = device.client();
    let mut pids = vec![device.pid()];
    pids.extend(BASE.iter().filter_map(|name| client.pid_of(&format!("org.cwmpd1.Provider.{name}"))));
    let mut session = acs.session();
    let mut count = 0;
    let mut samples = Vec::new();
    let mut agent = Vec::new();
    for _ in 0..=RUNS {
        let (before, began) = (cpu(pids[0]), Instant::now());
        count = session.get(&[""]).expect("everything can be read").len();
        samples.push(milliseconds(began.elapsed()));
        settle_all(&pids);
        agent.push(milliseconds(cpu(pids[0]).saturating_sub(before)));
    }
    session.end();
    println!("## The whole tree of this machine\n");
    println!(
        "GetParameterValues of everything, {count} values of the agent and {} plugins: {:.1} ms, {:.2} ms of agent CPU.\n",
        BASE.len(),
        median(samples),
        median(agent)
    );
}
