//! A named pipe into which people and scripts write lines: `echo Temperature=31 > /run/thing`.

use std::ffi::{c_char, c_int, c_uint, CString};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::Error;

/// The longest line that is handed on; longer ones are dropped as a whole.
pub const MAX_LINE: usize = 4096;

extern "C" {
    fn mkfifo(path: *const c_char, mode: c_uint) -> c_int;
}

/// A thread that reads a named pipe line by line. It ends when this is dropped.
#[derive(Debug)]
pub struct Fifo {
    stop: Arc<AtomicBool>,
    wake: File,
    thread: Option<JoinHandle<()>>,
}

impl Fifo {
    /// Makes the pipe, unless it is there, and calls `line` for every line without its end.
    pub fn listen(path: &Path, line: impl FnMut(&str) + Send + 'static) -> Result<Self, Error> {
        let named =
            |e: std::io::Error| Error::internal(format!("cannot read lines from {}: {e}", path.display()));
        let kind = path.symlink_metadata().map(|m| m.file_type());
        if kind.as_ref().is_ok_and(|t| !t.is_fifo()) {
            return Err(Error::internal(format!("{} is there and is no named pipe", path.display())));
        }
        if kind.is_err() {
            let name = CString::new(path.as_os_str().as_bytes())
                .map_err(|_| Error::arguments("a path with a zero byte"))?;
            // SAFETY: the name is a terminated string that outlives the call.
            if unsafe { mkfifo(name.as_ptr(), 0o600) } != 0 {
                return Err(named(std::io::Error::last_os_error()));
            }
        }
        // Open for both directions: so it neither waits for a writer nor ends when the last one leaves.
        let wake = OpenOptions::new().read(true).write(true).open(path).map_err(named)?;
        let pipe = wake.try_clone().map_err(named)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || read_lines(pipe, &stopped, line))
            .map_err(named)?;
        Ok(Self { stop, wake, thread: Some(thread) })
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The reader waits for a line, so it gets one. If the pipe is full it is awake already.
        if self.wake.write_all(b"\n").is_ok() {
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn read_lines(pipe: File, stop: &AtomicBool, mut line: impl FnMut(&str)) {
    let mut reader = BufReader::new(pipe);
    let (mut bytes, mut too_long) = (Vec::new(), false);
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) if !chunk.is_empty() => chunk,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            _ => return,
        };
        let end = chunk.iter().position(|b| *b == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        too_long |= bytes.len() + part.len() > MAX_LINE;
        if !too_long {
            bytes.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            match std::str::from_utf8(&bytes) {
                Ok(text) if !too_long => line(text.trim_end_matches('\r')),
                _ => {}
            }
            bytes.clear();
            too_long = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn lines_arrive_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let (sender, lines) = mpsc::channel();
        let fifo = Fifo::listen(&path, move |line| sender.send(line.to_owned()).unwrap()).unwrap();
        let long = "x".repeat(MAX_LINE);
        let text = format!("one\n{long}y\n{long}\ntwo\r\n");
        OpenOptions::new().write(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        assert_eq!(lines.recv().unwrap(), "one");
        assert_eq!(lines.recv().unwrap(), long, "the line that is one too long is dropped");
        assert_eq!(lines.recv().unwrap(), "two");
        drop(fifo);
        assert!(lines.recv().is_err(), "the thread is gone");
        // The pipe stays and serves again.
        drop(Fifo::listen(&path, |_| ()).unwrap());
    }

    #[test]
    fn a_file_in_its_place_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "mine").unwrap();
        assert!(Fifo::listen(&path, |_| ()).unwrap_err().text().contains("no named pipe"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
