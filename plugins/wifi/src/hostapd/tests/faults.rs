//! A hostapd that does not answer, or answers what it should not.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use super::stage::{network, plan, run, Namespace, Stage};
use crate::back_end::{AccessPoints, Failure};
use crate::hostapd::socket::{ANSWER, CARRIED_OUT, MAX_ANSWER};
use crate::plan::Mode;

/// Beyond a time limit: this machine has other things to do as well.
const SLACK: Duration = Duration::from_secs(2);

/// A socket that a test answers from. What it is asked goes through `answer`.
struct Fake {
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    fn new(
        stage: &Stage,
        interface: &str,
        answer: impl Fn(&str) -> Option<Vec<u8>> + 'static + Send,
    ) -> Self {
        fs::create_dir_all(&stage.places.sockets).unwrap();
        let socket = tokio::net::UnixDatagram::bind(stage.places.sockets.join(interface)).unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if let (Some(text), Some(path)) = (answer(&question), from.as_pathname()) {
                    let _ = socket.send_to(&text, path).await;
                }
            }
        });
        Self { task }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn stage() -> Stage {
    Stage::new(Namespace::none())
}

const STATUS: &str = "state=ENABLED\nphy=phy9\nfreq=2412\nbss[0]=wlan9\nbssid[0]=02:00:00:00:00:09\nssid[0]=Home\nnum_sta[0]=0\n";
const CONFIG: &str = "bssid=02:00:00:00:00:09\nssid=Home\nwpa=2\nkey_mgmt=WPA-PSK\n";

#[allow(clippy::unnecessary_wraps)] // One answers, another one does not.
fn good(question: &str) -> Option<Vec<u8>> {
    Some(
        match question {
            "STATUS" => STATUS,
            "GET_CONFIG" => CONFIG,
            _ => "OK\n",
        }
        .into(),
    )
}

#[test]
fn without_a_hostapd_it_is_away() {
    run(async {
        let stage = stage();
        assert_eq!(stage.hostapd.look().await, Err(Failure::Away("hostapd")));
        assert_eq!(stage.hostapd.apply(&plan("phy9", &[])).await, Ok(()), "nothing is on the air");
        let home = network("wlan9", "Home", Mode::None, "");
        assert_eq!(stage.refused(&plan("phy9", &[home])).await, Failure::Away("hostapd"));
        assert_eq!(stage.hostapd.stations("wlan9").await, Err(Failure::Away("hostapd")));
        assert!(matches!(stage.hostapd.stations("../x").await, Err(Failure::Impossible(_))));
    });
}

/// A service that takes 30 s, or for ever, costs the time limit and nothing else.
#[test]
fn a_socket_that_never_answers_is_away_within_the_limit() {
    run(async {
        let stage = stage();
        let _silent = Fake::new(&stage, "wlan9", |_| None);
        let _also = Fake::new(&stage, "wlan8", |_| None);
        let begin = Instant::now();
        assert_eq!(stage.hostapd.look().await, Err(Failure::Away("hostapd")));
        assert!(begin.elapsed() < ANSWER + SLACK, "both at once: {:?}", begin.elapsed());
        let begin = Instant::now();
        let home = network("wlan9", "Home", Mode::None, "");
        assert_eq!(stage.refused(&plan("phy9", &[home])).await, Failure::Away("hostapd"));
        assert!(begin.elapsed() < CARRIED_OUT + SLACK, "{:?}", begin.elapsed());
    });
}

#[test]
fn a_socket_whose_hostapd_was_killed_is_no_network() {
    run(async {
        let stage = stage();
        fs::create_dir_all(&stage.places.sockets).unwrap();
        drop(UnixDatagram::bind(stage.places.sockets.join("wlan8")).unwrap());
        assert_eq!(stage.hostapd.look().await, Err(Failure::Away("hostapd")));
        let _alive = Fake::new(&stage, "wlan9", good);
        let running = stage.hostapd.look().await.unwrap();
        assert_eq!(running.len(), 1);
        assert_eq!(running[0].interface, "wlan9");
    });
}

#[test]
fn one_that_is_silent_does_not_hide_the_others() {
    run(async {
        let stage = stage();
        let _silent = Fake::new(&stage, "wlan8", |_| None);
        let _alive = Fake::new(&stage, "wlan9", good);
        assert_eq!(stage.hostapd.look().await.unwrap().len(), 1);
    });
}

