//! A service that is silent, lies, dies, or loses its disk in the middle of the work.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cwmp_e2e::service::{value, Hand, Manners};
use tokio::sync::mpsc::unbounded_channel;
use zbus::zvariant::{ObjectPath, Value};

use super::super::objects::{interface, MAX_ANSWER, MAX_OBJECTS, MAX_TEXT};
use super::super::service::{Patience, MANAGER, NAME, ROOT};
use super::super::system::System;
use super::super::watch::TOGETHER;
use super::super::{Inner, UDisks};
use super::fake::{file, Fake, Format, DISK, JOB, PART};
use super::{new, refused, run, MIB};
use crate::back_end::{Disks as _, Event, Events, Failure};

const KEY: &str = "at:/dev/nbd0";

/// So short that a test may wait for it, and so long that a busy machine keeps it.
const PATIENCE: Patience = Patience {
    question: Duration::from_secs(3),
    pulse: Duration::from_millis(50),
    idle: 4,
    end: Duration::from_secs(3),
    settle: Duration::from_secs(1),
};

/// A kernel that knows ext4 and nothing else.
fn kernel() -> System {
    let folder = Box::leak(Box::new(tempfile::tempdir().unwrap()));
    std::fs::create_dir(folder.path().join("proc")).unwrap();
    std::fs::write(folder.path().join("proc/filesystems"), "\text4\n").unwrap();
    System::new(folder.path())
}

async fn open(address: &str, events: Events) -> UDisks {
    let bus = zbus::connection::Builder::address(address).unwrap().build().await.unwrap();
    let mut service = super::super::Service::open(bus, events).await.unwrap();
    service.patience = PATIENCE;
    UDisks {
        inner: Arc::new(Inner {
            holders: std::sync::Mutex::default(),
            service,
            system: kernel(),
            rules: super::super::Rules::default(),
            turn: tokio::sync::Semaphore::new(1),
        }),
    }
}

/// Puts an empty disk in place.
fn put_disk(hand: &Hand, path: &str, device: &str) {
    for (name, is) in [("Device", file(device)), ("Size", value(64 * MIB)), ("DeviceNumber", value(43_u64))] {
        hand.put(path, interface::BLOCK, name, is);
    }
}

fn bus() -> (tempfile::TempDir, cwmp_e2e::Bus) {
    let folder = tempfile::tempdir().unwrap();
    let bus = cwmp_e2e::Bus::start(folder.path());
    (folder, bus)
}

fn service(bus: &cwmp_e2e::Bus) -> cwmp_e2e::service::Service {
    cwmp_e2e::service::Service::start_with(bus.address(), NAME, |hand| put_disk(hand, DISK, "/dev/nbd0"))
}

#[test]
fn a_service_that_is_not_there_or_does_not_answer_or_leaves_is_away() {
    let (_folder, bus) = bus();
    run(async {
        let (events, mut heard) = unbounded_channel();
        let udisks = open(bus.address(), events).await;
        let away = Err(Failure::Away("UDisks2"));
        assert_eq!(udisks.look().await, away);
        assert_eq!(udisks.can_encrypt().await, Err(Failure::Away("UDisks2")));
        assert_eq!(
            udisks.create(&new(KEY, None, ""), None, &|_, _| {}, &|_| {}).await,
            Err(Failure::Away("UDisks2"))
        );

        let service = service(&bus);
        assert_eq!(heard.recv().await, Some(Event::Disks));
        assert_eq!(udisks.look().await.unwrap().0.len(), 1);
        service.behave(Manners::Silent);
        assert_eq!(udisks.look().await, away);
        service.behave(Manners::Dies);
        let asked = Instant::now();
        assert_eq!(udisks.look().await, away);
        assert!(asked.elapsed() < PATIENCE.question, "it is known at once");
        assert_eq!(heard.recv().await, Some(Event::Disks));
        drop(service);
    });
}

#[test]
fn a_service_that_talks_nonsense_is_not_believed() {
    let (_folder, bus) = bus();
    run(async {
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let service = service(&bus);
        for manners in [Manners::Garbage, Manners::Huge] {
            service.behave(manners);
            let nonsense = |failure: &Failure| matches!(failure, Failure::Nonsense("UDisks2", _));
            assert!(udisks.look().await.is_err_and(|f| nonsense(&f)), "{manners:?}");
            assert!(udisks.filesystems().await.is_err_and(|f| nonsense(&f)), "{manners:?}");
            assert!(udisks.delete(KEY).await.is_err_and(|f| nonsense(&f)), "{manners:?}");
            let made = udisks.create(&new(KEY, None, ""), None, &|_, _| {}, &|_| {}).await;
            assert!(made.is_err_and(|f| nonsense(&f)), "{manners:?}");
        }
        service.behave(Manners::Good);
        assert_eq!(udisks.look().await.unwrap().0.len(), 1);
    });
}

