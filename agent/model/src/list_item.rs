//! Items of comma-separated lists, as they stand in the list and as what they are (TR-106 3.2.3, C143).

use std::borrow::Cow;
use std::fmt::Write as _;

/// The item as it stands in a list: commas, percent signs and white space at its ends are percent-encoded.
///
/// ```
/// use cwmp_model::list_item;
/// assert_eq!(list_item::encode("a,b "), "a%2Cb%20");
/// assert_eq!(list_item::decode("a%2Cb%20"), "a,b ");
/// ```
pub fn encode(item: &str) -> Cow<'_, str> {
    let inner = item.trim();
    if inner.len() == item.len() && !item.contains([',', '%']) {
        return Cow::Borrowed(item);
    }
    let mut out = String::with_capacity(item.len() + 8);
    let start = item.len() - item.trim_start().len();
    for (i, c) in item.char_indices() {
        let is_edge = i < start || i >= start + inner.len();
        if matches!(c, ',' | '%') || is_edge {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The item that stands in a list. A percent sign without two digits is one; what is no UTF-8 decoded stays as it stands.
pub fn decode(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut done = 0;
    for i in (0..bytes.len()).filter(|i| bytes[*i] == b'%') {
        // A percent sign may be what another one's digits stand for, but not a digit.
        if let Some(byte) = bytes.get(i + 1..i + 3).and_then(byte) {
            out.extend_from_slice(&bytes[done..i]);
            out.push(byte);
            done = i + 3;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&bytes[done..]);
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn byte(digits: &[u8]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*digits.first()?)? << 4 | digit(*digits.get(1)?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%4"), "%4");
        assert_eq!(decode("%+1%zz%%41%25"), "%+1%zz%A%");
        assert_eq!(decode("%2541"), "%41", "once is enough");
        assert_eq!(decode("%FFx"), "%FFx", "no text");
        assert_eq!(decode("%C3%A4"), "ä");
    }

    #[test]
    fn only_what_must_be_encoded_is() {
        assert!(matches!(encode("a b[c]%"), Cow::Owned(text) if text == "a b[c]%25"));
        assert!(matches!(encode("a b[c]"), Cow::Borrowed(_)));
    }

    proptest! {
        /// C143: an item comes out of a list as it went in.
        #[test]
        fn an_item_survives_its_list(items in proptest::collection::vec("[ -~\u{a0}ä]{1,8}", 1..5)) {
            let list = items.iter().map(|item| encode(item)).collect::<Vec<_>>().join(", ");
            let again: Vec<String> = list.split(',').map(|text| decode(text.trim()).into_owned()).collect();
            prop_assert_eq!(again, items);
        }
    }
}
