//! A box whose WiFi services run in a network namespace: the real ones without a radio, or a hostapd of the test's own that
//! takes its time.

use std::ops::Deref;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::namespace::{Namespace, Process};
use crate::{eventually, Builder, Device};

/// A network namespace with the services of WiFi.
#[derive(Debug)]
pub struct World(Namespace);

impl Deref for World {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0
    }
}

impl World {
    /// `None` if nobody lets us make one, where it says so.
    ///
    /// # Panics
    /// If there is no `ip`, or no room.
    #[track_caller]
    pub fn new() -> Option<Self> {
        Namespace::new().map(Self)
    }

    /// The real hostapd, with a configuration file for each of these texts.
    ///
    /// # Panics
    /// If it does not run.
    #[track_caller]
    pub fn hostapd(&self, networks: &[String]) -> Process {
        let sockets = self.path("hostapd");
        let global = self.path("hostapd/global");
        let mut arguments = vec!["-g".to_owned(), global.display().to_string()];
        for (index, lines) in networks.iter().enumerate() {
            let text = format!("{lines}\nctrl_interface={}\n", sockets.display());
            arguments.push(self.write(&format!("image-{index}.conf"), &text).display().to_string());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let process = self.start("hostapd", &arguments, None);
        eventually("hostapd has its socket", || global.exists().then_some(()));
        process
    }

    /// A device with the WiFi plugin, whose hosts are all in here.
    ///
    /// # Panics
    /// If there is no room.
    pub fn device(&self) -> Builder {
        let (file, folder) = (self.host(""), self.folder().display());
        let images: Vec<String> = (0..MAX_IMAGES).map(|i| format!("'{folder}/image-{i}.conf'")).collect();
        let config = format!(
            "[config]\nhostapd = '{folder}/hostapd'\nhostapd_global = '{folder}/hostapd/global'\n\
             hostapd_files = [{}]\nfolder = '{folder}/own'\nbus = 'unix:path=DEVICE/bus'\n",
            images.join(", ")
        );
        Device::builder().plugin("wifi", &config).config(&format!("[plugins]\nhost = '{}'", file.display()))
    }
}

/// The most configuration files that the plugin is told of.
const MAX_IMAGES: usize = 16;

/// A hostapd of the test's own: one network with one station. It answers as the real one does, but when the test wants it.
#[derive(Debug)]
pub struct SlowHostapd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    socket: UnixDatagram,
}

#[derive(Debug, Default)]
struct State {
    ends: bool,
    /// What is not answered: questions that begin so.
    held: Option<String>,
    waiting: Vec<(PathBuf, String)>,
    delay: Duration,
}

/// The network's interface.
const INTERFACE: &str = "wlan7";
/// Its station.
const STATION: &str = "02:00:00:00:bb:01";
/// How soon it notices that it is to end.
const LOOK: Duration = Duration::from_millis(20);

impl SlowHostapd {
    /// Answers at once, to begin with.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn start(world: &World) -> Self {
        let folder = world.path("hostapd");
        std::fs::create_dir_all(&folder).expect("our own folder");
        let socket = UnixDatagram::bind(folder.join(INTERFACE)).expect("our own folder");
        socket.set_read_timeout(Some(LOOK)).expect("a time");
        let shared = Arc::new(Shared { state: Mutex::default(), socket });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || own.serve());
        Self { shared, thread: Some(thread) }
    }

    /// Takes so long for each answer from now on, one after the other.
    pub fn delay(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// Keeps the answers to what begins with this word, until [`release`](Self::release).
    pub fn hold(&self, word: &str) {
        self.shared.lock().held = Some(word.to_owned());
    }

    /// Whether a question is there whose answer is kept.
    pub fn is_asked(&self) -> bool {
        !self.shared.lock().waiting.is_empty()
    }

    /// Gives the answers that were kept, and answers at once again.
    pub fn release(&self) {
        let waiting = {
            let mut state = self.shared.lock();
            state.held = None;
            std::mem::take(&mut state.waiting)
        };
        for (from, question) in waiting {
            self.shared.answer(&from, &question);
        }
    }
}

impl Drop for SlowHostapd {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut buffer = [0; 4096];
        while !self.lock().ends {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let Some(from) = from.as_pathname() else { continue };
            let question = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let delay = {
                let mut state = self.lock();
                if state.held.as_ref().is_some_and(|word| question.starts_with(word.as_str())) {
                    state.waiting.push((from.to_owned(), question));
                    continue;
                }
                state.delay
            };
            // This is how slow it is.
            std::thread::sleep(delay);
            self.answer(from, &question);
        }
    }

    fn answer(&self, to: &Path, question: &str) {
        let text = match question.split(' ').next().unwrap_or_default() {
            "PING" => "PONG\n".to_owned(),
            "ATTACH" | "DETACH" => "OK\n".to_owned(),
            "STATUS" => format!(
                "state=ENABLED\nphy={INTERFACE}\nfreq=2437\nchannel=6\nbss[0]={INTERFACE}\n\
                 bssid[0]=02:00:00:00:bb:00\nssid[0]=Slow\nnum_sta[0]=1\n"
            ),
            "GET_CONFIG" => "bssid=02:00:00:00:bb:00\nssid=Slow\nwpa=2\nkey_mgmt=WPA-PSK\n\
                             group_cipher=CCMP\nrsn_pairwise_cipher=CCMP\n"
                .to_owned(),
            "STA-FIRST" => format!(
                "{STATION}\nflags=[AUTH][ASSOC][AUTHORIZED]\naid=1\nrx_packets=12\ntx_packets=5\nrx_bytes=1202\n\
                 tx_bytes=524\ninactive_msec=64\nsignal=-30\nconnected_time=4\n"
            ),
            _ => "FAIL\n".to_owned(),
        };
        // Who asked may be gone.
        let _ = self.socket.send_to(text.as_bytes(), to);
    }
}
