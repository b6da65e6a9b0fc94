//! The configuration of a plugin: the JSON object that the host makes of the manifest and the integrator's file.

use crate::Error;

/// How deep a configuration may be nested.
const MAX_DEPTH: usize = 32;

/// A configuration, or a table in one. Every getter says by name which key has the wrong type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// There are few, so they are looked through.
    entries: Vec<(String, Json)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Table(Config),
}

impl Config {
    /// Reads a JSON object; nothing at all is an empty one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        match value {
            Json::Table(config) if reader.at == text.len() => Ok(config),
            _ => Err(Error::arguments("the configuration is not one JSON object")),
        }
    }

    /// Refuses every key but these, so that a slip of the pen is found.
    pub fn only(&self, keys: &[&str]) -> Result<(), Error> {
        match self.entries.iter().map(|(key, _)| key).find(|k| !keys.contains(&k.as_str())) {
            Some(key) => Err(Error::arguments(format!("unknown configuration key '{key}'"))),
            None => Ok(()),
        }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<Option<&str>, Error> {
        match self.entry(key) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Error::arguments(format!("configuration key '{key}' is not a text"))),
        }
    }

    /// A number of any type that can be read from text: `config.number::<u32>("rows")`.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, Error> {
        let wrong = || Error::arguments(format!("configuration key '{key}' is not such a number"));
        match self.entry(key) {
            None => Ok(None),
            Some(Json::Number(text)) => text.parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// True or false.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.entry(key) {
            None => Ok(None),
            Some(Json::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Error::arguments(format!("configuration key '{key}' is not true or false"))),
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&str>>, Error> {
        let wrong = || Error::arguments(format!("configuration key '{key}' is not a list of texts"));
        match self.entry(key) {
            None => Ok(None),
            Some(Json::List(list)) => {
                let texts = list.iter().map(|j| if let Json::Text(t) = j { Some(t.as_str()) } else { None });
                texts.collect::<Option<_>>().map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A table.
    pub fn table(&self, key: &str) -> Result<Option<&Config>, Error> {
        match self.entry(key) {
            None => Ok(None),
            Some(Json::Table(config)) => Ok(Some(config)),
            Some(_) => Err(Error::arguments(format!("configuration key '{key}' is not a table"))),
        }
    }

    fn entry(&self, key: &str) -> Option<&Json> {
        // Of a key that is there twice the last counts.
        let entry = self.entries.iter().rev().find(|(other, _)| other == key);
        entry.map(|(_, value)| value).filter(|value| **value != Json::Null)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self) -> Error {
        Error::arguments(format!("the configuration is no JSON at byte {}", self.at))
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Whether the next thing is `what`; then it is behind us.
    fn eat(&mut self, what: &str) -> bool {
        self.space();
        let there = self.text[self.at..].starts_with(what);
        self.at += if there { what.len() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Result<Json, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::arguments("the configuration is nested too deeply"));
        }
        for (word, value) in [("null", Json::Null), ("true", Json::Flag(true)), ("false", Json::Flag(false))]
        {
            if self.eat(word) {
                return Ok(value);
            }
        }
        if self.eat("{") {
            return self.table(depth).map(Json::Table);
        }
        if self.eat("[") {
            return self.list(depth);
        }
        if self.text[self.at..].starts_with('"') {
            return self.string().map(Json::Text);
        }
        let rest = &self.text[self.at..];
        let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let length = rest.find(|c| !number(c)).unwrap_or(rest.len());
        if !is_number(&rest[..length]) {
            return Err(self.wrong());
        }
        self.at += length;
        Ok(Json::Number(rest[..length].to_owned()))
    }

    fn table(&mut self, depth: usize) -> Result<Config, Error> {
        let mut entries = Vec::new();
        if self.eat("}") {
            return Ok(Config { entries });
        }
        loop {
            self.space();
            let key = self.string()?;
            if !self.eat(":") {
                return Err(self.wrong());
            }
            entries.push((key, self.value(depth + 1)?));
            if self.eat("}") {
                return Ok(Config { entries });
            }
            if !self.eat(",") {
                return Err(self.wrong());
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Error> {
        let mut list = Vec::new();
        if self.eat("]") {
            return Ok(Json::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            if self.eat("]") {
                return Ok(Json::List(list));
            }
            if !self.eat(",") {
                return Err(self.wrong());
            }
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let mut rest = self.text[self.at..].strip_prefix('"').ok_or_else(|| self.wrong())?.chars();
        let mut out = String::new();
        while let Some(c) = rest.next() {
            match c {
                '"' => {
                    self.at = self.text.len() - rest.as_str().len();
                    return Ok(out);
                }
                '\\' => {
                    let escaped = match rest.next() {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('u') => hex4(&mut rest).ok_or_else(|| self.wrong())?,
                        Some(c @ ('"' | '\\' | '/')) => c,
                        _ => return Err(self.wrong()),
                    };
                    out.push(escaped);
                }
                c if c < ' ' => return Err(self.wrong()),
                c => out.push(c),
            }
        }
        Err(self.wrong())
    }
}

/// Whether it is a number; which type it fits is found when it is asked for.
fn is_number(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole.strip_prefix('-').unwrap_or(whole))
        && digits(fraction)
        && digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
}

/// The character of `\uXXXX`, or of two of them if the first is half a character.
fn hex4(rest: &mut std::str::Chars<'_>) -> Option<char> {
    fn unit(rest: &mut std::str::Chars<'_>) -> Option<u32> {
        (0..4).try_fold(0, |sum, _| Some(sum * 16 + rest.next()?.to_digit(16)?))
    }
    let first = unit(rest)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let second = (rest.next()? == '\\' && rest.next()? == 'u').then(|| unit(rest))??;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_asked_by_type() {
        let config = Config::parse(
            r#" {"rows": 1000, "file":"/run/\u00e4\ud83d\ude00\n", "on":true, "list":["a","b"], "sub":{"x":-1.5e1}, "no":null} "#,
        )
        .unwrap();
        assert_eq!(config.number("rows"), Ok(Some(1000_u32)));
        assert_eq!(config.text("file"), Ok(Some("/run/ä😀\n")));
        assert_eq!(config.flag("on"), Ok(Some(true)));
        assert_eq!(config.texts("list"), Ok(Some(vec!["a", "b"])));
        assert_eq!(config.table("sub").unwrap().unwrap().number("x"), Ok(Some(-15.0)));
        assert_eq!(config.text("no"), Ok(None));
        assert_eq!(config.text("absent"), Ok(None));
        assert!(config.text("rows").unwrap_err().text().contains("'rows'"));
        assert!(config.number::<u8>("rows").is_err());
        assert!(config.only(&["rows"]).unwrap_err().text().contains("'file'"));
        assert_eq!(Config::parse(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "[]",
            "{",
            "{}}",
            "{'a':1}",
            r#"{"a" 1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":01x}"#,
            r#"{"a":1.}"#,
            r#"{"a":-}"#,
            r#"{"a":1e}"#,
            r#"{"a":1-2}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":tru}"#,
            r#"{"a":"#,
            "{\"a\":\"\n\"}",
            r#"{"a":[1,]}"#,
        ] {
            assert!(Config::parse(text).is_err(), "{text}");
        }
        let deep = |n| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(Config::parse(&deep(MAX_DEPTH)).is_ok());
        assert!(Config::parse(&deep(MAX_DEPTH + 1)).is_err());
    }
}
