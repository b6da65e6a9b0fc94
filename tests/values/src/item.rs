//! A single value, or an item of a list.

use base64::Engine as _;
use cwmp_model::facets::{Bounds, Giver};
use cwmp_model::{date_time, Facets, FaultCode, ValueType};

use crate::expression::Expression;
use crate::random::Random;
use crate::Bad;

/// How long a text is that may be of any length, and how much longer than its least one with a far limit.
const USUAL: usize = 32;
/// How often what a pattern repeats without a limit is repeated, one try after the other.
const MORE: [usize; 3] = [4, 16, 64];
/// How often something is tried that chance may spoil.
const TRIES: usize = 200;

/// What is known of the value.
pub(crate) struct Items<'a> {
    pub(crate) kind: ValueType,
    pub(crate) facets: &'a Facets,
    pub(crate) giver: Giver,
}

impl Items<'_> {
    /// Every value of an enumeration, or what lies on the edges.
    pub(crate) fn edges(&self) -> Vec<String> {
        if !self.facets.references.is_empty() {
            return vec![String::new()];
        }
        if self.is_enumeration() {
            return self.allowed();
        }
        let mut random = Random::new(1);
        match self.kind {
            ValueType::Boolean => vec!["true".into(), "false".into()],
            ValueType::DateTime => {
                vec![date_time::UNKNOWN.into(), date_time::INFINITE.into(), "2024-02-29T23:59:59Z".into()]
            }
            ValueType::Decimal if self.facets.ranges.is_empty() => {
                vec!["0".into(), "-0.5".into(), "1.25".into(), "18446744073709551615".into()]
            }
            _ if is_number(self.kind) => {
                let ends = self.ranges().into_iter().flat_map(|b| [b.low, b.high].into_iter().flatten());
                ends.map(|n| n.to_string()).collect()
            }
            _ if !self.facets.patterns.is_empty() => {
                let expressions = self.expressions();
                let tries = expressions.iter().filter_map(|e| self.matching(e, &mut random));
                tries.collect()
            }
            _ => {
                let ends = self.sizes().into_iter().flat_map(|(low, high)| [low, high]);
                let mut lengths: Vec<usize> = ends.collect();
                lengths.dedup();
                lengths.into_iter().map(|n| self.of_length(n, &mut random)).collect()
            }
        }
    }

    /// A value at random; `None` if chance did not find one.
    pub(crate) fn random(&self, random: &mut Random) -> Option<String> {
        if !self.facets.references.is_empty() {
            return Some(self.reference(random));
        }
        if self.is_enumeration() {
            return random.pick(&self.allowed()).cloned();
        }
        match self.kind {
            ValueType::Boolean => random.pick(&["true", "false"]).map(ToString::to_string),
            ValueType::DateTime => {
                let seconds = random.between(0, 4_000_000_000);
                i64::try_from(seconds).ok().map(date_time::from_unix_seconds)
            }
            ValueType::Decimal if self.facets.ranges.is_empty() => {
                let whole = random.between(-1_000_000, 1_000_000);
                let fraction = random.between(1, 999).to_string();
                Some(format!("{whole}.{}", fraction.trim_end_matches('0')))
            }
            _ if is_number(self.kind) => {
                let ranges = self.ranges();
                let range = random.pick(&ranges)?;
                let (low, step) = (range.low?, range.step.unwrap_or(1));
                let steps = random.between(0, (range.high? - low) / step);
                Some((low + steps * step).to_string())
            }
            _ if !self.facets.patterns.is_empty() => {
                let expressions = self.expressions();
                let expression = random.pick(&expressions)?;
                self.matching(expression, random)
            }
            _ => {
                let sizes = self.sizes();
                let (low, high) = *random.pick(&sizes)?;
                let length = low + random.below(high.min(low + USUAL) - low + 1);
                Some(self.of_length(length, random))
            }
        }
    }

    /// Values that are refused, first those just outside; not always as many as asked for.
    pub(crate) fn bad(&self, count: usize, random: &mut Random) -> Vec<Bad> {
        let mut values = Vec::new();
        let mut add = |text: String, fault| {
            let bad = Bad::new(text, fault);
            if !values.contains(&bad) {
                values.push(bad);
            }
        };
        for text in self.outside(random) {
            add(text, FaultCode::InvalidParameterValue);
        }
        for text in self.malformed(random) {
            add(text, FaultCode::InvalidParameterType);
        }
        for _ in 0..count {
            if let Some(text) = self.spoiled(random) {
                add(text, FaultCode::InvalidParameterValue);
            }
        }
        for _ in 0..count {
            // No type but the string has a value that begins so.
            if self.kind != ValueType::String {
                let length = random.below(9);
                add(format!("!{}", random.text(length)), FaultCode::InvalidParameterType);
            }
        }
        values
    }

    fn is_enumeration(&self) -> bool {
        !self.facets.enumeration.is_empty() || !self.facets.device_only.is_empty()
    }

    /// The values of the enumeration that the giver may give.
    fn allowed(&self) -> Vec<String> {
        let more: &[String] = if self.giver == Giver::Device { &self.facets.device_only } else { &[] };
        self.facets.enumeration.iter().chain(more).filter(|v| self.fits_size(v)).cloned().collect()
    }

    /// A path below one of the tables, where nothing has to be there; otherwise the empty reference.
    fn reference(&self, random: &mut Random) -> String {
        let table =
            random.pick(&self.facets.references).filter(|table| !self.facets.strong && *table != "Device.");
        let Some(table) = table else { return String::new() };
        let mut path = String::new();
        for part in table.trim_end_matches('.').split('.') {
            let number = random.between(1, 99).to_string();
            path = format!("{path}{}.", if part == "{i}" { &number } else { part });
        }
        path.trim_end_matches('.').to_owned()
    }

    /// The ranges with both ends, each on a step.
    fn ranges(&self) -> Vec<Bounds> {
        let (least, greatest) = limits(self.kind);
        let all = Bounds { low: None, high: None, step: None };
        let ranges = if self.facets.ranges.is_empty() { vec![all] } else { self.facets.ranges.clone() };
        let closed = ranges.into_iter().map(|b| {
            let step = b.step.unwrap_or(1);
            let low = b.low.unwrap_or(least - least % step);
            let high = b.high.unwrap_or(greatest).min(greatest);
            Bounds { low: Some(low), high: Some(low + (high - low) / step * step), step: b.step }
        });
        closed.filter(|b| b.low.is_some_and(|low| low >= least)).collect()
    }

    /// The lengths allowed, each from and to.
    fn sizes(&self) -> Vec<(usize, usize)> {
        if self.facets.sizes.is_empty() {
            return vec![(0, USUAL)];
        }
        let sizes = self.facets.sizes.iter().map(|b| {
            let low = b.low.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            (low, b.high.and_then(|n| usize::try_from(n).ok()).unwrap_or(low + USUAL))
        });
        sizes.collect()
    }

    fn fits_size(&self, text: &str) -> bool {
        let length = text.chars().count();
        self.facets.sizes.is_empty()
            || self.sizes().iter().any(|(low, high)| (*low..=*high).contains(&length))
    }

    /// A value of so many characters or bytes.
    fn of_length(&self, length: usize, random: &mut Random) -> String {
        let bytes = |random: &mut Random| -> Vec<u8> {
            (0..length).map(|_| random.number().to_le_bytes()[0]).collect()
        };
        match self.kind {
            ValueType::HexBinary => {
                let digits = |byte: u8| [byte >> 4, byte & 15];
                let digit = |n| char::from_digit(u32::from(n), 16).unwrap_or('0').to_ascii_uppercase();
                bytes(random).into_iter().flat_map(digits).map(digit).collect()
            }
            ValueType::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes(random)),
            _ => random.text(length),
        }
    }

    fn expressions(&self) -> Vec<Expression> {
        self.facets.patterns.iter().filter_map(|p| Expression::parse(p.as_str())).collect()
    }

    fn matching(&self, expression: &Expression, random: &mut Random) -> Option<String> {
        (0..TRIES).map(|i| expression.random(random, MORE[i % MORE.len()])).find(|text| self.fits_size(text))
    }

    /// What lies just outside ranges and sizes; values that only the device sets.
    fn outside(&self, random: &mut Random) -> Vec<String> {
        let mut values = Vec::new();
        if self.giver == Giver::Client {
            values.extend(
                self.facets.device_only.iter().filter(|v| !self.facets.enumeration.contains(v)).cloned(),
            );
        }
        if is_number(self.kind) && !self.facets.ranges.is_empty() {
            let (least, greatest) = limits(self.kind);
            let ranges = self.ranges();
            let inside = |n: i128| ranges.iter().any(|b| b.holds(n));
            let ends = ranges.iter().flat_map(|b| [b.low, b.high].into_iter().flatten());
            let mut near: Vec<i128> = ends.flat_map(|n| [n - 1, n + 1]).collect();
            near.extend([least, greatest]);
            near.extend((0..TRIES).map(|_| random.between(least, greatest)));
            near.retain(|n| (least..=greatest).contains(n) && !inside(*n));
            near.dedup();
            values.extend(near.iter().map(ToString::to_string));
        }
        let has_length = matches!(self.kind, ValueType::String | ValueType::HexBinary | ValueType::Base64);
        if has_length && !self.facets.sizes.is_empty() && !self.is_enumeration() {
            let sizes = &self.facets.sizes;
            let ends = self.sizes().into_iter().flat_map(|(low, high)| [low.checked_sub(1), Some(high + 1)]);
            for length in ends.flatten() {
                let n = i128::try_from(length).unwrap_or(i128::MAX);
                if !sizes.iter().any(|b| b.holds(n)) {
                    values.push(self.of_length(length, random));
                }
            }
        }
        values
    }

    /// What is no value of the type.
    fn malformed(&self, random: &mut Random) -> Vec<String> {
        let texts: &[&str] = match self.kind {
            ValueType::String => &[],
            ValueType::Boolean => &["", "yes", "TRUE", "2", "truefalse", "0.0"],
            ValueType::DateTime => &[
                "",
                "2024-13-01T00:00:00Z",
                "2024-02-30T00:00:00Z",
                "2024-01-01",
                "2024-01-01T25:00:00Z",
                "2024-01-01 00:00:00Z",
                "1700000000",
            ],
            ValueType::Base64 => &["a===", "abc", "ab!d", "====", "=abc"],
            ValueType::HexBinary => &["0", "0G", "0x12", "00 11 2"],
            ValueType::Decimal => &["", ".", "1e3", "1,5", "1.2.3", "--1", "NaN", "INF"],
            _ => &[
                "",
                "x",
                "1x",
                "1.5",
                "1.0",
                "--1",
                "+-1",
                "0x10",
                "1 2",
                "1e3",
                "99999999999999999999999999",
            ],
        };
        let mut values: Vec<String> = texts.iter().map(ToString::to_string).collect();
        if is_number(self.kind) && self.kind != ValueType::Decimal {
            let (least, greatest) = limits(self.kind);
            values.extend([least - 1, greatest + 1].map(|n| n.to_string()));
            values.push((greatest + random.between(2, 1_000_000)).to_string());
        }
        values
    }

    /// A value of an enumeration or of a pattern that was spoiled.
    fn spoiled(&self, random: &mut Random) -> Option<String> {
        if self.kind != ValueType::String || (!self.is_enumeration() && self.facets.patterns.is_empty()) {
            return None;
        }
        let start = self.random(random).unwrap_or_default();
        let expressions = self.expressions();
        let is_good = |text: &str| {
            let listed = [&self.facets.enumeration, &self.facets.device_only]
                .iter()
                .any(|all| all.iter().any(|v| v == text));
            if self.is_enumeration() {
                listed
            } else {
                expressions.iter().any(|e| e.matches(text))
            }
        };
        (0..TRIES).map(|_| spoil(&start, random)).find(|text| !is_good(text))
    }
}

/// A text with one character more, less or another, or in another case.
fn spoil(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = random.below(chars.len());
    let c = random.text(1).chars().next().unwrap_or('x');
    match random.below(5) {
        0 => chars.insert(at, c),
        1 => chars.push(c),
        2 if !chars.is_empty() => {
            chars.remove(at);
        }
        3 if !chars.is_empty() => chars[at] = c,
        _ => return text.to_lowercase(),
    }
    chars.into_iter().collect()
}

fn is_number(kind: ValueType) -> bool {
    use ValueType::{Decimal, Int, Long, UnsignedInt, UnsignedLong};
    matches!(kind, Int | UnsignedInt | Long | UnsignedLong | Decimal)
}

/// The least and the greatest number of a type.
fn limits(kind: ValueType) -> (i128, i128) {
    match kind {
        ValueType::Int => (i32::MIN.into(), i32::MAX.into()),
        ValueType::UnsignedInt => (0, u32::MAX.into()),
        ValueType::UnsignedLong => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}
