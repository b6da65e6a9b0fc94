//! XML for people: an element a line, indented.

/// Lays out an envelope: an element a line, leaves with their text. Text that is no XML comes back as it is.
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    let mut depth = 0_usize;
    let mut rest = text.trim();
    // Whether the last thing written was a start tag, so that what follows may be its text.
    let mut open = false;
    while let Some(at) = rest.find('<') {
        let (between, tagged) = rest.split_at(at);
        let Some(end) = tagged.find('>') else { break };
        let (tag, after) = tagged.split_at(end + 1);
        let closes = tag.starts_with("</");
        if !between.trim().is_empty() {
            out.push_str(between);
        }
        if closes {
            depth = depth.saturating_sub(1);
        }
        // The end of a leaf stays on the leaf's line.
        if !out.is_empty() && (!closes || !open) {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
        out.push_str(tag);
        open = !closes && !tag.ends_with("/>") && !tag.starts_with("<?") && !tag.starts_with("<!");
        if open {
            depth += 1;
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn leaves_stay_on_their_line_and_levels_are_indented() {
        let text = "<?xml version=\"1.0\"?><a><b>x &lt; y</b><c/><d><e></e></d></a>";
        let wanted =
            "<?xml version=\"1.0\"?>\n<a>\n  <b>x &lt; y</b>\n  <c/>\n  <d>\n    <e></e>\n  </d>\n</a>";
        assert_eq!(pretty(text), wanted);
        assert_eq!(pretty("no XML at all"), "no XML at all");
        assert_eq!(pretty("<broken"), "<broken");
    }
}
