//! What the agent costs: CPU time of each process and latency of the RPCs, memory, start.
//!
//! Prints Markdown, the measured part of `docs/performance.md`.
#![forbid(unsafe_code)]

mod many;
mod process;
mod raw;
mod standard;
mod storage;
mod wifi;

use std::time::{Duration, Instant};

use cwmp_acs::{Acs, Options, Session, Transcript, ValueType};
use cwmp_e2e::{Client, Device};
use process::{cpu, memory, Memory};

/// How often each thing is measured; the median counts.
const RUNS: usize = 20;
/// How often it is done in a row for one measurement: an ACS asks many things in one session.
const IN_A_ROW: u32 = 20;
/// How often one kind of read happens in a session, the first one to warm up.
const READS: usize = 1 + RUNS * IN_A_ROW as usize;
/// Rows of the large table, of ten parameters each.
const ROWS: usize = 1000;
const BIG: &str = "Device.X_CWMPD_Demo.Big.";
const LAMPS: &str = "Device.X_CWMPD_Demo.Lamp.";
const LEAVES: [&str; 10] =
    ["Name", "Group", "Index", "Square", "Signed", "Negative", "Even", "Moment", "Hex", "Text"];

/// The processes of a device.
struct Processes {
    agent: u32,
    host: u32,
    bus: u32,
}

/// One line of the table: milliseconds.
struct Line {
    what: String,
    latency: f64,
    agent: f64,
    host: f64,
    bus: f64,
}

fn main() {
    let parts: [(&str, fn()); 6] = [
        ("rpcs", all_rpcs),
        ("start", start),
        ("standard", standard::measure),
        ("many", many::measure),
        ("wifi", wifi::measure),
        ("storage", storage::measure),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure();
        }
    }
}

fn all_rpcs() {
    println!("## RPCs\n");
    for (name, options) in [("plain HTTP", Options::default()), ("TLS", Options::https())] {
        rpcs(name, options);
    }
}

fn device(acs: &Acs, tls: bool) -> Device {
    let mut builder = Device::builder()
        .acs(acs.url())
        .plugin("demo", &format!("[config]\nbig_rows = {ROWS}\n"))
        .plugin("demo_c", "")
        .plugin("device_info", "")
        .environment("CWMP_LOG", "warn");
    if tls {
        builder = builder.trust(acs.ca_file());
    }
    builder.start()
}

fn rpcs(transport: &str, options: Options) {
    let tls = options.tls.is_some();
    let acs = Acs::start(options);
    let device = device(&acs, tls);
    for plugin in ["demo", "demo_c", "device_info"] {
        device.ready(plugin);
    }
    acs.session().end();
    let client = device.client();
    let pid = |name: &str| client.pid_of(&format!("org.cwmpd1.Provider.{name}")).expect("the host is there");
    let processes = Processes { agent: device.pid(), host: pid("demo"), bus: device.bus.pid() };
    let idle = memory(processes.agent);
    let mut lines = Vec::new();

    for count in [1, 100, 1000, 10_000] {
        client.inform().expect("a session can be asked for");
        let mut session = acs.session();
        let first = lines.len();
        let (partial, names) = selection(count);
        let partial: Vec<&str> = partial.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let read = |session: &mut Session, paths: &[&str]| {
            let values = session.get(paths).expect("the table can be read");
            assert_eq!(values.len(), count, "every value came");
        };
        if !partial.is_empty() {
            lines.push(measure(&processes, &format!("GetParameterValues, {count}, by partial path"), || {
                read(&mut session, &partial);
            }));
        }
        lines.push(measure(&processes, &format!("GetParameterValues, {count}, by name"), || {
            read(&mut session, &names);
        }));
        let arrived = arrivals(&session.end());
        // The reads of this count are the last of the session, one kind after the other.
        let kinds = lines.len() - first;
        for (kind, line) in lines[first..].iter_mut().enumerate() {
            let from = arrived.len() - (kinds - kind) * READS;
            line.latency = median(arrived[from + 1..from + READS].to_vec());
        }
    }

    client.inform().expect("a session can be asked for");
    let mut session = acs.session();
    let settable = settable(&mut session);
    let mut turn = 0;
    for count in [1, 100] {
        lines.push(measure(&processes, &format!("SetParameterValues, {count}"), || {
            turn += 1;
            let values: Vec<(&str, ValueType, String)> = settable
                .iter()
                .take(count)
                .map(|(name, kind)| (name.as_str(), *kind, value(name, *kind, turn)))
                .collect();
            assert_eq!(values.len(), count, "there are enough parameters");
            let values: Vec<_> = values.iter().map(|(n, t, v)| (*n, *t, v.as_str())).collect();
            session.set(&values, "").expect("they can be set");
        }));
    }
    session.end();

    lines.push(measure(&processes, "an empty session", || empty_session(&client, &acs)));
    let raw = raw::batch(device.bus.address(), ROWS * LEAVES.len(), RUNS);

    println!("### Over {transport}\n");
    println!("Milliseconds, median of {RUNS} times {IN_A_ROW} in a row. One raw batch of 10000 values on the same bus: {raw:.1} ms.\n");
    println!("| what | latency | agent CPU | host CPU | bus CPU |\n| --- | ---: | ---: | ---: | ---: |");
    for line in &lines {
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            line.what, line.latency, line.agent, line.host, line.bus
        );
    }
    let largest = lines.iter().find(|l| l.what.contains("10000, by partial")).map_or(0.0, |l| l.latency);
    println!("\nThe whole answer of 10000 values takes {:.1} times the raw batch.\n", largest / raw);
    if !tls {
        print_memory(&client, &idle, processes.agent);
    }
}

