//! Tables for people: aligned columns, no borders.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Spaces between columns.
const GAP: usize = 2;

/// Rows under a head.
#[derive(Debug)]
pub(crate) struct Table {
    columns: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { columns: head.len(), rows: vec![head.iter().map(|h| (*h).to_owned()).collect()] }
    }

    /// Adds a row. What does not fit under the head is left out.
    pub(crate) fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        self.rows.push(cells.into_iter().take(self.columns).map(|c| plain(c).into_owned()).collect());
    }

    /// The whole as text; nothing if there is only the head.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.rows.len() < 2 {
            return text;
        }
        let wide = |column: usize| {
            self.rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns).map(wide).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                // Writing to a string does not fail.
                let _ = write!(line, "{cell:<width$}{:GAP$}", "");
            }
            text.push_str(line.trim_end_matches(' '));
            text.push('\n');
        }
        text
    }
}

/// A text on one line of a terminal. Values come from outside (the name of a neighbour's network is one), so nothing in
/// them may move the cursor, change colours or the direction of writing.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_dangerous(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_where_they_end() {
        let mut table = Table::new(&["PATH", "VALUE"]);
        table.row(["Device.Größe", "1"]);
        table.row(["Device.A", ""]);
        assert_eq!(table.text(), "PATH          VALUE\nDevice.Größe  1\nDevice.A\n");
        assert_eq!(Table::new(&["PATH"]).text(), "");
    }

    #[test]
    fn a_value_stays_on_its_line_and_cannot_speak_to_the_terminal() {
        assert_eq!(plain("a\nb\x1b[31m\u{9b}c\u{202e}d"), "a\\nb\\u{1b}[31m\\u{9b}c\\u{202e}d");
        assert_eq!(plain("plain – ünicode \\n"), "plain – ünicode \\n");
    }
}
