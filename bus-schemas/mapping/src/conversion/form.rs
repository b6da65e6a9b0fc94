//! How lists, addresses and bytes are written.

use std::fmt::Write as _;

use cwmp_model::list_item;

/// An item as it stands in a list.
pub(crate) fn list_item(text: &str) -> String {
    list_item::encode(text).into_owned()
}

/// The items of a list without their escapes.
pub(crate) fn list_items(text: &str) -> impl Iterator<Item = String> + '_ {
    let whole = if text.trim().is_empty() { None } else { Some(text) };
    whole.into_iter().flat_map(|t| t.split(',')).map(|t| list_item::decode(t.trim()).into_owned())
}

pub(super) fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

pub(super) fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    unhex(&digits)?.try_into().ok()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        // Writing to a String does not fail.
        let _ = write!(out, "{b:02X}");
        out
    })
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 != 0 {
        return None;
    }
    let digit = |i: usize| u8::from_str_radix(text.get(i..i + 2)?, 16).ok();
    let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
    (0..text.len()).step_by(2).map(digit).collect::<Option<_>>().filter(|_| digits)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let n = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let place = (n >> (18 - 6 * i) & 63) as usize;
            out.push(if i <= chunk.len() { ALPHABET[place].into() } else { '=' });
        }
    }
    out
}

pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() % 4 != 0 || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut out, mut n, mut bits) = (Vec::new(), 0_u32, 0);
    for c in digits.bytes() {
        let place = ALPHABET.iter().position(|a| *a == c)?;
        n = n << 6 | u32::try_from(place).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(n >> bits & 0xff).ok()?);
        }
    }
    Some(out)
}