#[test]
fn more_objects_than_any_machine_has_are_refused() {
    let (_folder, bus) = bus();
    run(async {
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let service = service(&bus);
        for n in 1..MAX_OBJECTS {
            put_disk(service.hand(), &format!("{ROOT}/block_devices/n{n}"), &format!("/dev/nbd{n}"));
        }
        assert_eq!(udisks.look().await.unwrap().0.len(), MAX_OBJECTS);
        put_disk(service.hand(), &format!("{ROOT}/block_devices/more"), "/dev/more");
        let Err(Failure::Nonsense(_, text)) = udisks.look().await else { panic!("it was believed") };
        assert_eq!(text, "1025 objects, more than 1024");
    });
}

#[test]
fn an_answer_without_end_is_refused() {
    let (_folder, bus) = bus();
    run(async {
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let service = service(&bus);
        let text = "x".repeat(MAX_ANSWER);
        service.hand().put(DISK, interface::BLOCK, "IdLabel", value(text));
        let Err(Failure::Nonsense(_, text)) = udisks.look().await else { panic!("it was believed") };
        assert!(text.contains("bytes of objects"), "{text}");
    });
}

#[test]
fn hostile_names_are_made_fit_to_be_shown() {
    let (_folder, bus) = bus();
    run(async {
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let service = service(&bus);
        let hand = service.hand();
        hand.put(DISK, interface::BLOCK, "IdUsage", value("filesystem"));
        hand.put(DISK, interface::BLOCK, "IdType", value(7_u8));
        hand.put(DISK, interface::BLOCK, "IdLabel", value(format!("\u{1b}[2J\n{}", "ä".repeat(10_000))));
        hand.put(DISK, interface::BLOCK, "ReadOnly", value("perhaps"));
        hand.put(DISK, interface::BLOCK, "Symlinks", value(vec!["text"]));
        hand.put(DISK, interface::FILESYSTEM, "MountPoints", value(vec![b"/media/\xff\0more".to_vec()]));
        let (_, volumes) = udisks.look().await.unwrap();
        let [volume] = volumes.as_slice() else { panic!("{volumes:?}") };
        assert_eq!((volume.filesystem.as_str(), volume.read_only), ("", false));
        assert!(
            volume.label.starts_with(" [2J ä") && volume.label.chars().count() <= MAX_TEXT,
            "{}",
            volume.label
        );
        assert!(!volume.label.contains(char::is_control));
        let mount = volume.mounts[0].as_os_str();
        assert_eq!(std::os::unix::ffi::OsStrExt::as_bytes(mount), b"/media/\xff");
    });
}

#[test]
fn what_anybody_else_says_is_not_heard() {
    let (_folder, bus) = bus();
    run(async {
        let (events, mut heard) = unbounded_channel();
        let udisks = open(bus.address(), events).await;
        let service = service(&bus);
        assert_eq!(heard.recv().await, Some(Event::Disks));
        let other = zbus::connection::Builder::address(bus.address()).unwrap().build().await.unwrap();
        let body = (ObjectPath::try_from(DISK).unwrap(), vec![interface::BLOCK]);
        let to = udisks.inner.service.bus().unique_name().unwrap().to_owned();
        other.emit_signal(Some(&to), ROOT, MANAGER, "InterfacesRemoved", &body).await.unwrap();
        // It is delivered before this answer is, so what it had caused would be told by now.
        udisks.look().await.unwrap();
        tokio::time::sleep(TOGETHER * 2).await;
        assert!(heard.try_recv().is_err());

        // A hundred changes are one.
        for n in 0..100 {
            service.hand().change(DISK, interface::BLOCK, "IdLabel", value(format!("{n}")));
        }
        assert_eq!(heard.recv().await, Some(Event::Disks));
        while udisks.look().await.unwrap().1.first().is_some_and(|volume| volume.label != "99") {}
        tokio::time::sleep(TOGETHER * 2).await;
        let more = std::iter::from_fn(|| heard.try_recv().ok()).count();
        assert!(more <= 2, "{more} more");
        // What a drive measures of itself is no change of it.
        service.hand().change(DISK, "org.freedesktop.UDisks2.Drive.Ata", "SmartTemperature", value(300.0));
        udisks.look().await.unwrap();
        tokio::time::sleep(TOGETHER * 2).await;
        assert!(heard.try_recv().is_err());
    });
}

/// Makes a volume with a service that formats in this way. Gives the result, and what was said.
async fn made_with(address: &str, fake: &Fake) -> (Result<String, Failure>, Vec<(Option<u16>, String)>) {
    let udisks = open(address, unbounded_channel().0).await;
    let said = RefCell::new(Vec::new());
    let progress = |part: Option<u16>, words: &str| said.borrow_mut().push((part, words.to_owned()));
    let wanted = new(KEY, None, "");
    let result = tokio::select! {
        () = fake.serve() => panic!("the bus has ended"),
        result = async {
            // The service is there when it has its name.
            while udisks.look().await.is_err() {}
            udisks.create(&wanted, None, &progress, &|_| {}).await
        } => result,
    };
    (result, said.take())
}

