//! The port for connection requests, called by curl.
//!
//! A file of its own: while a child is being started it holds copies of all sockets of the process, and tests about closed
//! sockets run beside each other.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use cwmp_net::{random_path, Credentials, Gatekeeper, Listener};
use tokio::process::Command;

struct Gate {
    asked: Cell<u32>,
}

impl Gatekeeper for Gate {
    fn credentials(&self) -> Option<Credentials> {
        Some(Credentials { username: "acs".to_owned(), password: "knock".to_owned() })
    }

    fn admit(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        true
    }
}

/// C173, C175, C180: an independent caller, from the challenge to the admission.
#[tokio::test]
async fn curl_is_admitted_with_the_right_password_only() {
    let path = random_path();
    let listener = Listener::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, path.clone()).await.unwrap();
    let url = format!("http://127.0.0.1:{}{path}?a=b", listener.port());
    let gate = Rc::new(Gate { asked: Cell::new(0) });
    let calls = async {
        for (user, expected) in [("acs:knock", "401 200"), ("acs:wrong", "401 401")] {
            let output = Command::new("curl")
                .args(["--silent", "--noproxy", "*", "--digest", "--user", user, "--max-time", "10"])
                .args(["--dump-header", "-", &url])
                .output()
                .await;
            let Ok(output) = output else { return eprintln!("skipped: there is no curl") };
            let text = String::from_utf8(output.stdout).unwrap();
            let statuses: Vec<&str> =
                text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)).collect();
            assert_eq!(statuses.join(" "), expected, "{text}");
        }
        assert_eq!(gate.asked.get(), 1);
    };
    tokio::select! {
        () = listener.serve(Rc::clone(&gate)) => unreachable!("it serves for ever"),
        () = calls => {}
    }
}
