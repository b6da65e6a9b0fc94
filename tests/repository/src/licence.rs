//! Licence expressions of crates, in the syntax of SPDX as cargo takes it.

use std::collections::BTreeSet;

/// Whether an expression is satisfied by the licences that are allowed. The error says what is wrong with it.
///
/// `AND` binds tighter than `OR`; a slash is an old way to write `OR`; `WITH` makes a licence of its own.
pub fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let result = either(&mut words, allowed)?;
    match words.pop() {
        None => Ok(result),
        Some(word) => Err(format!("'{expression}': unexpected '{word}'")),
    }
}

/// Words are taken from the end of the vector.
fn either(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut result = both(words, allowed)?;
    while words.last() == Some(&"OR") {
        words.pop();
        result |= both(words, allowed)?;
    }
    Ok(result)
}

fn both(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut result = one(words, allowed)?;
    while words.last() == Some(&"AND") {
        words.pop();
        result &= one(words, allowed)?;
    }
    Ok(result)
}

fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    match words.pop() {
        Some("(") => {
            let result = either(words, allowed)?;
            match words.pop() {
                Some(")") => Ok(result),
                _ => Err("a parenthesis is not closed".to_owned()),
            }
        }
        Some(word) if !matches!(word, ")" | "AND" | "OR" | "WITH") => {
            let mut licence = word.to_owned();
            if words.last() == Some(&"WITH") {
                words.pop();
                licence = format!("{word} WITH {}", words.pop().ok_or("an exception is missing")?);
            }
            Ok(allowed.contains(&licence))
        }
        Some(word) => Err(format!("unexpected '{word}'")),
        None => Err("a licence is missing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_follow_spdx() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for (expression, good) in [
            ("MIT", true),
            ("GPL-2.0", false),
            ("GPL-2.0 OR MIT", true),
            ("GPL-2.0/MIT", true),
            ("GPL-2.0 AND MIT", false),
            ("MIT AND ISC", true),
            ("GPL-2.0 AND GPL-3.0 OR MIT", true),
            ("GPL-2.0 AND (GPL-3.0 OR MIT)", false),
            ("(MIT OR GPL-2.0) AND ISC", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT-0", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), Ok(good), "{expression}");
        }
        for wrong in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT WITH"] {
            assert!(is_allowed(wrong, &allowed).is_err(), "{wrong}");
        }
    }
}
