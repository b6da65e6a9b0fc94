//! Events and the queue that delivers them (TR-069 3.7.1.5, Table 8).

/// The most events of one Inform (C72).
pub const MAX_EVENTS: usize = 64;
/// The longest event code, in characters.
pub const MAX_CODE: usize = 64;
/// The most events that may wait; beyond, only those that are listed once are taken.
pub const MAX_WAITING: usize = 512;

/// First contact with this ACS.
pub const BOOTSTRAP: &str = "0 BOOTSTRAP";
/// The device started.
pub const BOOT: &str = "1 BOOT";
/// The periodic Inform.
pub const PERIODIC: &str = "2 PERIODIC";
/// A scheduled Inform.
pub const SCHEDULED: &str = "3 SCHEDULED";
/// Values changed.
pub const VALUE_CHANGE: &str = "4 VALUE CHANGE";
/// The ACS asked for a session.
pub const CONNECTION_REQUEST: &str = "6 CONNECTION REQUEST";
/// A transfer ended.
pub const TRANSFER_COMPLETE: &str = "7 TRANSFER COMPLETE";
/// A diagnostic that the ACS asked for has ended.
pub const DIAGNOSTICS_COMPLETE: &str = "8 DIAGNOSTICS COMPLETE";
/// The ACS rebooted the device.
pub const M_REBOOT: &str = "M Reboot";
/// The ACS scheduled this Inform.
pub const M_SCHEDULE_INFORM: &str = "M ScheduleInform";

/// What makes an event delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveredBy {
    /// The InformResponse.
    Inform,
    /// The response to our own request of this name.
    Request(&'static str),
}

/// How long an undelivered event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until it is delivered, over reboots.
    Always,
    /// Until it is delivered or the device reboots.
    UntilReboot,
    /// For one session only; it is not tried again.
    Once,
}

/// One line of Table 8.
#[derive(Debug)]
struct Rule {
    code: &'static str,
    /// Listed once, however often it happened.
    single: bool,
    delivered_by: DeliveredBy,
    keep: Keep,
    /// The event that stands beside it in the Inform (C82).
    beside: Option<&'static str>,
}

const fn rule(code: &'static str, delivered_by: DeliveredBy, keep: Keep) -> Rule {
    Rule { code, single: true, delivered_by, keep, beside: None }
}

const fn method(code: &'static str, beside: &'static str, delivered_by: DeliveredBy) -> Rule {
    Rule { code, single: false, delivered_by, keep: Keep::Always, beside: Some(beside) }
}

use DeliveredBy::{Inform, Request};

static RULES: &[Rule] = &[
    rule(BOOTSTRAP, Inform, Keep::Always),
    // A reboot makes a new one.
    rule(BOOT, Inform, Keep::UntilReboot),
    rule(PERIODIC, Inform, Keep::Always),
    rule(SCHEDULED, Inform, Keep::Always),
    rule(VALUE_CHANGE, Inform, Keep::UntilReboot),
    rule("5 KICKED", Request("Kicked"), Keep::UntilReboot),
    rule(CONNECTION_REQUEST, Inform, Keep::Once),
    rule(TRANSFER_COMPLETE, Request("TransferComplete"), Keep::Always),
    rule(DIAGNOSTICS_COMPLETE, Inform, Keep::UntilReboot),
    rule("9 REQUEST DOWNLOAD", Request("RequestDownload"), Keep::UntilReboot),
    rule("10 AUTONOMOUS TRANSFER COMPLETE", Request("AutonomousTransferComplete"), Keep::Always),
    rule("11 DU STATE CHANGE COMPLETE", Request("DUStateChangeComplete"), Keep::Always),
    rule("12 AUTONOMOUS DU STATE CHANGE COMPLETE", Request("AutonomousDUStateChangeComplete"), Keep::Always),
    rule("13 WAKEUP", Inform, Keep::UntilReboot),
    rule("14 HEARTBEAT", Inform, Keep::Once),
    method(M_REBOOT, BOOT, Inform),
    method(M_SCHEDULE_INFORM, SCHEDULED, Inform),
    method("M Download", TRANSFER_COMPLETE, Request("TransferComplete")),
    method("M ScheduleDownload", TRANSFER_COMPLETE, Request("TransferComplete")),
    method("M Upload", TRANSFER_COMPLETE, Request("TransferComplete")),
    method("M ChangeDUState", "11 DU STATE CHANGE COMPLETE", Request("DUStateChangeComplete")),
];

