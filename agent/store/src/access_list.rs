//! An access list in one text column: an entry a line, `\n` and `\\` for what a line cannot hold.

/// The column's text.
pub(crate) fn encode(entries: &[String]) -> String {
    let mut text = String::new();
    for entry in entries {
        for character in entry.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        // Every entry ends its line, so that no entries and one empty entry differ.
        text.push('\n');
    }
    text
}

/// The entries in a column's text.
pub(crate) fn decode(text: &str) -> Vec<String> {
    text.split_terminator('\n').map(decode_entry).collect()
}

fn decode_entry(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => entry.push('\n'),
                Some(other) => entry.push(other),
                None => {}
            },
            other => entry.push(other),
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_access_list_comes_back_as_it_went_in(entries in prop::collection::vec("[a\\\\\nn]{0,4}|.{0,8}", 0..5)) {
            prop_assert_eq!(decode(&encode(&entries)), entries);
        }
    }

    #[test]
    fn no_entries_and_one_empty_entry_differ() {
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[String::new()]), "\n");
    }
}