#[test]
fn garbage_is_nonsense() {
    run(async {
        let endless = vec![b'a'; MAX_ANSWER + 1];
        for garbage in
            [&b"\xff\xfe\x00"[..], b"", b"lorem ipsum", b"state=ENABLED\nbss[0]=other\n", endless.as_slice()]
        {
            let stage = stage();
            let answer = garbage.to_vec();
            let _fake = Fake::new(&stage, "wlan9", move |_| Some(answer.clone()));
            let failure = stage.hostapd.look().await.unwrap_err();
            assert!(matches!(failure, Failure::Nonsense("hostapd", _)), "{failure:?}");
            let home = network("wlan9", "Home", Mode::None, "");
            assert!(matches!(stage.refused(&plan("phy9", &[home])).await, Failure::Nonsense("hostapd", _)));
        }
    });
}

/// A station that uses WPS says its own name, and hostapd repeats it.
#[test]
fn a_station_with_a_name_that_is_no_text_hides_nothing() {
    run(async {
        let stage = stage();
        let _fake = Fake::new(&stage, "wlan9", |question| match question {
            "STATUS" => Some(STATUS.replace("num_sta[0]=0", "num_sta[0]=1").into()),
            "GET_CONFIG" => Some(CONFIG.into()),
            "STA-FIRST" => Some(
                b"02:00:00:00:01:00\nflags=[AUTH][ASSOC]\nwpsDeviceName=\xff\0\nflags=[AUTHORIZED]\n"
                    .to_vec(),
            ),
            _ => Some(b"FAIL\n".to_vec()),
        });
        let running = stage.hostapd.look().await.unwrap();
        assert_eq!(running[0].stations, [], "it does not let itself in");
        assert_eq!(stage.hostapd.stations("wlan9").await.unwrap().len(), 1);
    });
}

#[test]
fn stations_without_an_end_are_nonsense() {
    run(async {
        let stage = stage();
        let _fake = Fake::new(&stage, "wlan9", |question| match question {
            "STATUS" => Some(STATUS.replace("num_sta[0]=0", "num_sta[0]=1").into()),
            "GET_CONFIG" => Some(CONFIG.into()),
            _ => Some(b"02:00:00:00:01:00\nflags=[AUTHORIZED]\n".to_vec()),
        });
        assert!(matches!(stage.hostapd.stations("wlan9").await, Err(Failure::Nonsense("hostapd", _))));
    });
}

/// What goes wrong in the middle of a change is taken back as far as hostapd lets it.
#[test]
fn what_is_refused_in_the_middle_is_taken_back() {
    run(async {
        let stage = stage();
        stage.image("interface=wlan9\nssid=Home\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase=hush hush\n");
        let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
        let _fake = Fake::new(&stage, "wlan9", move |question| {
            asked.send(question.to_owned()).unwrap();
            if question == "SET wpa_key_mgmt SAE" {
                return Some(b"FAIL\n".to_vec());
            }
            good(question)
        });
        let home = network("wlan9", "Away", Mode::Wpa3Personal, "much too secret");
        let failure = stage.refused(&plan("phy9", &[home])).await;
        assert_eq!(failure, Failure::Refused("hostapd does not take this wpa_key_mgmt for wlan9".to_owned()));
        questions.close();
        let mut said = Vec::new();
        while let Some(question) = questions.recv().await {
            said.push(question);
        }
        let position = |wanted: &str| {
            said.iter()
                .rposition(|question| question == wanted)
                .unwrap_or_else(|| panic!("{wanted}: {said:?}"))
        };
        assert!(position("DISABLE") < position("SET wpa_key_mgmt WPA-PSK"));
        assert!(position("SET ssid2 486f6d65") < position("ENABLE"));
        assert!(position("SET wpa_passphrase hush hush") < position("ENABLE"));
    });
}

