//! Enums that are no enumerations.
use cwmp_plugin_sdk::Enumeration;

#[derive(Enumeration)]
enum Level {
    Low,
    High(u32), //~ a value of an enumeration has no fields
}

#[derive(Enumeration)]
enum Twice {
    On,
    #[value("On")] //~ 'On' is the value of another variant
    Lit,
}

#[derive(Enumeration)]
enum Nothing {} //~ an enumeration has at least one value

#[derive(Enumeration)]
struct Status; //~ only an enum can be an enumeration