/// Paths that select so many parameters, once as partial paths, once by their names.
fn selection(count: usize) -> (Vec<String>, Vec<String>) {
    let rows = count.div_ceil(LEAVES.len());
    let names = (1..=rows)
        .flat_map(|row| LEAVES.iter().map(move |leaf| format!("{BIG}{row}.{leaf}")))
        .take(count)
        .collect();
    let partial = match count {
        1 => Vec::new(),
        count if count == ROWS * LEAVES.len() => vec![BIG.to_owned()],
        _ => (1..=rows).map(|row| format!("{BIG}{row}.")).collect(),
    };
    (partial, names)
}

/// Parameters to set: those of sixteen lamps, and of the schedules of one.
fn settable(session: &mut Session) -> Vec<(String, ValueType)> {
    let mut all = Vec::new();
    for _ in 0..16 {
        let (lamp, _) = session.add(LAMPS, "").expect("there is room");
        for (leaf, kind) in [
            ("Name", ValueType::String),
            ("Colour", ValueType::String),
            ("Brightness", ValueType::UnsignedInt),
            ("On", ValueType::Boolean),
        ] {
            all.push((format!("{LAMPS}{lamp}.{leaf}"), kind));
        }
    }
    for _ in 0..12 {
        let (row, _) = session.add(&format!("{LAMPS}1.Schedule."), "").expect("there is room");
        for (leaf, kind) in
            [("Hour", ValueType::UnsignedInt), ("Minute", ValueType::UnsignedInt), ("On", ValueType::Boolean)]
        {
            all.push((format!("{LAMPS}1.Schedule.{row}.{leaf}"), kind));
        }
    }
    all
}

/// Another value each time, good for every parameter of its type; names differ, as they are a key.
fn value(name: &str, kind: ValueType, turn: u32) -> String {
    match kind {
        ValueType::Boolean => (turn % 2).to_string(),
        ValueType::UnsignedInt => (turn % 24).to_string(),
        _ if name.ends_with("Colour") => ["Red", "Green", "Blue"][turn as usize % 3].to_owned(),
        _ => format!("{} {turn}", &name[LAMPS.len()..].replace(".Name", "")),
    }
}

fn empty_session(client: &Client, acs: &Acs) {
    client.inform().expect("a session can be asked for");
    acs.session().end();
}

/// Milliseconds from each message of the ACS to the last byte of what the device said next, before the ACS reads it.
fn arrivals(transcript: &Transcript) -> Vec<f64> {
    let pairs = transcript.entries.windows(2);
    pairs
        .filter_map(|pair| Some(milliseconds(pair[1].at.saturating_sub(pair[0].reply.as_ref()?.at))))
        .collect()
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn measure(processes: &Processes, what: &str, mut once: impl FnMut()) -> Line {
    once();
    let mut samples: Vec<[f64; 4]> = (0..RUNS)
        .map(|_| {
            let before = [cpu(processes.agent), cpu(processes.host), cpu(processes.bus)];
            let began = Instant::now();
            (0..IN_A_ROW).for_each(|_| once());
            let latency = began.elapsed();
            settle(processes);
            let after = [cpu(processes.agent), cpu(processes.host), cpu(processes.bus)];
            let spent = |i: usize| milliseconds(after[i].saturating_sub(before[i]));
            [milliseconds(latency), spent(0), spent(1), spent(2)].map(|all| all / f64::from(IN_A_ROW))
        })
        .collect();
    let mut median = |i: usize| {
        samples.sort_by(|a, b| a[i].total_cmp(&b[i]));
        (samples[RUNS / 2 - 1][i] + samples[RUNS / 2][i]) / 2.0
    };
    Line { what: what.to_owned(), latency: median(0), agent: median(1), host: median(2), bus: median(3) }
}

fn settle(processes: &Processes) {
    settle_all(&[processes.agent, processes.host, processes.bus]);
}

/// Waits until nobody computes any more, so that work behind the answer counts too.
fn settle_all(pids: &[u32]) {
    let all = || pids.iter().map(|pid| cpu(*pid)).sum::<Duration>();
    let mut before = all();
    loop {
        std::thread::sleep(Duration::from_millis(5));
        let now = all();
        if now.saturating_sub(before) < Duration::from_micros(50) {
            return;
        }
        before = now;
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn print_memory(client: &Client, idle: &Memory, agent: u32) {
    println!("## Memory\n\nKilobytes, idle after the reads above.\n\n| process | PSS | private |\n| --- | ---: | ---: |");
    println!("| agent, before the first large read | {} | {} |", idle.pss, idle.private);
    let now = memory(agent);
    println!("| agent | {} | {} |", now.pss, now.private);
    for plugin in ["demo", "demo_c", "device_info"] {
        let host = client.pid_of(&format!("org.cwmpd1.Provider.{plugin}")).expect("the host is there");
        let memory = memory(host);
        println!("| host of {plugin} | {} | {} |", memory.pss, memory.private);
    }
    println!();
}

/// From the start of the agent to its first Inform, with three plugins to start.
fn start() {
    let mut samples: Vec<f64> = (0..RUNS)
        .map(|_| {
            // One for each: a device that is stopped may still have begun a session.
            let acs = Acs::start(Options::default());
            let mut device = Device::builder()
                .acs(acs.url())
                .plugin("demo", "")
                .plugin("demo_c", "")
                .plugin("device_info", "")
                .environment("CWMP_LOG", "warn")
                .prepare();
            let began = Instant::now();
            device.start();
            let session = acs.session();
            let time = milliseconds(began.elapsed());
            session.end();
            time
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    println!("## Start\n\nFrom the start of the agent to its first Inform at the ACS, three plugins: {:.1} ms (median of {RUNS}).\n", samples[RUNS / 2]);
}