/// The start of the event codes that vendors define (Table 8): `X OUI text`.
pub const VENDOR_PREFIX: &str = "X ";

/// A vendor's event is told until it is delivered.
static VENDOR: Rule =
    Rule { code: "X", single: false, delivered_by: DeliveredBy::Inform, keep: Keep::Always, beside: None };

fn rule_of(code: &str) -> Option<&'static Rule> {
    let vendor = code.len() <= MAX_CODE && (code.starts_with(VENDOR_PREFIX) || code.starts_with("M X_"));
    RULES.iter().find(|r| r.code == code).or(vendor.then_some(&VENDOR))
}

/// What makes an event delivered, `None` for a code that does not exist (C80).
pub fn delivered_by(code: &str) -> Option<DeliveredBy> {
    rule_of(code).map(|r| r.delivered_by)
}

/// An undelivered event, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place in the order of happening.
    pub seq: u64,
    /// The event code.
    pub code: String,
    /// The command key of the request that caused it, or empty.
    pub command_key: String,
}

/// A change of the queue that the caller stores before it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Keep this event.
    Put(EventRecord),
    /// The event with this number is delivered or discarded.
    Remove(u64),
}

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no such code (C80).
    UnknownCode,
    /// Too many wait already: it may be added again when some of them were delivered.
    Full,
}

/// The undelivered events, in the order of happening.
#[derive(Debug, Clone, Default)]
pub struct EventQueue {
    events: Vec<EventRecord>,
    next: u64,
    /// The numbers of stored events that this version does not know.
    unknown: Vec<u64>,
}

