//! Regular expressions of XML Schema in the words of `regex-lite`.
//!
//! Both mean the same in most of what the standard uses. An expression of XML Schema always stands for the whole value, and
//! has no anchors, so that `^` and `$` are characters; it has classes of its own.

use std::iter::Peekable;
use std::str::Chars;

/// Patterns that say what nobody can mean, with what the description beside them says.
const CORRECTIONS: [(&str, &str); 1] = [
    // LMAP's CycleNumber: the form of a moment, or empty where there is none.
    ("YYYYMMDD.HHMMSS", r"(\d{8}\.\d{6})?"),
];

/// The first characters of XML names, and the others, as parts of a class; ASCII, as names of this field are.
const NAME_START: &str = "A-Za-z_:";
const NAME: &str = "A-Za-z0-9_:.\\-";

/// Translates an expression; the error says what cannot be said.
pub fn translate(pattern: &str) -> Result<String, String> {
    if let Some((_, meant)) = CORRECTIONS.iter().find(|(wrong, _)| *wrong == pattern) {
        return Ok((*meant).to_owned());
    }
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out, false)?,
            '[' => class(&mut chars, &mut out)?,
            '^' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // XML Schema has no other kinds of group.
            '(' if chars.peek() == Some(&'?') => return Err("(? is no group of XML Schema".to_owned()),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// What stands behind a backslash.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String, in_class: bool) -> Result<(), String> {
    let Some(c) = chars.next() else { return Err("it ends in a backslash".to_owned()) };
    let (named, negated) = match c {
        'i' => (NAME_START, false),
        'I' => (NAME_START, true),
        'c' => (NAME, false),
        'C' => (NAME, true),
        'p' | 'P' => return Err("classes of Unicode are not supported".to_owned()),
        c => {
            out.push('\\');
            out.push(c);
            return Ok(());
        }
    };
    match (in_class, negated) {
        (true, true) => return Err("a negated class inside a class is not supported".to_owned()),
        (true, false) => out.push_str(named),
        (false, _) => {
            out.push_str(if negated { "[^" } else { "[" });
            out.push_str(named);
            out.push(']');
        }
    }
    Ok(())
}

/// A class in brackets; the first one is read.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    while let Some(c) = chars.next() {
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '[' => return Err("taking one class from another is not supported".to_owned()),
            '\\' => escape(chars, out, true)?,
            // They mean something between two of themselves.
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    Err("a class does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_share_stays_as_it_is() {
        for same in [r"\d+(\.\d+)*", "[A-Z][A-Z][ OI]", r"([0-9]{1,15}?[BKMGT])", r"SIP(/\d+\.\d+)?", ""] {
            assert_eq!(translate(same).as_deref(), Ok(same));
        }
    }

    #[test]
    fn anchors_are_characters_and_name_classes_are_spelled_out() {
        assert_eq!(translate("a^$").as_deref(), Ok(r"a\^\$"));
        assert_eq!(translate("[^a$&~]").as_deref(), Ok(r"[^a$\&\~]"));
        assert_eq!(translate(r"\i\c*").as_deref(), Ok(r"[A-Za-z_:][A-Za-z0-9_:.\-]*"));
        assert_eq!(translate(r"[\i#]").as_deref(), Ok("[A-Za-z_:#]"));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for wrong in [r"\p{L}", "[a-z-[aeiou]]", "(?:a)", r"a\", "[a", r"[\C]"] {
            assert!(translate(wrong).is_err(), "{wrong}");
        }
    }
}
