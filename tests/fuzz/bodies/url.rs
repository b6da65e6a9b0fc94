//! The URL of an ACS, and a redirect from it.

use cwmp_net::Url;

/// A URL up to the first line feed, then a Location.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, location) = text.split_once('\n').unwrap_or((text, "/"));
    let Ok(url) = Url::parse(text) else { return };
    check(&url);
    if let Ok(target) = url.join(location) {
        check(&target);
        if location.starts_with('/') {
            assert!(target.same_server(&url), "a path stays on its server");
        }
    }
}

fn check(url: &Url) {
    let written = url.to_string();
    assert_eq!(Url::parse(&written).as_ref(), Ok(url), "what we write is read");
    assert!(url.target.starts_with('/') && url.path().starts_with('/'));
    assert!(url.authority().bytes().all(|b| b.is_ascii_graphic()), "the Host header is one line");
}
