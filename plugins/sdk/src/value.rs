//! Values and their lexical forms (TR-106 3.2).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{SystemTime, UNIX_EPOCH};

/// The type of a parameter, by the numbers of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Any text.
    String = 1,
    /// A signed number of 32 bits.
    Int = 2,
    /// An unsigned number of 32 bits.
    UnsignedInt = 3,
    /// A signed number of 64 bits.
    Long = 4,
    /// An unsigned number of 64 bits.
    UnsignedLong = 5,
    /// True or false.
    Boolean = 6,
    /// A moment.
    DateTime = 7,
    /// Bytes as base64.
    Base64 = 8,
    /// Bytes as hexadecimal digits.
    HexBinary = 9,
    /// A number with a fraction.
    Decimal = 10,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::String,
        Self::Int,
        Self::UnsignedInt,
        Self::Long,
        Self::UnsignedLong,
        Self::Boolean,
        Self::DateTime,
        Self::Base64,
        Self::HexBinary,
        Self::Decimal,
    ];

    /// The number of the ABI.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The type with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    /// What a parameter of this type holds as long as nobody said anything.
    pub fn zero(self) -> &'static str {
        match self {
            Self::String | Self::Base64 | Self::HexBinary => "",
            Self::Boolean => "false",
            Self::DateTime => DateTime::UNKNOWN_TEXT,
            _ => "0",
        }
    }

    /// What says that there is no value, for the types that have such a thing.
    pub fn nothing(self) -> Option<&'static str> {
        match self {
            Self::String | Self::Base64 | Self::HexBinary | Self::DateTime => Some(self.zero()),
            _ => None,
        }
    }

    /// The text in the form that is sent, `None` if it is no value of the type.
    pub fn canonical(self, text: &str) -> Option<String> {
        fn through<T: Parse + Value>(text: &str) -> Option<String> {
            T::parse(text.trim()).map(|v| v.lexical())
        }
        match self {
            Self::String => Some(text.to_owned()),
            Self::Int => through::<i32>(text),
            Self::UnsignedInt => through::<u32>(text),
            Self::Long => through::<i64>(text),
            Self::UnsignedLong => through::<u64>(text),
            Self::Boolean => through::<bool>(text),
            // The host has moved it to UTC already; times since boot and the far ends of the scale stay as they are.
            Self::DateTime => {
                let text = text.trim();
                let plain = text.len() >= 19 && text.is_ascii() && text.as_bytes()[10] == b'T';
                plain.then(|| text.to_owned())
            }
            Self::Base64 => through::<Base64>(text),
            Self::HexBinary => through::<HexBinary>(text),
            Self::Decimal => decimal(text.trim()),
        }
    }
}

/// A decimal without needless digits, by its text: the code that reads and writes floats is large.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let sane = !(whole.is_empty() && fraction.is_empty());
    if !sane || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Something that is a value of one type.
pub trait Value {
    /// The type.
    const KIND: Kind;
    /// The values of an enumeration; empty if it is none.
    const VALUES: &'static [&'static str] = &[];

    /// Appends the lexical form.
    fn write(&self, out: &mut String);

    /// The lexical form.
    fn lexical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// Something that can be read from the lexical form.
