//! Texts that match a regular expression, and whether one does: another opinion than that of the library which checks values.

use std::iter::Peekable;
use std::str::Chars;

use crate::random::Random;

/// A regular expression for a whole text.
#[derive(Debug)]
pub(crate) enum Expression {
    /// One of several.
    Any(Vec<Expression>),
    /// One after the other.
    All(Vec<Expression>),
    /// So many times.
    Times(Box<Expression>, usize, Option<usize>),
    /// A character from one of these ranges, or from none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Expression {
    /// Reads what the tables use: groups, alternatives, classes, repetition, `\d`, `\w`, `\s`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars().peekable();
        let expression = alternatives(&mut chars)?;
        chars.next().is_none().then_some(expression)
    }

    /// A text that matches. What may be repeated without a limit is so `more` times beyond its least at most.
    pub(crate) fn random(&self, random: &mut Random, more: usize) -> String {
        match self {
            Self::Any(all) => random.pick(all).map(|e| e.random(random, more)).unwrap_or_default(),
            Self::All(all) => all.iter().map(|e| e.random(random, more)).collect(),
            Self::Times(inner, low, high) => {
                let most = high.unwrap_or(low + more);
                let times = low + random.below(most - low + 1);
                (0..times).map(|_| inner.random(random, more)).collect()
            }
            Self::Class { negated: false, ranges } => {
                let (low, high) = *random.pick(ranges).unwrap_or(&('a', 'a'));
                let code = random.between(i128::from(u32::from(low)), i128::from(u32::from(high)));
                u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(low).into()
            }
            Self::Class { negated: true, .. } => {
                let mut found = ' ';
                for _ in 0..100 {
                    let c = random.text(1).chars().next().unwrap_or(' ');
                    if self.has(c) {
                        found = c;
                        break;
                    }
                }
                found.into()
            }
        }
    }

    /// Whether a whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.walk(&text, 0, &mut |end| end == text.len())
    }

    fn has(&self, c: char) -> bool {
        let Self::Class { negated, ranges } = self else { return false };
        ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
    }

    /// Whether the text from `at` on matches so that `then` is content with the end.
    fn walk(&self, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Self::Any(all) => all.iter().any(|e| e.walk(text, at, then)),
            Self::All(all) => match all.split_first() {
                None => then(at),
                Some((first, rest)) => first.walk(text, at, &mut |next| rest_of(rest, text, next, then)),
            },
            Self::Times(inner, low, high) => repeat(inner, *low, *high, text, at, then),
            Self::Class { .. } => text.get(at).is_some_and(|c| self.has(*c)) && then(at + 1),
        }
    }
}

fn rest_of(rest: &[Expression], text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    match rest.split_first() {
        None => then(at),
        Some((first, rest)) => first.walk(text, at, &mut |next| rest_of(rest, text, next, then)),
    }
}

fn repeat(
    inner: &Expression,
    low: usize,
    high: Option<usize>,
    text: &[char],
    at: usize,
    then: &mut dyn FnMut(usize) -> bool,
) -> bool {
    if low == 0 && then(at) {
        return true;
    }
    if high == Some(0) {
        return false;
    }
    inner.walk(text, at, &mut |next| {
        // A turn that takes nothing leads nowhere new.
        (next > at || low > 0) && repeat(inner, low.saturating_sub(1), high.map(|n| n - 1), text, next, then)
    })
}

fn alternatives(chars: &mut Peekable<Chars<'_>>) -> Option<Expression> {
    let mut all = vec![sequence(chars)?];
    while chars.next_if_eq(&'|').is_some() {
        all.push(sequence(chars)?);
    }
    Some(if all.len() == 1 { all.pop()? } else { Expression::Any(all) })
}

fn sequence(chars: &mut Peekable<Chars<'_>>) -> Option<Expression> {
    let mut all = Vec::new();
    while let Some(c) = chars.next_if(|c| !matches!(c, '|' | ')')) {
        let one = match c {
            '(' => {
                if chars.next_if_eq(&'?').is_some() {
                    chars.next_if_eq(&':')?;
                }
                let inner = alternatives(chars)?;
                chars.next_if_eq(&')')?;
                inner
            }
            '[' => class(chars)?,
            '\\' => escaped(chars.next()?),
            '.' => Expression::Class { negated: true, ranges: vec![('\n', '\n')] },
            '*' | '+' | '?' | '{' | '^' | '$' => return None,
            c => only(c),
        };
        all.push(repeated(one, chars)?);
    }
    Some(Expression::All(all))
}

fn repeated(one: Expression, chars: &mut Peekable<Chars<'_>>) -> Option<Expression> {
    let (low, high) = match chars.peek() {
        Some('*') => (0, None),
        Some('+') => (1, None),
        Some('?') => (0, Some(1)),
        Some('{') => {
            chars.next();
            let mut inside = String::new();
            while let Some(c) = chars.next_if(|c| *c != '}') {
                inside.push(c);
            }
            match inside.split_once(',') {
                None => (inside.parse().ok()?, Some(inside.parse().ok()?)),
                Some((low, "")) => (low.parse().ok()?, None),
                Some((low, high)) => (low.parse().ok()?, Some(high.parse().ok()?)),
            }
        }
        _ => return Some(one),
    };
    chars.next();
    // What is lazy matches the same whole texts.
    chars.next_if_eq(&'?');
    Some(Expression::Times(Box::new(one), low, high))
}

fn only(c: char) -> Expression {
    Expression::Class { negated: false, ranges: vec![(c, c)] }
}

fn escaped(c: char) -> Expression {
    let ranges = named(c);
    if ranges.is_empty() {
        only(control(c))
    } else {
        Expression::Class { negated: c.is_ascii_uppercase(), ranges }
    }
}

fn named(c: char) -> Vec<(char, char)> {
    match c {
        'd' | 'D' => vec![('0', '9')],
        'w' | 'W' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
        's' | 'S' => vec![(' ', ' '), ('\t', '\t'), ('\n', '\n'), ('\r', '\r')],
        _ => Vec::new(),
    }
}

fn control(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        c => c,
    }
}

fn class(chars: &mut Peekable<Chars<'_>>) -> Option<Expression> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' => return Some(Expression::Class { negated, ranges }),
            '\\' => {
                let c = chars.next()?;
                let several = named(c);
                if !several.is_empty() {
                    ranges.extend(several);
                    continue;
                }
                control(c)
            }
            c => c,
        };
        let mut ahead = chars.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
        let high = if is_range {
            chars.next();
            match chars.next()? {
                '\\' => control(chars.next()?),
                c => c,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_text_matches_its_expression() {
        let mut random = Random::new(7);
        for text in [r"\d{2}(0[1-9]|1[0-2])[A-Za-z-]{0,2}", "(?:ab|c)*x+?", "[^a-z]{3}", "", "a|", r"X_.+"] {
            let expression = Expression::parse(text).unwrap();
            for _ in 0..100 {
                let value = expression.random(&mut random, 4);
                assert!(expression.matches(&value), "{text}: {value}");
            }
        }
    }

    #[test]
    fn what_does_not_match_is_told() {
        for (text, value) in
            [("a{2,3}", "a"), ("a{2,3}", "aaaa"), ("(a|ab)c", "abb"), ("(a*)*b", "aaaa"), ("", "x")]
        {
            assert!(!Expression::parse(text).unwrap().matches(value), "{text}: {value}");
        }
        assert!(Expression::parse("(a|ab)c").unwrap().matches("abc"));
        assert!(Expression::parse("*").is_none());
        assert!(Expression::parse("(a").is_none());
    }
}
