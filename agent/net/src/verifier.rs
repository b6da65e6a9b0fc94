//! Whether the server is the ACS: its certificate against the trust store, the host of the URL, and the calendar.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::certificate::{date, Certificate};
use crate::trust::Trust;

/// The most certificates of a server whose dates are looked at while the time is not known.
const MAX_CHAIN: usize = 10;

/// Verifies chain, name and dates; or, as long as the time is not known, chain and name.
pub(crate) struct Verifier {
    trust: Arc<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
    check_dates: bool,
}

/// Why a certificate is refused, in words for an operator.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("check_dates", &self.check_dates).finish_non_exhaustive()
    }
}

impl Verifier {
    pub(crate) fn new(trust: Arc<Trust>, algorithms: WebPkiSupportedAlgorithms, check_dates: bool) -> Self {
        Self { trust, algorithms, check_dates }
    }

    /// The chain up to a trusted certificate, each of its members valid at the time that counts.
    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        fields: &Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.trust.holds(leaf) {
            // The trust store has this very certificate: there is no chain to look at. The library would refuse it if
            // it is marked as an authority, which is what the usual command for a self-signed certificate makes.
            return if self.check_dates { check_validity(fields, now) } else { Ok(()) };
        }
        let parsed = ParsedCertificate::try_from(leaf)?;
        let verify = |time| {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.trust.roots,
                others,
                time,
                self.algorithms.all,
            )
        };
        if self.check_dates {
            return verify(now);
        }
        // C38: everything is verified, as if it were a time at which the chain is valid. If there is such a time at all, it is
        // the moment at which one of the certificates became valid. A chain whose members were never valid at one
        // time is refused: nobody has ever accepted it.
        let mut times: Vec<u64> = vec![fields.not_before];
        times.extend(
            others.iter().take(MAX_CHAIN).filter_map(|other| Some(Certificate::read(other)?.not_before)),
        );
        times.sort_unstable_by(|one, other| other.cmp(one));
        times.dedup();
        let mut result = Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        for time in times {
            result = verify(UnixTime::since_unix_epoch(Duration::from_secs(time)));
            if !matches!(&result, Err(error) if is_about_dates(error)) {
                break;
            }
        }
        result
    }

    fn untrusted(&self, fields: &Certificate<'_>, others: &[CertificateDer<'_>]) -> String {
        let last = others.iter().filter_map(|other| Certificate::read(other)).next_back();
        let who = if fields.is_self_issued() {
            format!("{} vouches only for itself, and it is not trusted", fields.subject())
        } else {
            format!("nobody trusts the issuer {}", last.as_ref().unwrap_or(fields).issuer())
        };
        format!("{who}; trust store: {}", self.trust.files)
    }

    /// The same error in words that tell an operator what to do.
    fn explain(&self, error: Error, fields: &Certificate<'_>, others: &[CertificateDer<'_>]) -> Error {
        use CertificateError as E;
        let Error::InvalidCertificate(error) = error else { return error };
        let why = match error {
            E::UnknownIssuer => self.untrusted(fields, others),
            // Marked as an authority, and shown as a server: the library's words would hide that it is not trusted.
            E::Other(_) if fields.is_self_issued() => self.untrusted(fields, others),
            E::Expired => "it has expired".to_owned(),
            E::ExpiredContext { time, not_after } => {
                format!(
                    "it expired on {}; the time here is {}",
                    date(not_after.as_secs()),
                    date(time.as_secs())
                )
            }
            E::NotValidYet => "it is not valid yet".to_owned(),
            E::NotValidYetContext { time, not_before } => {
                format!(
                    "it is valid from {}; the time here is {}",
                    date(not_before.as_secs()),
                    date(time.as_secs())
                )
            }
            E::NotValidForName => "it is not for this name".to_owned(),
            E::NotValidForNameContext { expected, presented } => {
                // The names come wrapped: DnsName("acs.example").
                let mut names: Vec<&str> = presented
                    .iter()
                    .map(|name| {
                        name.split_once('(').map_or(name.as_str(), |(_, name)| name.trim_end_matches(')'))
                    })
                    .map(|name| name.trim_matches('"'))
                    .collect();
                let common = fields.common_name().unwrap_or_default();
                if names.is_empty() && !fields.has_alternative_names && !common.is_empty() {
                    names.push(&common);
                }
                let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
                format!("it is not for {}, but for {names}", expected.to_str())
            }
            E::BadEncoding => "it is not readable".to_owned(),
            E::BadSignature => "a signature in its chain is wrong".to_owned(),
            other => other.to_string(),
        };
        Error::InvalidCertificate(E::Other(OtherError(Arc::new(Refusal(why)))))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fields =
            Certificate::read(leaf).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        self.verify_chain(leaf, others, &fields, now)
            .and_then(|()| verify_name(leaf, &fields, server_name))
            .map_err(|error| self.explain(error, &fields, others))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The host of the URL against the names of the certificate, or, if it lists none at all, against its common name (C37).
fn verify_name(
    leaf: &CertificateDer<'_>,
    fields: &Certificate<'_>,
    server_name: &ServerName<'_>,
) -> Result<(), Error> {
    let verified = verify_server_name(&ParsedCertificate::try_from(leaf)?, server_name);
    let (Err(_), ServerName::DnsName(host), false) = (&verified, server_name, fields.has_alternative_names)
    else {
        return verified;
    };
    match fields.common_name() {
        Some(name) if matches(&name, host.as_ref()) => Ok(()),
        _ => verified,
    }
}

/// A common name is a host, or has a star in place of its first label and at least two others.
fn matches(name: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let wild = name.strip_prefix("*.").filter(|domain| domain.contains('.')).is_some_and(|domain| {
        host.split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain))
    });
    wild || name.eq_ignore_ascii_case(host)
}

fn check_validity(fields: &Certificate<'_>, time: UnixTime) -> Result<(), Error> {
    let moment = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let (not_before, not_after) = (moment(fields.not_before), moment(fields.not_after));
    Err(Error::InvalidCertificate(if time < not_before {
        CertificateError::NotValidYetContext { time, not_before }
    } else if time > not_after {
        CertificateError::ExpiredContext { time, not_after }
    } else {
        return Ok(());
    }))
}

fn is_about_dates(error: &Error) -> bool {
    use CertificateError as E;
    matches!(
        error,
        Error::InvalidCertificate(
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. }
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C37: a common name, where it counts.
    #[test]
    fn a_common_name_is_a_host_or_has_one_star() {
        assert!(matches("ACS.example.com", "acs.example.com"));
        assert!(matches("*.example.com", "acs.example.com."));
        for (name, host) in [
            ("example.com", "acs.example.com"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.b.example.com"),
            ("*.com", "example.com"),
            ("*", "localhost"),
            ("a*.example.com", "acs.example.com"),
            ("", "acs.example.com"),
        ] {
            assert!(!matches(name, host), "{name} {host}");
        }
    }
}
