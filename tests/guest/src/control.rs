//! The control sockets of hostapd and wpa_supplicant.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::PATIENCE;

/// More than either ever answers.
const MAX_ANSWER: usize = 65_536;

/// Gives a command and waits for the answer. The socket is a file, so it is reached from every namespace; the answer comes
/// to another one, in `folder`.
#[track_caller]
pub(crate) fn ask(socket: &Path, folder: &Path, command: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let own = folder.join(format!("asks-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let ask = || {
        let from = UnixDatagram::bind(&own)?;
        from.set_read_timeout(Some(PATIENCE))?;
        from.connect(socket)?;
        from.send(command.as_bytes())?;
        let mut answer = vec![0; MAX_ANSWER];
        let length = from.recv(&mut answer)?;
        std::fs::remove_file(&own)?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    ask().unwrap_or_else(|error| panic!("{}: {command}: {error}", socket.display()))
}
