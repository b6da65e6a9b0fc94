//! A `WWW-Authenticate` or `Authorization` header.

use cwmp_net::challenge::{parse, MAX_CHALLENGES, MAX_PARAMETERS};

/// Any text.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let challenges = parse(text);
    assert!(challenges.len() <= MAX_CHALLENGES);
    for challenge in &challenges {
        assert!(challenge.parameters.len() <= MAX_PARAMETERS);
        assert!(challenge.is(&challenge.scheme.to_ascii_uppercase()));
        assert_eq!(parse(&challenge.to_string()), std::slice::from_ref(challenge), "what we write is read");
    }
    let written: Vec<_> = challenges.iter().map(ToString::to_string).collect();
    assert_eq!(parse(&written.join(", ")), challenges, "all in one header too");
}
