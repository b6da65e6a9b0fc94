//! What drives are, and how they are.

use cwmp_guest::eventually;

use crate::cabinet::{Cabinet, MEDIA, MEDIA_COUNT, NVME, SATA, STICK};

/// C134: each drive is a row with what it is, by UDisks2 and the kernel, and how it is, by smartctl.
#[test]
fn each_drive_tells_what_it_is_and_how_it_is() {
    let Some(cabinet) = Cabinet::start() else { return };
    let rows = [SATA, NVME, STICK].map(|serial| cabinet.medium(serial));
    let mut session = cabinet.session();
    assert_eq!(session.get_value(MEDIA_COUNT).unwrap(), "3");
    // Where the guest has much to do, smartctl may take longer than somebody who reads waits for it.
    let values = eventually("each drive can be asked how it is", || {
        let values = session.get(&[MEDIA]).unwrap();
        let capable = values.iter().filter(|(path, _)| path.ends_with(".SMARTCapable")).count();
        (capable == rows.len()).then_some(values)
    });
    session.end();
    let value = |row: &str, name: &str| {
        let found = values.iter().find(|(path, _)| *path == format!("{row}{name}"));
        found.map(|(_, value)| value.text.as_str())
    };
    for (row, wanted) in rows.iter().zip([
        [("Vendor", ""), ("Model", "QEMU HARDDISK"), ("SerialNumber", SATA), ("ConnectionType", "SATA/150")],
        [
            ("Vendor", ""),
            ("Model", "QEMU NVMe Ctrl"),
            ("SerialNumber", NVME),
            ("ConnectionType", "X_CWMPD_NVMe"),
        ],
        [
            ("Vendor", "QEMU"),
            ("Model", "QEMU HARDDISK"),
            ("SerialNumber", STICK),
            ("ConnectionType", "USB 3.0"),
        ],
    ]) {
        for (name, wanted) in wanted.into_iter().chain([("Capacity", "600"), ("Status", "Online")]) {
            assert_eq!(value(row, name), Some(wanted), "{row}{name}: {values:?}");
        }
    }
    // A stick has no such thing.
    for (row, is_stick) in rows.iter().zip([false, false, true]) {
        let capable = if is_stick { "false" } else { "true" };
        assert_eq!(value(row, "SMARTCapable"), Some(capable), "{row}: {values:?}");
        assert_eq!(value(row, "Health"), (!is_stick).then_some("OK"), "{row}: {values:?}");
        assert_eq!(value(row, "SMART.Temperature").is_some(), !is_stick, "{row}: {values:?}");
        assert_eq!(
            value(row, "Removable"),
            Some(if is_stick { "true" } else { "false" }),
            "{row}: {values:?}"
        );
        assert_eq!(
            value(row, "HotSwappable"),
            Some(if is_stick { "true" } else { "false" }),
            "{row}: {values:?}"
        );
    }
}