#[test]
fn a_disk_that_is_pulled_out_while_it_is_formatted_is_gone() {
    for format in [Format::Pulled, Format::PulledAndTold] {
        let (_folder, bus) = bus();
        run(async {
            let fake = Fake::start(bus.address(), format).await;
            let (result, _) = made_with(bus.address(), &fake).await;
            assert_eq!(result, Err(Failure::Gone("/dev/nbd0".to_owned())));
            assert!(fake.called(&format!("{PART} Format")) && !fake.called(&format!("{PART} Delete")));
        });
    }
}

#[test]
fn a_format_that_nobody_works_on_ends_and_the_partition_is_removed() {
    let (_folder, bus) = bus();
    run(async {
        let fake = Fake::start(bus.address(), Format::Forgotten).await;
        let (result, _) = made_with(bus.address(), &fake).await;
        assert_eq!(result, Err(Failure::Away("UDisks2")));
        assert!(fake.called(&format!("{PART} Delete")));
    });
}

#[test]
fn a_format_that_is_worked_on_may_take_its_time_and_is_cancelled_when_nobody_wants_it() {
    let (_folder, bus) = bus();
    run(async {
        let fake = Fake::start(bus.address(), Format::Works).await;
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let (reached, is_reached) = tokio::sync::oneshot::channel();
        let reached = RefCell::new(Some(reached));
        let progress = |part: Option<u16>, words: &str| {
            if let Some(reached) = reached.borrow_mut().take_if(|_| part == Some(500)) {
                assert_eq!(words, "making ext4");
                reached.send(()).unwrap();
            }
        };
        let wanted = new(KEY, None, "");
        let test = async {
            while udisks.look().await.is_err() {}
            let creation = udisks.create(&wanted, None, &progress, &|_| {});
            tokio::select! {
                result = creation => panic!("{result:?}"),
                // Longer than it may do nothing.
                () = async {
                    is_reached.await.unwrap();
                    tokio::time::sleep(PATIENCE.pulse * (PATIENCE.idle + 4)).await;
                } => {}
            }
            while Arc::strong_count(&udisks.inner) > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = fake.serve() => panic!("the bus has ended"),
            () = test => {}
        }
        assert!(fake.called(&format!("{JOB} Cancel")) && fake.called(&format!("{PART} Delete")));
    });
}

#[test]
fn a_partition_that_this_has_not_made_is_never_formatted_nor_removed() {
    let (_folder, bus) = bus();
    run(async {
        // One that was there before is handed out as new.
        let fake = Fake::start(bus.address(), Format::Forgotten).await;
        fake.put_partition(40 * MIB, "old");
        let (result, _) = made_with(bus.address(), &fake).await;
        assert!(matches!(result, Err(Failure::Nonsense(..))), "{result:?}");
        assert!(!fake.called(&format!("{PART} Format")) && !fake.called(&format!("{PART} Delete")));
    });
    let (_folder, bus) = self::bus();
    run(async {
        // One that is where none was wanted.
        let mut fake = Fake::start(bus.address(), Format::Forgotten).await;
        fake.elsewhere = Some(0);
        let (result, _) = made_with(bus.address(), &fake).await;
        assert!(matches!(result, Err(Failure::Nonsense(..))), "{result:?}");
        assert!(!fake.called(&format!("{PART} Format")) && !fake.called(&format!("{PART} Delete")));
    });
}

#[test]
fn a_disk_that_came_in_the_place_of_another_is_left_alone() {
    let (_folder, bus) = bus();
    run(async {
        let fake = Fake::start(bus.address(), Format::Swapped).await;
        let (result, _) = made_with(bus.address(), &fake).await;
        assert!(result.is_err(), "{result:?}");
        assert!(!fake.called(&format!("{PART} Delete")), "{:?}", fake.calls);
    });
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_service() {
    let (_folder, bus) = bus();
    run(async {
        let udisks = open(bus.address(), unbounded_channel().0).await;
        let service = service(&bus);
        let hand = service.hand();
        hand.put(DISK, interface::BLOCK, "IdUsage", value("filesystem"));
        hand.put(DISK, interface::BLOCK, "IdType", value("ext4"));
        hand.put(DISK, interface::FILESYSTEM, "MountPoints", value(Vec::<Vec<u8>>::new()));
        service.method("Mount", |_, _| Err("org.freedesktop.UDisks2.Error.NotAuthorized".to_owned()));
        while udisks.look().await.is_err() {}
        assert_eq!(refused(udisks.mount(KEY).await), "refused by the test");
        service.method("Mount", |_, _| Ok(vec![Value::from("nowhere")]));
        assert!(matches!(udisks.mount(KEY).await, Err(Failure::Nonsense(..))));
    });
}
