//! The few fields of a certificate that the TLS library does not show: who issued it, for whom, and when it is valid.
//!
//! Nothing here decides whether a certificate is genuine; it is read after or beside the library's verification.

use std::borrow::Cow;

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// 2.5.29.17, `subjectAltName`.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Some fields of an X.509 certificate.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    /// Seconds since 1970; what is before is 0.
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    /// Whether it lists its names in the extension made for them; then the common name means nothing.
    pub(crate) has_alternative_names: bool,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate in DER; `None` if it is none.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let mut rest = element(&mut &*der, SEQUENCE)?;
        let mut rest = element(&mut rest, SEQUENCE)?;
        if rest.first() == Some(&VERSION) {
            element(&mut rest, VERSION)?;
        }
        element(&mut rest, INTEGER)?;
        element(&mut rest, SEQUENCE)?;
        let issuer = element(&mut rest, SEQUENCE)?;
        let mut validity = element(&mut rest, SEQUENCE)?;
        let not_before = time(&mut validity)?;
        let not_after = time(&mut validity)?;
        let subject = element(&mut rest, SEQUENCE)?;
        element(&mut rest, SEQUENCE)?;
        let mut has_alternative_names = false;
        while let Some((tag, mut content)) = any_element(&mut rest) {
            if tag == EXTENSIONS {
                let mut extensions = element(&mut content, SEQUENCE)?;
                while let Some(mut extension) = element(&mut extensions, SEQUENCE) {
                    has_alternative_names |= element(&mut extension, OBJECT_IDENTIFIER)? == ALTERNATIVE_NAMES;
                }
            }
        }
        Some(Self { issuer, subject, not_before, not_after, has_alternative_names })
    }

    /// The common name of the subject.
    pub(crate) fn common_name(&self) -> Option<String> {
        attribute(self.subject, COMMON_NAME)
    }

    /// The issuer, for people.
    pub(crate) fn issuer(&self) -> String {
        display(self.issuer)
    }

    /// The subject, for people.
    pub(crate) fn subject(&self) -> String {
        display(self.subject)
    }

    /// Whether the certificate says of itself that it is its own issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// A moment in seconds since 1970, for people: `2031-05-17 08:00:00 UTC`.
pub(crate) fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for years after 1970.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Splits off the next element: its tag and content.
fn any_element<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, length], mut after) = rest.split_first_chunk::<2>()?;
    let mut length = usize::from(length);
    if length >= 0x80 {
        let digits = length - 0x80;
        // No certificate is longer than four digits can say, and an indefinite length is not DER.
        if digits == 0 || digits > 4 || after.len() < digits {
            return None;
        }
        let (number, content) = after.split_at(digits);
        length = number.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        after = content;
    }
    let (content, next) = after.split_at_checked(length)?;
    *rest = next;
    Some((tag, content))
}

fn element<'a>(rest: &mut &'a [u8], expected: u8) -> Option<&'a [u8]> {
    any_element(rest).filter(|(tag, _)| *tag == expected).map(|(_, content)| content)
}

fn time(rest: &mut &[u8]) -> Option<u64> {
    let (tag, text) = any_element(rest)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, text) = match tag {
        UTC_TIME if text.len() == 12 => {
            let year: i64 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        GENERALIZED_TIME if text.len() == 14 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let number = |at: usize| text[at..at + 2].parse::<i64>().ok();
    let (month, day, hour, minute, second) = (number(0)?, number(2)?, number(4)?, number(6)?, number(8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Howard Hinnant's days_from_civil.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second).unwrap_or(0))
}

/// The last attribute of that kind in a name: names go from the general to the particular.
fn attribute(mut name: &[u8], kind: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some(mut set) = element(&mut name, SET) {
        while let Some(mut pair) = element(&mut set, SEQUENCE) {
            if element(&mut pair, OBJECT_IDENTIFIER)? == kind {
                let (tag, value) = any_element(&mut pair)?;
                let text = if tag == BMP_STRING {
                    let units: Vec<u16> =
                        value.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
                    Cow::from(String::from_utf16_lossy(&units))
                } else {
                    String::from_utf8_lossy(value)
                };
                found = Some(text.chars().filter(|c| !c.is_control()).collect());
            }
        }
    }
    found
}

fn display(name: &[u8]) -> String {
    match (attribute(name, COMMON_NAME), attribute(name, ORGANIZATION)) {
        (Some(name), Some(organization)) => format!("\"{name}\" ({organization})"),
        (Some(name), None) | (None, Some(name)) => format!("\"{name}\""),
        (None, None) => "without a name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{date_time_ymd, CertificateParams, DnType, KeyPair};

    fn made(edit: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_dates_are_read() {
        let der = made(|params| {
            params.distinguished_name.push(DnType::OrganizationName, "Operator");
            params.distinguished_name.push(DnType::CommonName, "acs.example\u{7}");
            params.not_before = date_time_ymd(1999, 12, 31);
            params.not_after = date_time_ymd(2096, 2, 29);
            params.subject_alt_names = vec![];
        });
        let certificate = Certificate::read(&der).unwrap();
        assert_eq!(certificate.common_name().as_deref(), Some("acs.example"));
        assert_eq!(certificate.issuer(), "\"acs.example\" (Operator)");
        assert_eq!(certificate.subject(), certificate.issuer());
        assert!(certificate.is_self_issued());
        assert!(!certificate.has_alternative_names);
        assert_eq!(date(certificate.not_before), "1999-12-31 00:00:00 UTC");
        assert_eq!(date(certificate.not_after), "2096-02-29 00:00:00 UTC");
        assert_eq!(certificate.not_before, 946_598_400);
        let der =
            made(|params| params.subject_alt_names = vec![rcgen::SanType::DnsName("a".try_into().unwrap())]);
        assert!(Certificate::read(&der).unwrap().has_alternative_names);
    }

    #[test]
    fn a_date_before_the_epoch_is_the_epoch() {
        let der = made(|params| params.not_before = date_time_ymd(1950, 1, 1));
        assert_eq!(Certificate::read(&der).unwrap().not_before, 0);
    }

    proptest! {
        #[test]
        fn any_second_is_written_as_a_date(seconds in 0u64..=253_402_300_799) {
            let text = date(seconds);
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let mut der = vec![GENERALIZED_TIME, 15];
            der.extend(digits.bytes().chain(*b"Z"));
            prop_assert_eq!(time(&mut der.as_slice()), Some(seconds));
        }

        #[test]
        fn no_bytes_can_upset_the_reader(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let mut der = made(|_| {});
            let at = at.index(der.len());
            der[at] = byte;
            der.truncate(cut.index(der.len() + 1));
            if let Some(certificate) = Certificate::read(&der) {
                let _ = (certificate.common_name(), certificate.issuer(), certificate.subject());
            }
        }
    }
}
