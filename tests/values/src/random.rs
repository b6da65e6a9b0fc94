//! Numbers and texts at random, the same for the same seed.

/// A generator of numbers (SplitMix64): good enough for tests, and without a dependency.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// Characters of every length in UTF-8, and those that mean something to XML, SOAP or a bus.
const LETTERS: &[char] = &[
    'a', 'b', 'c', 'd', 'x', 'y', 'z', 'A', 'B', 'Z', '0', '1', '2', '9', '-', '_', '.', ':', '/', '@', '#',
    '%', '+', '=', '<', '>', '&', '"', '\'', ';', '|', '\\', '{', '}', '(', ')', '$', '^', '*', '?', '!',
    '~', 'é', 'ß', 'Ω', '漢', '字', '😀',
];

/// Characters that XML 1.0 does not have.
const FORBIDDEN: &[char] = &['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{1f}', '\u{fffe}', '\u{ffff}'];

impl Random {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a limit; 0 if that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        // Smaller than a `usize`, so it is one.
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    /// A number between two, both included.
    pub fn between(&mut self, low: i128, high: i128) -> i128 {
        let wide = i128::from(self.number()) << 32 ^ i128::from(self.number());
        low + wide.rem_euclid((high - low).max(0) + 1)
    }

    /// One of several; `None` of none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// A text of so many characters. White space is only inside, and single.
    pub fn text(&mut self, length: usize) -> String {
        let mut text = String::new();
        for i in 0..length {
            let inside = i > 0 && i + 1 < length && !text.ends_with(' ');
            let c = if inside && self.below(8) == 0 { ' ' } else { LETTERS[self.below(LETTERS.len())] };
            text.push(c);
        }
        text
    }

    /// A text that no XML message can carry.
    pub fn forbidden_text(&mut self) -> String {
        let length = self.below(12);
        let mut text: Vec<char> = self.text(length).chars().collect();
        let at = self.below(text.len() + 1);
        text.insert(at, FORBIDDEN[self.below(FORBIDDEN.len())]);
        text.into_iter().collect()
    }
}
