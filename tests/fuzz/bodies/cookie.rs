//! Set-Cookie headers of a server.

use cwmp_net::cookie::{MAX_COOKIE, MAX_COOKIES};
use cwmp_net::{CookieJar, Url};

/// One header a line.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut jar = CookieJar::default();
    for (place, header) in text.lines().enumerate() {
        let from =
            ["https://acs.example.com/cwmp", "http://acs.example.com/a/b?c", "http://[::1]:7547/"][place % 3];
        jar.take(&Url::parse(from).expect("it is a URL"), header);
    }
    for to in ["https://acs.example.com/cwmp", "http://example.com/", "http://[::1]:7547/"] {
        let Some(header) = jar.header(&Url::parse(to).expect("it is a URL")) else { continue };
        assert!(!header.contains(['\r', '\n', '\0']), "a header is one line");
        assert!(header.len() <= MAX_COOKIES * (MAX_COOKIE + 3), "there is a most");
        assert!(!header.is_empty());
    }
}
