//! An ACS to point an agent at: it accepts every session, asks nothing, and logs one line for each.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cwmp_acs::{Acs, Options, Session};

const USAGE: &str = "\
Usage: cwmp-demo-acs [--http] [--port PORT] [--host HOST] [--ca-out FILE] [--transcript]

An ACS on the loopback address. It accepts every session and logs one line for each.

  --http          clear HTTP instead of HTTPS
  --port PORT     the port, 7547 unless given; 0 for a free one
  --host HOST     the host in the URL and in the certificate, 127.0.0.1 unless given
  --ca-out FILE   writes the certificate that the agent must trust
  --transcript    logs what was said, too
";

/// How long a session waits for the CPE.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the wait for a session is renewed.
const WAIT: Duration = Duration::from_secs(3600);

#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    http: bool,
    port: u16,
    host: String,
    ca_out: Option<PathBuf>,
    transcript: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("cwmp-demo-acs: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cwmp-demo-acs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments; `None` when help is wanted.
fn parse(mut all: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments =
        Arguments { http: false, port: 7547, host: "127.0.0.1".to_owned(), ca_out: None, transcript: false };
    while let Some(argument) = all.next() {
        let mut value = || all.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--http" => arguments.http = true,
            "--transcript" => arguments.transcript = true,
            "--host" => arguments.host = value()?,
            "--ca-out" => arguments.ca_out = Some(value()?.into()),
            "--port" => {
                let text = value()?;
                arguments.port = text.parse().map_err(|_| format!("'{text}' is no port"))?;
            }
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("there is no argument {other}")),
        }
    }
    if arguments.http && arguments.ca_out.is_some() {
        return Err("--ca-out has no meaning with --http".to_owned());
    }
    Ok(Some(arguments))
}

fn run(arguments: Arguments) -> Result<(), String> {
    let base = if arguments.http { Options::default() } else { Options::https() };
    let options =
        Options { port: arguments.port, host: arguments.host, timeout: PATIENCE, lenient: true, ..base };
    let acs = Acs::try_start(options).map_err(|e| format!("port {}: {e}", arguments.port))?;
    let acs = Arc::new(acs);
    if let Some(file) = &arguments.ca_out {
        std::fs::write(file, acs.ca().pem()).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    println!("listening on {}", acs.url());
    loop {
        let Some(session) = acs.try_session_within(WAIT) else { continue };
        // Each session on its own, so that a slow CPE holds up nobody.
        let acs = Arc::clone(&acs);
        let spawned = std::thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || serve(&acs, session, arguments.transcript));
        if let Err(error) = spawned {
            eprintln!("a session is dropped, because there is no thread for it: {error}");
        }
    }
}

/// Accepts a session, ends it, and logs it. A CPE that does something else makes this thread panic, which says what.
fn serve(acs: &Acs, session: Session, transcript: bool) {
    let mut line = format!("{} {}", now(), session.device());
    for event in &session.inform().events {
        let _ = write!(line, " [{}]", event.code);
        if !event.command_key.is_empty() {
            let _ = write!(line, "({})", event.command_key);
        }
    }
    if session.retry_count() > 0 {
        let _ = write!(line, " retry {}", session.retry_count());
    }
    for (name, value) in &session.inform().parameters {
        let _ = write!(line, " {name}={}", value.text);
    }
    println!("{line}");
    let said = session.end();
    if transcript {
        print!("{said}");
    }
    for violation in acs.take_violations() {
        println!("{} the CPE broke the protocol: {violation}", now());
    }
}

/// The time of day, UTC.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()) % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<Arguments>, String> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read_and_nonsense_is_refused() {
        let all = parsed("--port 0 --host localhost --ca-out ca.pem --transcript").unwrap().unwrap();
        assert_eq!((all.port, all.host.as_str(), all.http), (0, "localhost", false));
        assert_eq!(all.ca_out, Some("ca.pem".into()));
        assert_eq!(parsed("").unwrap().unwrap().port, 7547);
        assert_eq!(parsed("--help"), Ok(None));
        assert!(parsed("--port x").unwrap_err().contains("no port"));
        assert!(parsed("--port").unwrap_err().contains("wants a value"));
        assert!(parsed("--loud").unwrap_err().contains("--loud"));
        assert!(parsed("--http --ca-out x").is_err());
    }
}
