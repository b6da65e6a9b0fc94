//! Absolute `http` and `https` URLs: the ACS's, and those it redirects to.

use std::fmt;

/// The longest URL accepted, in bytes: the length of `ManagementServer.URL`.
pub const MAX_URL: usize = 2048;

/// An absolute URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS must be used (C37).
    pub tls: bool,
    /// The host, in lower case; an IPv6 address without its brackets.
    pub host: String,
    /// The port, written or that of the scheme.
    pub port: u16,
    /// Path and query, at least `/`.
    pub target: String,
}

/// Why a text is no URL that a CPE can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Longer than [`MAX_URL`].
    #[error("a URL has at most {MAX_URL} bytes")]
    TooLong,
    /// Neither http nor https (C42).
    #[error("a URL starts with http:// or https://")]
    Scheme,
    /// Credentials in the URL (C155).
    #[error("a URL holds no user name and no password")]
    UserInfo,
    /// No host, or one with forbidden characters.
    #[error("the URL has no usable host")]
    Host,
    /// No number from 1 to 65535.
    #[error("the URL has no usable port")]
    Port,
    /// White space, control characters or characters outside ASCII.
    #[error("the URL has a character that must be percent-encoded")]
    Character,
}

impl Url {
    /// Takes a URL apart. A fragment is dropped: it never goes to a server.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`'))
        {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None | Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?
            }
            Some(_) => return Err(UrlError::Port),
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { tls, host: host.to_ascii_lowercase(), port, target })
    }

    /// The URL that a redirect names: absolute, or a path of the same server.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        if location.starts_with('/') && !location.starts_with("//") {
            let scheme = if self.tls { "https" } else { "http" };
            return Self::parse(&format!("{scheme}://{}{location}", self.authority()));
        }
        Self::parse(location)
    }

    /// The value of the `Host` header: the port only where it is not that of the scheme.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or(&self.target)
    }

    /// Whether both are one server: scheme, host and port.
    pub fn same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.target)
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let good = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if good {
        Ok((host, port))
    } else {
        Err(UrlError::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// C42: absolute http and https URLs, any port.
    #[test]
    fn a_url_is_taken_apart() {
        let url = Url::parse("HTTPS://Acs.Example:7547/cwmp?x=1#top").unwrap();
        assert_eq!(
            (url.tls, url.host.as_str(), url.port, url.target.as_str()),
            (true, "acs.example", 7547, "/cwmp?x=1")
        );
        assert_eq!(url.path(), "/cwmp");
        assert_eq!(Url::parse("http://a").unwrap().to_string(), "http://a/");
        assert_eq!(Url::parse("http://a?b").unwrap().target, "/?b");
        assert_eq!(Url::parse("http://a:/").unwrap().port, 80);
        assert_eq!(Url::parse("https://[fe80::1]:8443/").unwrap().authority(), "[fe80::1]:8443");
        assert_eq!(Url::parse("https://a:443/").unwrap().authority(), "a");
    }

    #[test]
    fn what_is_no_usable_url_is_refused() {
        for (bad, why) in [
            ("acs.example/", UrlError::Scheme),
            ("ftp://a/", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http://a b/", UrlError::Character),
            ("http://a/\r\nX: y", UrlError::Character),
            ("http://ä/", UrlError::Character),
            ("http://a:0/", UrlError::Port),
            ("http://a:65536/", UrlError::Port),
            ("http://a:+1/", UrlError::Port),
            ("http://[::1/", UrlError::Host),
            ("http://[x]/", UrlError::Host),
            ("http://a%20/", UrlError::Host),
        ] {
            assert_eq!(Url::parse(bad), Err(why), "{bad}");
        }
        let long = |n: usize| format!("http://a/{}", "x".repeat(n - 9));
        assert!(Url::parse(&long(MAX_URL)).is_ok());
        assert_eq!(Url::parse(&long(MAX_URL + 1)), Err(UrlError::TooLong));
    }

    /// C155: user names and passwords come from the RPC, never from the URL.
    #[test]
    fn credentials_in_a_url_are_refused() {
        assert_eq!(Url::parse("http://u:p@a/"), Err(UrlError::UserInfo));
    }

    /// C25: a redirect may change scheme and server, or only the path.
    #[test]
    fn a_redirect_is_absolute_or_a_path() {
        let url = Url::parse("https://a:8443/x?y").unwrap();
        assert_eq!(url.join("/z").unwrap().to_string(), "https://a:8443/z");
        assert_eq!(url.join("http://b/").unwrap().to_string(), "http://b/");
        assert!(url.join("//b/").is_err());
        assert!(url.join("z").is_err());
        assert!(!url.same_server(&url.join("http://a:8443/").unwrap()));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_it_gives_is_stable(text in "(https?://)?[ -~]{0,40}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert_eq!(Url::parse(&url.to_string()).unwrap(), url);
            }
        }
    }
}