#[test]
fn a_hostapd_that_dies_in_mid_call_is_away() {
    run(async {
        let stage = stage();
        fs::create_dir_all(&stage.places.sockets).unwrap();
        let path = stage.places.sockets.join("wlan9");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        let dies = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                match &buffer[..length] {
                    b"STATUS" => {
                        socket.send_to(STATUS.as_bytes(), from.as_pathname().unwrap()).await.unwrap()
                    }
                    b"GET_CONFIG" => {
                        socket.send_to(CONFIG.as_bytes(), from.as_pathname().unwrap()).await.unwrap()
                    }
                    b"DISABLE" => return,
                    _ => socket.send_to(b"OK\n", from.as_pathname().unwrap()).await.unwrap(),
                };
            }
        });
        let home = network("wlan9", "Away", Mode::Wpa2Personal, "much too secret");
        assert_eq!(stage.refused(&plan("phy9", &[home])).await, Failure::Away("hostapd"));
        dies.await.unwrap();
    });
}

/// One of those that are silent may be of the radio that a plan is for: nothing is made anew beside it.
#[test]
fn a_plan_waits_for_nobody_who_may_be_meant() {
    run(async {
        let stage = stage();
        let _silent = Fake::new(&stage, "wlan8", |_| None);
        let _alive = Fake::new(&stage, "wlan9", good);
        let home = network("wlan8", "Home", Mode::None, "");
        assert_eq!(stage.refused(&plan("phy8", &[home])).await, Failure::Away("hostapd"));
    });
}

/// A network that is open never is on the air with the name of one that is not, nor the other way round.
#[test]
fn a_network_is_off_the_air_while_its_protection_begins_or_ends() {
    run(async {
        for (image, mode) in [
            ("ssid=Open\nwpa=0\n", Mode::Wpa2Personal),
            ("ssid=Open\nwpa=0\n", Mode::Owe),
            ("ssid=Home\nwpa=2\nwpa_passphrase=hush hush\n", Mode::None),
            ("ssid=Home\nwpa=2\nwpa_passphrase=hush hush\n", Mode::Wpa3Personal),
        ] {
            let stage = stage();
            stage.image(&format!("interface=wlan9\n{image}"));
            let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
            let told = if image.contains("wpa=0") { "ssid=Open\n" } else { CONFIG };
            let _fake = Fake::new(&stage, "wlan9", move |question| {
                asked.send(question.to_owned()).unwrap();
                if question == "GET_CONFIG" {
                    Some(told.into())
                } else {
                    good(question)
                }
            });
            stage.apply(&plan("phy9", &[network("wlan9", "Other", mode, "hush hush hush")])).await;
            questions.close();
            let mut orders = Vec::new();
            while let Some(question) = questions.recv().await {
                if !["STATUS", "GET_CONFIG", "ATTACH"].contains(&question.as_str()) {
                    orders.push(question);
                }
            }
            assert_eq!(orders.first().unwrap(), "DISABLE", "{mode:?}");
            assert_eq!(orders.last().unwrap(), "ENABLE", "{mode:?}");
            assert!(orders.contains(&"SET ssid2 4f74686572".to_owned()), "{orders:?}");
        }
    });
}

#[test]
fn nothing_that_is_as_planned_is_said_again() {
    run(async {
        let stage = stage();
        stage.image("interface=wlan9\nssid=Home\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_group_rekey=3600\nwmm_enabled=1\nwpa_passphrase=hush hush\n");
        let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
        let _fake = Fake::new(&stage, "wlan9", move |question| {
            asked.send(question.to_owned()).unwrap();
            good(question)
        });
        let mut home = network("wlan9", "Home", Mode::Wpa2Personal, "hush hush");
        stage.apply(&plan("phy9", &[home.clone()])).await;
        home.settings.security.passphrase = crate::plan::Secret::default();
        stage.apply(&plan("phy9", &[home.clone()])).await;
        home.settings.max_stations = Some(5);
        stage.apply(&plan("phy9", &[home])).await;
        questions.close();
        let mut orders = Vec::new();
        while let Some(question) = questions.recv().await {
            if !["STATUS", "GET_CONFIG", "ATTACH"].contains(&question.as_str()) {
                orders.push(question);
            }
        }
        assert_eq!(orders, ["SET max_num_sta 5"]);
    });
}

/// Nothing is left in the plugin's folder.
#[test]
fn the_sockets_of_conversations_go_with_them() {
    run(async {
        let stage = stage();
        let _fake = Fake::new(&stage, "wlan9", good);
        for _ in 0..3 {
            stage.hostapd.look().await.unwrap();
        }
        let left = fs::read_dir(&stage.places.folder).unwrap().count();
        assert!(left <= 1, "the one that listens: {left}");
    });
}
