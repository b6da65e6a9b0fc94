//! The corpora of the fuzz targets, replayed.

#[path = "../../../tests/fuzz/bodies/read_acs_message.rs"]
mod read_acs_message;
#[path = "../../../tests/fuzz/bodies/read_cpe_message.rs"]
mod read_cpe_message;
#[path = "../../../tests/fuzz/bodies/replay.rs"]
mod replay;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz");

#[test]
fn the_corpus_of_read_acs_message_has_no_finding() {
    replay::replay(FUZZ, "read_acs_message", read_acs_message::run);
}

#[test]
fn the_corpus_of_read_cpe_message_has_no_finding() {
    replay::replay(FUZZ, "read_cpe_message", read_cpe_message::run);
}

/// C102, and what devices and servers of the field send: odd counts of arrays, types of the SOAP encoding, no types, no
/// header, white space everywhere.
#[test]
fn messages_of_the_field_are_read() {
    let limits = cwmp_proto::Limits::default();
    let file = |target: &str, name: &str| std::fs::read(format!("{FUZZ}/corpus/{target}/{name}")).unwrap();
    for name in [
        "genieacs_set",
        "attributes_not_changed",
        "informresponse_extra",
        "perl_without_types",
        "bom_and_stranger",
    ] {
        cwmp_proto::read(&file("read_acs_message", name), limits).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    for name in ["genieacs_broken_fault", "entity_bomb"] {
        cwmp_proto::read(&file("read_acs_message", name), limits).unwrap_err();
    }
    for name in [
        "sagemcom_inform",
        "azroad_inform",
        "huawei_inform",
        "smartrg_values",
        "easycwmp_names",
        "mikrotik_without_header",
        "fault_with_prefix",
    ] {
        cwmp_proto::acs::read(&file("read_cpe_message", name), limits)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}
