//! The real hostapd without a radio: `driver=none`.

use std::fs;

use super::stage::{network, plan, run, Namespace, Stage};
use crate::back_end::{AccessPoints, Event, Failure, Progress};
use crate::facts::Mac;
use crate::hostapd::change::MAX_ALLOWED;
use crate::plan::{BssPlan, Mode, Secret};

const IMAGE: &str = "interface=lo\ndriver=none\nssid=Image\nchannel=1\nhw_mode=g\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase=from the image\n";

fn ours(mode: Mode) -> BssPlan {
    network("lo", "Ours", mode, "hush hush hush")
}

#[test]
fn what_the_image_configured_is_somebody_elses() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        let running = stage.until("it runs", |running| running.len() == 1).await.remove(0);
        assert_eq!(running.interface, "lo");
        assert_eq!(running.first, "lo");
        assert_eq!(running.settings.ssid.text(), "Image");
        assert_eq!(running.settings.security.mode, Mode::Wpa2Personal);
        assert!(running.settings.security.passphrase.is_empty(), "secrets are not told");
        assert_eq!(running.progress, Progress::On);
        assert!(running.foreign);
    });
}

#[test]
fn what_this_build_can_do_is_found_out() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        let abilities = stage.hostapd.abilities();
        for mode in [
            Mode::Wpa3Personal,
            Mode::Wpa3PersonalTransition,
            Mode::Wpa2Enterprise,
            Mode::Wpa3Enterprise,
            Mode::Owe,
        ] {
            assert!(abilities.modes.contains(&mode), "Debian's has {mode:?}: {abilities:?}");
        }
        assert!(abilities.wps.contains(&"push_button") && abilities.chooses_channel);
        assert!(abilities.networks > 1);
        let running = stage.hostapd.look().await.unwrap();
        assert_eq!(running.len(), 1, "the interface that it was tried on is gone");
        assert!(!stage.places.folder.join("probe").exists());
    });
}

#[test]
fn a_plan_comes_true_and_is_known_after_a_restart_of_the_plugin() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        stage.apply(&plan("lo", &[ours(Mode::Wpa3PersonalTransition)])).await;
        let running = stage.one("lo").await;
        assert_eq!(running.settings.ssid.text(), "Ours");
        assert_eq!(running.settings.security.mode, Mode::Wpa3PersonalTransition);
        assert!(!running.foreign);
        stage.again();
        assert_eq!(stage.one("lo").await, running);
    });
}

#[test]
fn a_plan_without_a_secret_means_the_image_s() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        stage.apply(&plan("lo", &[ours(Mode::Wpa2Personal)])).await;
        let mut back = ours(Mode::Wpa2Personal);
        back.settings.security.passphrase = Secret::default();
        stage.apply(&plan("lo", &[back])).await;
        let record = fs::read_to_string(stage.places.folder.join("lo.said")).unwrap();
        assert!(record.contains("wpa_passphrase=from the image\n"));
        let mut another = ours(Mode::Wpa3Personal);
        another.settings.security.passphrase = Secret::default();
        stage.apply(&plan("lo", &[ours(Mode::None)])).await;
        // Of another mode the image says nothing, but this one was told.
        stage.apply(&plan("lo", &[another])).await;
    });
}

#[test]
fn a_radio_without_networks_is_off_and_comes_back() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        stage.apply(&plan("lo", &[])).await;
        assert_eq!(stage.one("lo").await.progress, Progress::Off);
        stage.apply(&plan("lo", &[])).await;
        stage.apply(&plan("lo", &[ours(Mode::Wpa2Personal)])).await;
        let running = stage.one("lo").await;
        assert_eq!((running.progress, running.settings.ssid.text().as_str()), (Progress::On, "Ours"));
    });
}

