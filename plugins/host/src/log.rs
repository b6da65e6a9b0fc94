//! The log: to stderr, each line with the name of the plugin.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that says what is logged, such as `debug`.
pub(crate) const VARIABLE: &str = "CWMP_LOG";
/// The most lines that somebody else can cause in a second.
pub(crate) const MAX_LINES_PER_SECOND: u32 = 100;

struct Line {
    plugin: String,
    time: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.time {
            SystemTime.format_time(&mut out)?;
            out.write_char(' ')?;
        }
        write!(out, "{:>5} plugin {}: ", event.metadata().level(), self.plugin)?;
        context.field_format().format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

/// Starts the log for a plugin. The journal has its own clock.
pub(crate) fn start(plugin: &str, default: &str) {
    let wanted = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    let filter: Targets = wanted.or_else(|| default.parse().ok()).unwrap_or_default();
    let line = Line { plugin: plugin.to_owned(), time: std::env::var_os("JOURNAL_STREAM").is_none() };
    // A second start, in a test, keeps the first log.
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).event_format(line);
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// A text that cannot be mistaken for another line of the log.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Keeps a plugin, or whoever calls it, from filling the log.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    second: Mutex<Option<(Instant, u32)>>,
}

impl Limit {
    /// Says something, unless too much was said in this second.
    pub(crate) fn say(&self, say: impl FnOnce()) {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, lines) = second.get_or_insert_with(|| (Instant::now(), 0));
        if start.elapsed() >= Duration::from_secs(1) {
            if *lines > MAX_LINES_PER_SECOND {
                tracing::warn!("too much to log: {} lines left out", *lines - MAX_LINES_PER_SECOND);
            }
            (*start, *lines) = (Instant::now(), 0);
        }
        *lines = lines.saturating_add(1);
        let quiet = *lines > MAX_LINES_PER_SECOND;
        drop(second);
        if !quiet {
            say();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line() {
        assert_eq!(printable("a\nERROR b\u{1b}[2J"), "a ERROR b [2J");
        assert_eq!(printable("ä b"), "ä b");
    }

    #[test]
    fn a_plugin_cannot_fill_the_log() {
        let limit = Limit::default();
        let mut said = 0;
        for _ in 0..10 * MAX_LINES_PER_SECOND {
            limit.say(|| said += 1);
        }
        // A slow machine may see a second go by.
        assert!((MAX_LINES_PER_SECOND..5 * MAX_LINES_PER_SECOND).contains(&said), "{said}");
    }
}
