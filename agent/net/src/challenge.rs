//! Challenges: what `WWW-Authenticate` asks for, and `Authorization` in the same grammar (RFC 7235).
//!
//! The parser takes what the field sends: values with and without quotes, missing commas, unknown schemes between known
//! ones, several challenges in one header. It never fails; what it does not understand it skips.

use std::fmt;

/// The most challenges read from one header.
pub const MAX_CHALLENGES: usize = 8;
/// The most parameters read of one challenge.
pub const MAX_PARAMETERS: usize = 32;

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as it was written, for example `Digest`.
    pub scheme: String,
    /// Names in lower case, and values without quotes and escapes, in their order.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Whether this is the scheme, whatever its case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of the first parameter of that name (in lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Writes the challenge so that [`parse`] gives it back: every value quoted.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        for (i, (name, value)) in self.parameters.iter().enumerate() {
            write!(f, "{}{name}={}", if i == 0 { " " } else { ", " }, quote(value))?;
        }
        Ok(())
    }
}

/// Takes a header's value apart.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let Some(first) = rest.chars().next() else { break };
        let (token, after) = split_token(rest);
        if token.is_empty() {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        rest = after.trim_start();
        if let Some(value) = rest.strip_prefix('=') {
            let (value, after) = split_value(value.trim_start());
            rest = after;
            // A value without a scheme before it belongs to nothing.
            if let Some(challenge) = challenges.last_mut().filter(|c| c.parameters.len() < MAX_PARAMETERS) {
                challenge.parameters.push((token.to_ascii_lowercase(), value));
            }
        } else if challenges.len() < MAX_CHALLENGES {
            challenges.push(Challenge { scheme: token.to_owned(), parameters: Vec::new() });
        } else {
            break;
        }
    }
    challenges
}

/// A quoted string.
pub(crate) fn quote(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

fn split_token(text: &str) -> (&str, &str) {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&b);
    text.split_at(text.bytes().position(|b| !token(b)).unwrap_or(text.len()))
}

/// A value, and what follows it. A quoted string that does not end takes everything.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(header: &str) -> Challenge {
        let mut all = parse(header);
        assert_eq!(all.len(), 1, "{header}: {all:?}");
        all.remove(0)
    }

    #[test]
    fn the_challenge_of_the_rfc_is_read() {
        let challenge = one(r#"Digest realm="testrealm@host.com", qop="auth,auth-int",
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#);
        assert!(challenge.is("digest"));
        assert_eq!(challenge.get("realm"), Some("testrealm@host.com"));
        assert_eq!(challenge.get("qop"), Some("auth,auth-int"));
        assert_eq!(challenge.get("nonce"), Some("dcd98b7102dd2f0e8b11d0f600bfb0c093"));
        assert_eq!(challenge.get("opaque"), Some("5ccc069c403ebaf9f0171e9517f40e41"));
        assert_eq!(challenge.get("stale"), None);
    }

    /// C30: values quoted or not, with odd white space, with and without commas.
    #[test]
    fn quotes_commas_and_spaces_are_optional() {
        for header in [
            r#"Digest realm="r", algorithm="MD5", stale=TRUE"#,
            r"digest realm=r,algorithm=MD5,stale=TRUE",
            r#"DIGEST  Realm = "r" Algorithm = MD5	stale="TRUE","#,
            r#",, Digest realm="r",, algorithm=MD5, stale=TRUE, realm="second""#,
        ] {
            let challenge = one(header);
            assert!(challenge.is("Digest"));
            assert_eq!(
                (challenge.get("realm"), challenge.get("algorithm"), challenge.get("stale")),
                (Some("r"), Some("MD5"), Some("TRUE")),
                "{header}"
            );
        }
    }

    #[test]
    fn several_challenges_share_a_header() {
        let all = parse(
            r#"Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple", Negotiate"#,
        );
        let schemes: Vec<&str> = all.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["Newauth", "Basic", "Negotiate"]);
        assert_eq!(all[0].get("title"), Some("Login to \"apps\""));
        assert_eq!(all[1].get("realm"), Some("simple"));
    }

    #[test]
    fn a_header_has_a_largest_number_of_challenges_and_parameters() {
        let many: Vec<String> = (0..=MAX_CHALLENGES).map(|i| format!("S{i} a=b")).collect();
        assert_eq!(parse(&many.join(", ")).len(), MAX_CHALLENGES);
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|i| format!("p{i}=b")).collect();
        assert_eq!(one(&format!("S {}", many.join(", "))).parameters.len(), MAX_PARAMETERS);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            challenges in proptest::collection::vec(
                ("[A-Z][a-z]{1,8}", proptest::collection::vec(("[a-z]{1,8}", "\\PC{0,20}"), 0..5)),
                0..5,
            )
        ) {
            let challenges: Vec<Challenge> =
                challenges.into_iter().map(|(scheme, parameters)| Challenge { scheme, parameters }).collect();
            let written: Vec<String> = challenges.iter().map(ToString::to_string).collect();
            prop_assert_eq!(parse(&written.join(", ")), challenges);
        }

        #[test]
        fn no_header_can_upset_the_parser(header in "(Digest |Basic )?[\\PC\"=,\\\\ ]{0,80}") {
            prop_assert!(parse(&header).len() <= MAX_CHALLENGES);
        }
    }
}
