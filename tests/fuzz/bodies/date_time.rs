//! A moment.

use cwmp_model::date_time;

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let seconds = date_time::unix_seconds(text);
    let Some(canonical) = date_time::canonical(text) else {
        assert_eq!(seconds, None, "what is no moment has no seconds");
        return;
    };
    assert_eq!(date_time::canonical(&canonical).as_ref(), Some(&canonical), "a canonical moment stays");
    assert_eq!(date_time::unix_seconds(&canonical), seconds, "and means the same");
    if let Some(seconds) = seconds {
        assert_eq!(date_time::from_unix_seconds(seconds), canonical, "the seconds are the moment's");
    }
}