impl EventQueue {
    /// The queue as it was stored, after the agent started again without a reboot.
    ///
    /// Nothing pending is lost; what is never retried is not there, because it was never stored. Events that only a newer
    /// agent knows are not told (C80) and stay in the store, for when that agent is back.
    pub fn restored(mut records: Vec<EventRecord>) -> Self {
        records.sort_by_key(|r| r.seq);
        let next = records.last().map_or(1, |r| r.seq + 1);
        let (events, unknown): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|r| rule_of(&r.code).is_some());
        Self { events, next, unknown: unknown.into_iter().map(|r| r.seq).collect() }
    }

    /// How many events are in the store that this version does not know.
    pub fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// Drops what does not outlive a reboot.
    pub fn reboot(&mut self) -> Vec<Change> {
        self.discard(|r| rule_of(&r.code).is_none_or(|rule| rule.keep != Keep::Always))
    }

    /// Adds an event. A single event that is in the queue already stays as it is (C81).
    ///
    /// `0 BOOTSTRAP` discards all others (C86). Events that are never retried give no change to store.
    pub fn add(&mut self, code: &str, command_key: &str) -> Result<Vec<Change>, Refused> {
        let rule = rule_of(code).ok_or(Refused::UnknownCode)?;
        let mut changes = Vec::new();
        if code == BOOTSTRAP {
            changes = self.discard(|r| r.code != BOOTSTRAP);
            // Another ACS is not told what a newer agent had to tell to the one before.
            changes.extend(std::mem::take(&mut self.unknown).into_iter().map(Change::Remove));
        }
        // Two causes with the same code and key are one line of the Inform (C72).
        let known = |r: &EventRecord| r.code == code && (rule.single || r.command_key == command_key);
        if self.events.iter().any(known) {
            return Ok(changes);
        }
        // Whoever raises events faster than an ACS takes them must not fill the memory and the store.
        if !rule.single && self.events.len() >= MAX_WAITING {
            return Err(Refused::Full);
        }
        let record =
            EventRecord { seq: self.next.max(1), code: code.to_owned(), command_key: command_key.to_owned() };
        self.next = record.seq + 1;
        self.events.push(record.clone());
        if rule.keep != Keep::Once {
            changes.push(Change::Put(record));
        }
        Ok(changes)
    }

    /// The events of the next Inform, at most [`MAX_EVENTS`], with what must stand beside them (C82, C83).
    ///
    /// An event that stands beside another is in the list even if it was not in the queue.
    pub fn for_inform(&self) -> Vec<EventRecord> {
        let mut list: Vec<EventRecord> = Vec::new();
        for event in &self.events {
            let beside = rule_of(&event.code).and_then(|r| r.beside);
            let missing = beside.filter(|code| {
                !self.events.iter().any(|e| e.code == **code) && !list.iter().any(|e| e.code == **code)
            });
            let extra = usize::from(missing.is_some());
            if list.len() + 1 + extra > MAX_EVENTS {
                // The rest rides in the next Inform.
                break;
            }
            if let Some(code) = missing {
                list.push(EventRecord { seq: 0, code: code.to_owned(), command_key: String::new() });
            }
            list.push(event.clone());
        }
        // Numbered events first, in the order of their numbers, then methods: what an ACS expects to read.
        list.sort_by_key(|e| (number_of(&e.code), e.seq));
        list
    }

    /// The InformResponse came: what it delivers is gone, of the events that were in that Inform (C93).
    pub fn informed(&mut self, told: &[EventRecord]) -> Vec<Change> {
        self.discard(|r| {
            told.iter().any(|t| t.seq == r.seq)
                && delivered_by(&r.code).is_none_or(|d| d == DeliveredBy::Inform)
        })
    }

    /// The response to our own request came: one event with this command key and what stands beside it is gone.
    pub fn answered(&mut self, request: &str, command_key: &str) -> Vec<Change> {
        let by = |r: &EventRecord| matches!(delivered_by(&r.code), Some(DeliveredBy::Request(name)) if name == request);
        let keyed =
            self.events.iter().find(|r| by(r) && r.code.starts_with('M') && r.command_key == command_key);
        let keyed = keyed.map(|r| r.seq);
        let more = self.events.iter().any(|r| by(r) && r.code.starts_with('M') && Some(r.seq) != keyed);
        self.discard(|r| Some(r.seq) == keyed || (by(r) && !r.code.starts_with('M') && !more))
    }

    /// A session ended without success: what is not retried goes. It was never stored, so there is nothing to store.
    pub fn failed(&mut self) {
        let once = |r: &EventRecord| rule_of(&r.code).is_none_or(|rule| rule.keep == Keep::Once);
        self.events.retain(|r| !once(r));
    }

    /// Discards everything, for a factory reset.
    pub fn clear(&mut self) {
        self.events.clear();
        self.unknown.clear();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The undelivered events, in the order of happening.
    pub fn events(&self) -> &[EventRecord] {
        &self.events
    }

    fn discard(&mut self, gone: impl Fn(&EventRecord) -> bool) -> Vec<Change> {
        let (out, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.events).into_iter().partition(gone);
        self.events = kept;
        out.into_iter().map(|r| Change::Remove(r.seq)).collect()
    }
}