#[test]
fn a_killed_hostapd_that_comes_again_is_listened_to_anew() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let mut hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        stage.apply(&plan("lo", &[ours(Mode::Wpa2Personal)])).await;
        hostapd.kill();
        assert_eq!(stage.hostapd.look().await, Err(Failure::Away("hostapd")));
        let _second = stage.start(IMAGE);
        let running = stage.until("it runs again", |running| running.len() == 1).await.remove(0);
        assert!(running.foreign, "it was told nothing");
        assert_eq!(running.settings.ssid.text(), "Image");
        stage.apply(&plan("lo", &[ours(Mode::Wpa2Personal)])).await;
        stage.forget();
        stage.apply(&plan("lo", &[ours(Mode::None)])).await;
        stage.hear(&Event::AccessPoints("hostapd")).await;
    });
}

#[test]
fn who_is_let_in_is_a_list() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        let mac = |number: u8| Mac([2, 0, 0, 0, 1, number]);
        let mut listed = ours(Mode::Wpa2Personal);
        for list in [vec![mac(1), mac(2)], vec![mac(2), mac(3)], vec![]] {
            listed.settings.allowed = Some(list.clone());
            stage.apply(&plan("lo", &[listed.clone()])).await;
            assert_eq!(stage.one("lo").await.settings.allowed, Some(list));
        }
        listed.settings.allowed = None;
        stage.apply(&plan("lo", &[listed.clone()])).await;
        assert_eq!(stage.one("lo").await.settings.allowed, None);
        let most: Vec<Mac> = (0..).map(mac).take(MAX_ALLOWED).collect();
        listed.settings.allowed = Some(most.clone());
        stage.apply(&plan("lo", &[listed.clone()])).await;
        let mut shown = stage.one("lo").await.settings.allowed.unwrap();
        shown.sort();
        assert_eq!(shown, most, "hostapd shows all of them at once");
        listed.settings.allowed.as_mut().unwrap().push(Mac([2, 0, 0, 0, 2, 0]));
        assert!(matches!(stage.refused(&plan("lo", &[listed])).await, Failure::Impossible(_)));
    });
}

#[test]
fn a_network_is_not_added_without_the_global_socket() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start_without_global(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        assert_eq!(stage.hostapd.abilities().networks, 1);
        let two = [ours(Mode::Wpa2Personal), network("lo_1", "Guest", Mode::None, "")];
        let failure = stage.refused(&plan("lo", &two)).await;
        assert!(failure.to_string().contains("global control socket"), "{failure}");
        assert_eq!(stage.one("lo").await.settings.ssid.text(), "Image", "nothing was touched");
        stage.apply(&plan("lo", &two[..1])).await;
        assert_eq!(stage.one("lo").await.settings.ssid.text(), "Ours");
    });
}

/// Names and passphrases that an ACS may send, as the network has them afterwards.
#[test]
fn hostile_names_are_nothing_but_names() {
    run(async {
        let mut stage = Stage::new(Namespace::new());
        let _hostapd = stage.start(IMAGE);
        stage.until("it runs", |running| running.len() == 1).await;
        for name in
            [&b"a\nwpa=0"[..], b"\0\0", b"\"quoted\"", b"\\x41\\n", b" spaces ", &[0xff; 32], b"P\"x\""]
        {
            let mut hostile = ours(Mode::Wpa2Personal);
            hostile.settings.ssid = crate::facts::Ssid::new(name).unwrap();
            hostile.settings.security.passphrase = Secret::new(" \"hush\\x20 #hush= ");
            stage.apply(&plan("lo", &[hostile])).await;
            let running = stage.one("lo").await;
            assert_eq!(running.settings.ssid.bytes(), name);
            assert_eq!(running.settings.security.mode, Mode::Wpa2Personal);
        }
        let mut hostile = ours(Mode::Wpa2Personal);
        hostile.settings.security.passphrase = Secret::new("hush hush\nwpa=0");
        let failure = stage.refused(&plan("lo", &[hostile])).await;
        assert!(matches!(failure, Failure::Impossible(_)) && !failure.to_string().contains("hush"));
    });
}
