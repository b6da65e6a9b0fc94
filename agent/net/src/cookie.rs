//! The cookies of one session (RFC 6265 as far as a CPE needs it, C24).
//!
//! A jar lives as long as its session (C23). Cookies go back to the host that set them, or to a domain that it named and
//! belongs to; an odd domain or path falls back to the host and to every path, because a lost cookie costs the session.

use crate::url::Url;

/// The most cookies kept; the oldest goes first.
pub const MAX_COOKIES: usize = 32;
/// The most bytes of one cookie's name and value.
pub const MAX_COOKIE: usize = 4096;

/// The cookies of one session.
#[derive(Debug, Default, Clone)]
pub struct CookieJar {
    cookies: Vec<Cookie>,
}

#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Only this very host, not what is below it.
    host_only: bool,
    path: String,
    secure: bool,
}

impl CookieJar {
    /// Takes one `Set-Cookie` header that came with an answer from `url`, of any status.
    ///
    /// Several cookies folded into one header with commas are all taken.
    pub fn take(&mut self, url: &Url, header: &str) {
        for one in split_folded(header) {
            self.take_one(url, one);
        }
    }

    fn take_one(&mut self, url: &Url, text: &str) {
        let mut parts = text.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (name, value) = (name.trim(), value.trim());
        let allowed = |b: u8| b.is_ascii_graphic() || b == b' ' || b >= 0x80;
        if name.is_empty()
            || name.len() + value.len() > MAX_COOKIE
            || !text.bytes().all(|b| allowed(b) || b == b'\t')
        {
            return;
        }
        let mut cookie = Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: url.host.clone(),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
        };
        let mut gone = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // A name without a dot would be a whole top-level domain.
                    if domain.contains('.') && within(&url.host, &domain) {
                        cookie.domain = domain;
                        cookie.host_only = false;
                    }
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => gone |= value == "0" || value.starts_with('-'),
                // A session is short: the only date that matters is one long past, which takes a cookie back.
                "expires" => gone |= value.contains("1970") || value.contains("-70 "),
                _ => {}
            }
        }
        let same = |c: &Cookie| c.name == cookie.name && c.domain == cookie.domain && c.path == cookie.path;
        if gone {
            self.cookies.retain(|c| !same(c));
        } else if let Some(old) = self.cookies.iter_mut().find(|c| same(c)) {
            *old = cookie;
        } else {
            if self.cookies.len() >= MAX_COOKIES {
                self.cookies.remove(0);
            }
            self.cookies.push(cookie);
        }
    }

    /// The value of the one `Cookie` header of a request to `url`, `None` if there is none to send.
    pub fn header(&self, url: &Url) -> Option<String> {
        let mut fit: Vec<&Cookie> = self.cookies.iter().filter(|c| c.fits(url)).collect();
        // RFC 6265 5.4: longer paths first, else in the order of their coming.
        fit.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
        let pairs: Vec<_> = fit.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn fits(&self, url: &Url) -> bool {
        let domain = if self.host_only { url.host == self.domain } else { within(&url.host, &self.domain) };
        let path = url.path();
        let below = path.strip_prefix(self.path.as_str());
        let path =
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        domain && path && (url.tls || !self.secure)
    }
}

fn within(host: &str, domain: &str) -> bool {
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    host == domain || (!is_address && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

/// Splits at commas that begin another cookie: `name=` follows. The comma of a date does not.
fn split_folded(header: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (comma, _) in header.match_indices(',') {
        let next = header[comma + 1..].trim_start();
        let token = next.split(['=', ';', ',', ' ']).next().unwrap_or_default();
        if !token.is_empty() && next[token.len()..].starts_with('=') {
            parts.push(&header[start..comma]);
            start = comma + 1;
        }
    }
    parts.push(&header[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn sent(set: &[&str], to: &str) -> Option<String> {
        let mut jar = CookieJar::default();
        for header in set {
            jar.take(&url("https://acs.example.com/cwmp"), header);
        }
        jar.header(&url(to))
    }

    const HERE: &str = "https://acs.example.com/cwmp";

    /// C24: every cookie goes back, all in one header; a new value replaces the old one.
    #[test]
    fn all_cookies_go_back_in_one_header() {
        assert_eq!(
            sent(&["a=1; Path=/", "b=\"x y\"; HttpOnly", "a=2"], HERE).as_deref(),
            Some("a=2; b=\"x y\"")
        );
        assert_eq!(sent(&["session=x; path=/cwmp, other=y"], HERE).as_deref(), Some("session=x; other=y"));
        assert_eq!(
            sent(&["a=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT; Path=/"], HERE).as_deref(),
            Some("a=1")
        );
        assert_eq!(sent(&[], HERE), None);
    }

    /// C24: at least 512 bytes are stored, and there is a most.
    #[test]
    fn a_cookie_has_a_largest_size_and_a_jar_a_largest_number() {
        let size = |n: usize| sent(&[&format!("a={}", "x".repeat(n - 1))], HERE);
        assert!(size(512).is_some() && size(MAX_COOKIE).is_some());
        assert!(size(MAX_COOKIE + 1).is_none());
        let many: Vec<String> = (0..=MAX_COOKIES).map(|i| format!("c{i}=v")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let header = sent(&many, HERE).unwrap();
        assert_eq!(header.split("; ").count(), MAX_COOKIES);
        assert!(!header.contains("c0="));
    }

    #[test]
    fn a_cookie_stays_with_its_host_path_and_scheme() {
        assert_eq!(sent(&["a=1"], "https://other.example.com/cwmp"), None);
        assert!(sent(&["a=1; Domain=.example.com"], "https://other.example.com/cwmp").is_some());
        assert_eq!(sent(&["a=1; Domain=com"], "https://other.com/"), None);
        // An odd domain does not lose the cookie.
        assert!(sent(&["a=1; Domain=elsewhere.org"], HERE).is_some());
        assert_eq!(sent(&["a=1; Path=/cw"], HERE), None);
        assert!(sent(&["a=1; Path=/cwmp"], "https://acs.example.com/cwmp/sub?q").is_some());
        assert_eq!(sent(&["a=1; Secure"], "http://acs.example.com/cwmp"), None);
    }

    #[test]
    fn a_cookie_can_be_taken_back() {
        assert_eq!(sent(&["a=1", "a=; Max-Age=0"], HERE), None);
        assert_eq!(sent(&["a=1", "a=x; expires=Thu, 01 Jan 1970 00:00:00 GMT"], HERE), None);
    }

    #[test]
    fn a_cookie_cannot_smuggle_a_header() {
        assert_eq!(sent(&["a=1\r\nX: y"], HERE), None);
    }

    proptest! {
        #[test]
        fn no_header_can_upset_the_jar(headers in proptest::collection::vec("\\PC{0,60}", 0..5)) {
            let mut jar = CookieJar::default();
            for header in &headers {
                jar.take(&url(HERE), header);
            }
            let _ = jar.header(&url(HERE));
        }
    }
}