fn number_of(code: &str) -> u32 {
    code.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queue(events: &[(&str, &str)]) -> EventQueue {
        let mut queue = EventQueue::default();
        for (code, key) in events {
            queue.add(code, key).unwrap();
        }
        queue
    }

    fn told(queue: &EventQueue) -> Vec<String> {
        let line = |e: EventRecord| {
            if e.command_key.is_empty() {
                e.code
            } else {
                format!("{} ({})", e.code, e.command_key)
            }
        };
        queue.for_inform().into_iter().map(line).collect()
    }

    /// C80: codes are whole strings; unknown ones are never produced, vendor ones are.
    #[test]
    fn an_unknown_code_is_refused() {
        let mut queue = EventQueue::default();
        for bad in ["2 periodic", "2", "15 NEW", "", "M Nothing"] {
            assert_eq!(queue.add(bad, ""), Err(Refused::UnknownCode), "{bad}");
        }
        assert_eq!(queue.add(&format!("X {}", "a".repeat(MAX_CODE)), ""), Err(Refused::UnknownCode));
        assert!(queue.add("X 00AABB Door", "").is_ok());
    }

    /// C80: what only a newer agent knows is not told, and nothing but another ACS takes it out of the store.
    #[test]
    fn an_event_of_a_newer_agent_is_kept_for_it() {
        let record = |seq, code: &str| EventRecord { seq, code: code.to_owned(), command_key: String::new() };
        let stored = vec![record(9, "15 NEW"), record(4, PERIODIC), record(7, "M New")];
        let mut queue = EventQueue::restored(stored);
        assert_eq!((told(&queue), queue.unknown()), (vec![PERIODIC.to_owned()], 2));
        assert_eq!(queue.reboot(), []);
        queue.failed();
        let all = queue.for_inform();
        assert_eq!(queue.informed(&all), [Change::Remove(4)]);
        assert!(queue.is_empty());
        // Its number is not given to another.
        let added = queue.add(BOOT, "").unwrap();
        assert!(matches!(&added[..], [Change::Put(record)] if record.seq == 10), "{added:?}");
        let mut gone = queue.add(BOOTSTRAP, "").unwrap();
        gone.retain(|change| matches!(change, Change::Remove(_)));
        assert_eq!(gone, [Change::Remove(10), Change::Remove(7), Change::Remove(9)]);
        assert_eq!(queue.unknown(), 0);
    }

    /// C72, C81: single events collapse, multiple ones are listed once per occurrence in their order.
    #[test]
    fn single_events_collapse_and_multiple_ones_do_not() {
        let queue = queue(&[
            (PERIODIC, ""),
            (M_REBOOT, "b"),
            (PERIODIC, ""),
            (M_REBOOT, "a"),
            (M_REBOOT, "b"),
            (BOOT, ""),
        ]);
        assert_eq!(told(&queue), ["1 BOOT", "2 PERIODIC", "M Reboot (b)", "M Reboot (a)"]);
    }

    /// C72: an Inform has at most 64 events; the others wait for the next.
    #[test]
    fn the_sixty_fifth_event_waits() {
        let mut all = queue(&[(BOOT, "")]);
        for i in 0..100 {
            all.add(M_REBOOT, &i.to_string()).unwrap();
        }
        let first = all.for_inform();
        assert_eq!(first.len(), MAX_EVENTS);
        all.informed(&first);
        assert_eq!(all.events().len(), 101 - MAX_EVENTS);
    }

    /// C84: a flood is refused, not stored; what is listed once is always taken, and there is room again after a delivery.
    #[test]
    fn a_full_queue_refuses_what_could_be_added_for_ever() {
        let mut all = EventQueue::default();
        for i in 0..MAX_WAITING {
            all.add(&format!("X 00AABB {i}"), "").unwrap();
        }
        assert_eq!(all.add("X 00AABB more", ""), Err(Refused::Full));
        assert_eq!(all.add(M_REBOOT, "key"), Err(Refused::Full));
        // One that waits already is no more than before.
        assert_eq!(all.add("X 00AABB 7", ""), Ok(Vec::new()));
        assert!(all.add(PERIODIC, "").is_ok() && all.add(BOOT, "").is_ok());
        all.informed(&all.for_inform());
        assert!(all.add(M_REBOOT, "key").is_ok());
    }

    /// C82: the event of a method stands beside its numbered one.
    #[test]
    fn a_method_event_brings_its_numbered_one() {
        assert_eq!(told(&queue(&[(M_SCHEDULE_INFORM, "k")])), ["3 SCHEDULED", "M ScheduleInform (k)"]);
        assert_eq!(told(&queue(&[("M Download", "k")])), ["7 TRANSFER COMPLETE", "M Download (k)"]);
    }

    /// C83, C219: what a failed session did not deliver rides in the next one, but a connection request does not.
    #[test]
    fn undelivered_events_ride_in_the_next_session() {
        let mut queue = queue(&[(PERIODIC, ""), (CONNECTION_REQUEST, "")]);
        queue.failed();
        queue.add(VALUE_CHANGE, "").unwrap();
        assert_eq!(told(&queue), ["2 PERIODIC", "4 VALUE CHANGE"]);
    }

    /// C84: a connection request and a heartbeat are never stored, everything else is before it is acted on.
    #[test]
    fn only_what_is_retried_is_stored() {
        let mut queue = EventQueue::default();
        assert_eq!(queue.add(CONNECTION_REQUEST, "").unwrap(), []);
        assert_eq!(queue.add("14 HEARTBEAT", "").unwrap(), []);
        assert_eq!(queue.add(M_REBOOT, "k").unwrap().len(), 1);
    }

    /// C85: the event of a reboot goes with the InformResponse and never comes back.
    #[test]
    fn a_delivered_reboot_is_not_told_again() {
        let mut queue = queue(&[(BOOT, ""), (M_REBOOT, "k")]);
        let inform = queue.for_inform();
        assert_eq!(queue.informed(&inform).len(), 2);
        queue.reboot();
        assert!(queue.is_empty());
    }

    /// C93: an InformResponse delivers what was in that Inform, not what came after it, nor what needs another response.
    #[test]
    fn an_inform_response_delivers_only_what_it_answers() {
        let mut queue = queue(&[(PERIODIC, ""), ("M Download", "k"), (TRANSFER_COMPLETE, "")]);
        let inform = queue.for_inform();
        queue.add(VALUE_CHANGE, "").unwrap();
        queue.informed(&inform);
        assert_eq!(told(&queue), ["4 VALUE CHANGE", "7 TRANSFER COMPLETE", "M Download (k)"]);
        queue.answered("TransferComplete", "k");
        assert_eq!(told(&queue), ["4 VALUE CHANGE"]);
    }

    #[test]
    fn a_transfer_response_delivers_one_of_two_transfers() {
        let mut queue = queue(&[(TRANSFER_COMPLETE, ""), ("M Download", "a"), ("M Upload", "b")]);
        queue.answered("TransferComplete", "a");
        assert_eq!(told(&queue), ["7 TRANSFER COMPLETE", "M Upload (b)"]);
        queue.answered("TransferComplete", "b");
        assert!(queue.is_empty());
    }

    /// C86: BOOTSTRAP discards all other undelivered events, and may be followed by BOOT.
    #[test]
    fn bootstrap_discards_what_was_before_it() {
        let mut queue = queue(&[(PERIODIC, ""), (M_REBOOT, "k")]);
        let changes = queue.add(BOOTSTRAP, "").unwrap();
        assert_eq!(changes.len(), 3);
        queue.add(BOOT, "").unwrap();
        assert_eq!(told(&queue), ["0 BOOTSTRAP", "1 BOOT"]);
    }

    #[test]
    fn a_reboot_drops_what_does_not_outlive_it_and_a_restart_nothing() {
        let mut before = queue(&[(VALUE_CHANGE, ""), (PERIODIC, ""), (DIAGNOSTICS_COMPLETE, "")]);
        let restored = EventQueue::restored(before.events().to_vec());
        assert_eq!(told(&restored), told(&before));
        before.reboot();
        assert_eq!(told(&before), ["2 PERIODIC"]);
    }

    proptest! {
        /// C72: whatever happens, no pair of code and key is listed twice.
        #[test]
        fn no_pair_is_listed_twice(picks in proptest::collection::vec((0usize..RULES.len(), 0u8..3), 0..80)) {
            let mut queue = EventQueue::default();
            for (i, key) in picks {
                let single = RULES[i].single;
                queue.add(RULES[i].code, &if single { String::new() } else { key.to_string() }).unwrap();
            }
            let list = queue.for_inform();
            prop_assert!(list.len() <= MAX_EVENTS);
            let mut pairs: Vec<_> = list.iter().map(|e| (&e.code, &e.command_key)).collect();
            pairs.sort();
            pairs.dedup();
            prop_assert_eq!(pairs.len(), list.len());
        }

        /// C84: the stored records are the queue, but for what is never stored.
        #[test]
        fn the_stored_changes_rebuild_the_queue(steps in proptest::collection::vec((0usize..RULES.len(), 0u8..4), 0..60)) {
            let mut queue = EventQueue::default();
            let mut stored = std::collections::BTreeMap::new();
            for (i, what) in steps {
                let changes = match what {
                    0 => { let told = queue.for_inform(); queue.informed(&told) }
                    1 => queue.answered("TransferComplete", ""),
                    2 => {
                        queue.failed();
                        Vec::new()
                    }
                    _ => queue.add(RULES[i].code, "").unwrap(),
                };
                for change in changes {
                    match change {
                        Change::Put(r) => { stored.insert(r.seq, r); }
                        Change::Remove(seq) => { stored.remove(&seq); }
                    }
                }
            }
            queue.failed();
            prop_assert_eq!(stored.into_values().collect::<Vec<_>>(), queue.events().to_vec());
        }
    }
}