pub trait Parse: Sized {
    /// The value, `None` if the text is none.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! numbers {
    ($($type:ty => $kind:ident),*) => {
        $(impl Value for $type {
            const KIND: Kind = Kind::$kind;

            fn write(&self, out: &mut String) {
                // Writing to a String does not fail.
                let _ = write!(out, "{self}");
            }
        }

        impl Parse for $type {
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

numbers!(i32 => Int, u32 => UnsignedInt, i64 => Long, u64 => UnsignedLong);

impl Value for f64 {
    const KIND: Kind = Kind::Decimal;

    fn write(&self, out: &mut String) {
        // Display of a float has no exponent, which is what the type wants.
        let _ = write!(out, "{self}");
    }
}

impl Parse for f64 {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        text.parse().ok().filter(|v: &f64| digits && v.is_finite())
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Boolean;

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Parse for bool {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

impl Value for str {
    const KIND: Kind = Kind::String;

    fn write(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Value for String {
    const KIND: Kind = Kind::String;

    fn write(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Parse for String {
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for Cow<'static, str> {
    const KIND: Kind = Kind::String;

    fn write(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Parse for Cow<'static, str> {
    fn parse(text: &str) -> Option<Self> {
        Some(Self::Owned(text.to_owned()))
    }
}

macro_rules! addresses {
    ($($type:ty),*) => {
        $(impl Value for $type {
            const KIND: Kind = Kind::String;

            fn write(&self, out: &mut String) {
                // Writing to a String does not fail.
                let _ = write!(out, "{self}");
            }
        }

        impl Parse for $type {
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

addresses!(IpAddr, Ipv4Addr, Ipv6Addr);

impl<T: Value + ?Sized> Value for &T {
    const KIND: Kind = T::KIND;

    fn write(&self, out: &mut String) {
        (*self).write(out);
    }
}

/// A moment, in seconds since 1970, or the Unknown Time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateTime(Option<i64>);

impl DateTime {
    /// The Unknown Time.
    pub const UNKNOWN: Self = Self(None);
    const UNKNOWN_TEXT: &'static str = "0001-01-01T00:00:00Z";

    /// Now, by the machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.ok().and_then(|d| i64::try_from(d.as_secs()).ok()))
    }

    /// A moment by its seconds since 1970; outside the years 1970 to 9999 it is the Unknown Time.
    pub fn from_unix(seconds: i64) -> Self {
        Self(Some(seconds).filter(|s| (0..=253_402_300_799).contains(s)))
    }
}

impl Value for DateTime {
    const KIND: Kind = Kind::DateTime;

    fn write(&self, out: &mut String) {
        let Some(seconds) = self.0 else {
            out.push_str(Self::UNKNOWN_TEXT);
            return;
        };
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Howard Hinnant's civil_from_days: years begin in March, eras have 400 years.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    }
}

impl Parse for DateTime {
    /// A fraction of a second is dropped, an offset is taken into account; without one it is UTC.
    fn parse(text: &str) -> Option<Self> {
        if text == Self::UNKNOWN_TEXT {
            return Some(Self::UNKNOWN);
        }
        let (date, rest) = (text.get(..19)?, text.get(19..)?);
        let bytes = date.as_bytes();
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if marks.iter().any(|(at, mark)| bytes[*at] != *mark) {
            return None;
        }
        let number = |from: usize, to: usize, low: i64, high: i64| {
            let digits = date.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse::<i64>().ok().filter(|n| (low..=high).contains(n))
        };
        let (year, month, day) = (number(0, 4, 1, 9999)?, number(5, 7, 1, 12)?, number(8, 10, 1, 31)?);
        let (hour, minute, second) = (number(11, 13, 0, 23)?, number(14, 16, 0, 59)?, number(17, 19, 0, 59)?);
        let rest = match rest.strip_prefix('.') {
            Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        let offset = match rest.as_bytes() {
            b"" | b"Z" => 0,
            [sign @ (b'+' | b'-'), clock @ ..] if clock.len() == 5 && clock[2] == b':' => {
                let two = |b: &[u8]| std::str::from_utf8(b).ok()?.parse::<i64>().ok();
                let minutes = two(&clock[..2])? * 60 + two(&clock[3..])?;
                if *sign == b'-' {
                    -minutes
                } else {
                    minutes
                }
            }
            _ => return None,
        };
        // Howard Hinnant's days_from_civil.
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year - era * 400;
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days =
            era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
        Some(Self::from_unix(days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60))
    }
}

/// Bytes that travel as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HexBinary(pub Vec<u8>);

impl Value for HexBinary {
    const KIND: Kind = Kind::HexBinary;

    fn write(&self, out: &mut String) {
        for byte in &self.0 {
            let _ = write!(out, "{byte:02X}");
        }
    }
}

impl Parse for HexBinary {
    fn parse(text: &str) -> Option<Self> {
        if text.len() % 2 != 0 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let pairs = text.as_bytes().chunks(2).map(|p| std::str::from_utf8(p).ok());
        pairs.map(|p| u8::from_str_radix(p?, 16).ok()).collect::<Option<_>>().map(Self)
    }
}

/// Bytes that travel as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base64(pub Vec<u8>);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Value for Base64 {
    const KIND: Kind = Kind::Base64;

    fn write(&self, out: &mut String) {
        for group in self.0.chunks(3) {
            let bits =
                group.iter().enumerate().fold(0_u32, |sum, (i, b)| sum | u32::from(*b) << (16 - 8 * i));
            for i in 0..4 {
                let sextet = (bits >> (18 - 6 * i)) as usize & 63;
                out.push(if i > group.len() { '=' } else { char::from(ALPHABET[sextet]) });
            }
        }
    }
}

impl Parse for Base64 {
    fn parse(text: &str) -> Option<Self> {
        let clean: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let body = clean.strip_suffix(b"==").or(clean.strip_suffix(b"=")).unwrap_or(&clean);
        if clean.len() % 4 != 0 {
            return None;
        }
        let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
        for group in body.chunks(4) {
            let mut bits = 0_u32;
            for (i, byte) in group.iter().enumerate() {
                let sextet = u32::try_from(ALPHABET.iter().position(|a| a == byte)?).ok()?;
                bits |= sextet << (18 - 6 * i);
            }
            bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
        }
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (-1, "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(DateTime::from_unix(seconds).lexical(), text);
            assert_eq!(DateTime::parse(text), Some(DateTime::from_unix(seconds)));
        }
        let noon = DateTime::parse("2024-02-29T12:00:00Z");
        assert_eq!(DateTime::parse("2024-02-29T14:30:00.125+02:30"), noon);
        assert_eq!(DateTime::parse("2024-02-29T12:00:00"), noon);
        for wrong in
            ["", "2024-02-29", "2024-02-29 12:00:00Z", "2024-13-01T00:00:00Z", "2024-02-29T12:00:00X"]
        {
            assert_eq!(DateTime::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bytes_travel_both_ways() {
        let cases: [(&[u8], &str); 5] =
            [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foob", "Zm9vYg==")];
        for (bytes, text) in cases {
            assert_eq!(Base64(bytes.to_vec()).lexical(), text);
            assert_eq!(Base64::parse(text), Some(Base64(bytes.to_vec())));
        }
        assert_eq!(Base64::parse("Zg="), None);
        assert_eq!(Base64::parse("Z?=="), None);
        assert_eq!(HexBinary::parse("00fF"), Some(HexBinary(vec![0, 255])));
        assert_eq!(HexBinary(vec![0, 255]).lexical(), "00FF");
        assert_eq!(HexBinary::parse("0"), None);
        assert_eq!(HexBinary::parse("+1"), None);
    }

    #[test]
    fn every_type_has_a_form_and_refuses_the_rest() {
        for (kind, good, form, bad) in [
            (Kind::Boolean, "1", "true", "yes"),
            (Kind::UnsignedInt, " +07 ", "7", "-1"),
            (Kind::Int, "-0", "0", "2147483648"),
            (Kind::Decimal, "1.50", "1.5", "1e3"),
            (Kind::Decimal, "-00.0", "0", "."),
            (Kind::Decimal, "+.5", "0.5", "-"),
            (Kind::Decimal, "-010.", "-10", "1.2.3"),
            (Kind::HexBinary, "ab", "AB", "abc"),
            (Kind::DateTime, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "yesterday"),
        ] {
            assert_eq!(kind.canonical(good).as_deref(), Some(form));
            assert_eq!(kind.canonical(bad), None);
            assert!(kind.canonical(kind.zero()).is_some());
        }
    }
}
